//! Logins: a cookie that says until when it holds, signed. Nothing is kept on the server but which of them were ended before
//! their time, and that only until a restart: the browser that logged out has none any more.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use keiki_model::time::Millis;
use parking_lot::Mutex;
use ring::hmac;

use super::hex;

/// Of how many logins that were ended is known. Beyond, those that end soonest by themselves are forgotten.
const ENDED: usize = 10_000;

/// Signs cookies and knows its own again.
#[derive(Debug)]
pub struct Sessions {
    key: hmac::Key,
    length: Duration,
    /// Until when the newest login holds: that names it, so that no two may have the same.
    newest: AtomicI64,
    /// Those that were ended, by the time until when they would hold.
    ended: Mutex<BTreeSet<Millis>>,
}

impl Sessions {
    /// With a key that is made from the password's hash: another password ends all logins.
    pub fn new(password_hash: &str, length: Duration) -> Self {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, password_hash.as_bytes());
        let key = hmac::sign(&secret, b"keiki session key");
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()),
            length,
            newest: AtomicI64::new(Millis::MIN),
            ended: Mutex::default(),
        }
    }

    /// How long a login holds.
    pub fn length(&self) -> Duration {
        self.length
    }

    /// The cookie of a login.
    pub fn issue(&self, now: Millis) -> String {
        let length = Millis::try_from(self.length.as_millis()).unwrap_or(Millis::MAX);
        let until = now.saturating_add(length);
        let before = self.newest.fetch_max(until, Ordering::Relaxed);
        // Another one of this millisecond: it gets the next that nobody has.
        let until = if before < until {
            until
        } else {
            self.newest.fetch_add(1, Ordering::Relaxed) + 1
        };
        let until = until.to_string();
        let signature = hmac::sign(&self.key, until.as_bytes());
        [until.as_str(), ".", &hex(signature.as_ref())].concat()
    }

    /// Until when a cookie holds, if it is one of these and still does.
    pub fn check(&self, cookie: &str, now: Millis) -> Option<Millis> {
        let (until, signature) = cookie.split_once('.')?;
        let signature: Option<Vec<u8>> = (0..signature.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(signature.get(at..at + 2)?, 16).ok())
            .collect();
        hmac::verify(&self.key, until.as_bytes(), &signature?).ok()?;
        until.parse().ok().filter(|until| self.holds(*until, now))
    }

    /// Whether a login that would hold until then does still.
    pub fn holds(&self, until: Millis, now: Millis) -> bool {
        now < until && !self.ended.lock().contains(&until)
    }

    /// Ends the login of a cookie, if it is one of these, for whoever holds a copy of it too.
    pub fn end(&self, cookie: &str, now: Millis) {
        let Some(until) = self.check(cookie, now) else {
            return;
        };
        let mut ended = self.ended.lock();
        // What has ended by itself needs no mention.
        *ended = ended.split_off(&now);
        ended.insert(until);
        if ended.len() > ENDED {
            ended.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ended_holds_no_longer() {
        let sessions = Sessions::new("hash", Duration::from_secs(10));
        let (mine, other) = (sessions.issue(1_000), sessions.issue(1_001));
        sessions.end("1.00", 1_002);
        sessions.end(&mine.to_uppercase(), 1_002);
        assert_eq!(sessions.check(&mine, 1_002), None);
        assert!(!sessions.holds(11_000, 1_002));
        assert_eq!(sessions.check(&other, 1_002), Some(11_001));
        let next = sessions.issue(20_000);
        sessions.end(&next, 20_001);
        assert_eq!(sessions.ended.lock().len(), 1, "those of the past are forgotten");
    }

    #[test]
    fn two_logins_of_a_millisecond_are_two() {
        let sessions = Sessions::new("hash", Duration::from_secs(10));
        let (mine, other) = (sessions.issue(1_000), sessions.issue(1_000));
        sessions.end(&mine, 1_002);
        assert_eq!(sessions.check(&mine, 1_002), None);
        assert_eq!(sessions.check(&other, 1_002), Some(11_001));
    }

    #[test]
    fn a_cookie_holds_until_its_end_and_for_its_password() {
        let sessions = Sessions::new("hash", Duration::from_secs(10));
        let cookie = sessions.issue(1_000);
        assert_eq!(sessions.check(&cookie, 1_000), Some(11_000));
        assert_eq!(sessions.check(&cookie, 11_000), None);
        assert_eq!(
            Sessions::new("other", Duration::from_secs(10)).check(&cookie, 1_000),
            None
        );
        for forged in [
            cookie.replacen('1', "9", 1),
            cookie.clone() + "0",
            cookie.clone() + "é",
            cookie[..cookie.len() - 2].to_owned(),
            "99999999999999.".to_owned(),
            String::new(),
        ] {
            assert_eq!(sessions.check(&forged, 1_000), None, "{forged}");
        }
    }
}

//! Logins: a cookie that says which it is and until when it holds, signed. Nothing is kept on the server but which of them
//! were ended before their time, and that only until a restart: the browser that logged out has none any more.

use std::collections::BTreeSet;
use std::time::Duration;

use keiki_model::time::Millis;
use parking_lot::Mutex;
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};

use super::hex;

/// Of how many logins that were ended is known. Beyond, those that end soonest by themselves are forgotten.
const ENDED: usize = 10_000;

/// A login. Those that end first come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Session {
    /// Until when it holds.
    until: Millis,
    /// Tells it from others that hold as long: random, so that it depends on no clock and no order.
    number: u64,
}

/// Signs cookies and knows its own again.
#[derive(Debug)]
pub struct Sessions {
    key: hmac::Key,
    length: Duration,
    /// Those that were ended before their time.
    ended: Mutex<BTreeSet<Session>>,
}

impl Sessions {
    /// With a key that is made from the password's hash: another password ends all logins.
    pub fn new(password_hash: &str, length: Duration) -> Self {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, password_hash.as_bytes());
        let key = hmac::sign(&secret, b"keiki session key");
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()),
            length,
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
        let mut number = [0; 8];
        SystemRandom::new()
            .fill(&mut number)
            .expect("the operating system gives random numbers");
        let (until, number) = (now.saturating_add(length), u64::from_be_bytes(number));
        let named = format!("{until}.{number:x}");
        let signature = hmac::sign(&self.key, named.as_bytes());
        [named.as_str(), ".", &hex(signature.as_ref())].concat()
    }

    /// The login of a cookie, if it is one of these and still holds.
    pub fn check(&self, cookie: &str, now: Millis) -> Option<Session> {
        let (named, signature) = cookie.rsplit_once('.')?;
        let signature: Option<Vec<u8>> = (0..signature.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(signature.get(at..at + 2)?, 16).ok())
            .collect();
        hmac::verify(&self.key, named.as_bytes(), &signature?).ok()?;
        let (until, number) = named.split_once('.')?;
        let (until, number) = (until.parse().ok()?, u64::from_str_radix(number, 16).ok()?);
        let session = Session { until, number };
        self.holds(session, now).then_some(session)
    }

    /// Whether a login still holds.
    pub fn holds(&self, session: Session, now: Millis) -> bool {
        now < session.until && !self.ended.lock().contains(&session)
    }

    /// Ends the login of a cookie, if it is one of these, for whoever holds a copy of it too.
    pub fn end(&self, cookie: &str, now: Millis) {
        let Some(session) = self.check(cookie, now) else {
            return;
        };
        let mut ended = self.ended.lock();
        // What has ended by itself needs no mention.
        *ended = ended.split_off(&Session { until: now, number: 0 });
        ended.insert(session);
        if ended.len() > ENDED {
            ended.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions() -> Sessions {
        Sessions::new("hash", Duration::from_secs(10))
    }

    fn until(sessions: &Sessions, cookie: &str, now: Millis) -> Option<Millis> {
        sessions.check(cookie, now).map(|session| session.until)
    }

    #[test]
    fn what_is_ended_holds_no_longer() {
        let sessions = sessions();
        let (mine, other) = (sessions.issue(1_000), sessions.issue(1_001));
        let login = sessions.check(&mine, 1_002).unwrap();
        sessions.end("1.00", 1_002);
        sessions.end("1.0.00", 1_002);
        assert!(sessions.holds(login, 1_002));
        let (named, signature) = mine.rsplit_once('.').unwrap();
        sessions.end(&format!("{named}.{}", signature.to_uppercase()), 1_002);
        assert_eq!(sessions.check(&mine, 1_002), None);
        assert!(!sessions.holds(login, 1_002));
        assert_eq!(until(&sessions, &other, 1_002), Some(11_001));
        let next = sessions.issue(20_000);
        sessions.end(&next, 20_001);
        assert_eq!(sessions.ended.lock().len(), 1, "those of the past are forgotten");
    }

    #[test]
    fn two_logins_of_a_millisecond_are_two() {
        let sessions = sessions();
        let (mine, other) = (sessions.issue(1_000), sessions.issue(1_000));
        sessions.end(&mine, 1_002);
        assert_eq!(sessions.check(&mine, 1_002), None);
        assert_eq!(until(&sessions, &other, 1_002), Some(11_000));
    }

    #[test]
    fn a_clock_that_was_ahead_lengthens_no_later_login() {
        let sessions = sessions();
        sessions.issue(9_000_000);
        let after = sessions.issue(1_000);
        assert_eq!(until(&sessions, &after, 1_000), Some(11_000));
        assert_eq!(sessions.check(&after, 11_000), None);
    }

    #[test]
    fn a_cookie_holds_until_its_end_and_for_its_password() {
        let sessions = sessions();
        let cookie = sessions.issue(1_000);
        assert_eq!(until(&sessions, &cookie, 1_000), Some(11_000));
        assert_eq!(sessions.check(&cookie, 11_000), None);
        assert_eq!(
            Sessions::new("other", Duration::from_secs(10)).check(&cookie, 1_000),
            None
        );
        let (named, signature) = cookie.rsplit_once('.').unwrap();
        for forged in [
            cookie.replacen('1', "9", 1),
            format!("{named}0.{signature}"),
            format!("11000.{signature}"),
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

//! Logins: a cookie that says until when it holds, signed. Nothing is kept on the server.

use std::time::Duration;

use keiki_model::time::Millis;
use ring::hmac;

use super::hex;

/// Signs cookies and knows its own again.
#[derive(Clone, Debug)]
pub struct Sessions {
    key: hmac::Key,
    length: Duration,
}

impl Sessions {
    /// With a key that is made from the password's hash: another password ends all logins.
    pub fn new(password_hash: &str, length: Duration) -> Self {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, password_hash.as_bytes());
        let key = hmac::sign(&secret, b"keiki session key");
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()),
            length,
        }
    }

    /// How long a login holds.
    pub fn length(&self) -> Duration {
        self.length
    }

    /// The cookie of a login.
    pub fn issue(&self, now: Millis) -> String {
        let length = Millis::try_from(self.length.as_millis()).unwrap_or(Millis::MAX);
        let until = now.saturating_add(length).to_string();
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
        until.parse().ok().filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

//! Passwords: argon2id with the parameters that OWASP names first (19 MiB, two passes).

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use ring::rand::{SecureRandom as _, SystemRandom};

/// The shortest password that is hashed, characters.
pub const SHORTEST: usize = 8;

/// Why a password can't be hashed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Anyone guesses it.
    #[error("the password has fewer than {SHORTEST} characters")]
    Short,
    /// The system has no random numbers, or no memory.
    #[error("the password can't be hashed: {0}")]
    Failed(String),
}

/// The hash of a password, in the PHC string format.
///
/// # Errors
/// It is too short, or the system lacks something.
pub fn hash(password: &str) -> Result<String, PasswordError> {
    if password.chars().count() < SHORTEST {
        return Err(PasswordError::Short);
    }
    let failed = |error: &dyn std::fmt::Display| PasswordError::Failed(error.to_string());
    let mut salt = [0; 16];
    SystemRandom::new().fill(&mut salt).map_err(|error| failed(&error))?;
    let salt = SaltString::encode_b64(&salt).map_err(|error| failed(&error))?;
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|error| failed(&error))
}

/// Whether a text is a hash that [`verify`] can read.
pub fn is_hash(text: &str) -> bool {
    PasswordHash::new(text).is_ok_and(|hash| hash.algorithm.as_str() == "argon2id" && hash.hash.is_some())
}

/// Whether a password is the one that was hashed. Takes tens of milliseconds and 19 MiB.
pub fn verify(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_its_own_and_no_other() {
        let hashed = hash("correct horse").unwrap();
        assert!(is_hash(&hashed) && hashed.starts_with("$argon2id$"));
        assert!(verify("correct horse", &hashed));
        assert!(!verify("correct horsf", &hashed) && !verify("", &hashed) && !verify("correct horse", "nonsense"));
        assert_ne!(hash("correct horse").unwrap(), hashed, "each has a salt of its own");
        assert_eq!(hash("short"), Err(PasswordError::Short));
        assert!(!is_hash("correct horse") && !is_hash("$argon2i$v=19$m=16,t=2,p=1$c2FsdHNhbHQ$") && !is_hash(""));
    }
}

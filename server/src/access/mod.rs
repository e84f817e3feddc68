//! Who may see Keiki: a password, a trusted proxy's word, or a token. What is told of a refusal, and how requests are
//! taken apart, is the web's affair (`web/guard.rs`).
//!
//! Nothing here is kept in the clear: passwords as argon2id, tokens as SHA-256 of 256 random bits. Sessions are not kept
//! at all: a cookie says until when it holds, signed with a key that is made from the password's hash, so that they outlive
//! a restart and end with the password.

pub mod network;
pub mod password;
pub mod session;
pub mod throttle;
pub mod token;

use std::path::{Path, PathBuf};
use std::time::Duration;

use self::network::Network;

/// Where data are kept when nothing is said.
pub const DEFAULT_DATA_DIR: &str = "data";

/// How access is controlled.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Argon2id in the PHC string format.
    pub password_hash: Option<String>,
    /// How long a login holds.
    pub session: Duration,
    /// The header in which a proxy names the user.
    pub proxy_header: Option<http::HeaderName>,
    /// The proxies' addresses: from there the header is believed, and who a request was forwarded for.
    pub proxy_addresses: Vec<Network>,
    /// Where tokens are kept.
    pub tokens: PathBuf,
    /// Whether everybody is asked; else Keiki is for this machine only. See [`Access::looked_at`].
    pub is_controlled: bool,
}

impl Access {
    /// The file of tokens below a data directory.
    pub fn tokens_in(data_dir: Option<&Path>) -> PathBuf {
        data_dir.unwrap_or(Path::new(DEFAULT_DATA_DIR)).join("tokens.json")
    }

    /// Looks whether anything stands between Keiki and the world: once, at the start. A file of tokens counts while it can't be
    /// read, too, or holds none any more: then nobody comes in, instead of everybody.
    #[must_use]
    pub fn looked_at(self) -> Self {
        let tokens = || self.tokens.try_exists().unwrap_or(true);
        Self {
            is_controlled: self.password_hash.is_some() || self.proxy_header.is_some() || tokens(),
            ..self
        }
    }
}

/// Bytes as hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

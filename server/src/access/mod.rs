//! Who may see Keiki: a password, a trusted proxy's word, or a token. What is told of a refusal, and how requests are
//! taken apart, is the web's affair (`web/guard.rs`).
//!
//! Nothing here is kept in the clear: passwords as argon2id, tokens as SHA-256 of 256 random bits. Sessions are not kept,
//! but for those that were ended: a cookie says until when it holds, signed with a key that is made from the password's hash,
//! so that they outlive a restart and end with the password.

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
    /// Whether a proxy on this machine may show everything to everybody, where nobody is asked.
    pub open_proxy: bool,
    /// Where tokens are kept.
    pub tokens: PathBuf,
    /// When everybody is asked who they are.
    pub asks: Asks,
}

/// When everybody is asked who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asks {
    /// At all times: people can log in, or other machines can reach Keiki.
    Always,
    /// While there are tokens, for who makes one wants to be asked for it; without any nobody is. Keiki is for this machine
    /// only, and has neither a password nor a proxy.
    #[default]
    WhileTokens,
}

impl Access {
    /// The file of tokens below a data directory.
    pub fn tokens_in(data_dir: Option<&Path>) -> PathBuf {
        data_dir.unwrap_or(Path::new(DEFAULT_DATA_DIR)).join("tokens.json")
    }

    /// Whether people come in without a token.
    pub fn has_login(&self) -> bool {
        self.password_hash.is_some() || self.proxy_header.is_some()
    }

    /// Whether there is anything at all by which to come in. A file of tokens counts while it can't be read, too, or holds
    /// none any more: then nobody comes in, instead of everybody.
    pub fn has_way_in(&self) -> bool {
        self.has_login() || self.tokens.try_exists().unwrap_or(true)
    }
}

/// Bytes as hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

//! The socket, and the files that the process may open.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

/// Open files that are not connections: the database, `/proc`, standard streams, the runtime's own.
#[cfg(target_os = "linux")]
const OTHER_FILES: u64 = 256;

/// A socket that takes connections.
#[derive(Debug)]
pub struct Bound {
    pub(super) listener: TcpListener,
    address: SocketAddr,
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another program has it.
    #[error("{0} is already in use: stop the other program, or choose another port with --listen 127.0.0.1:PORT")]
    InUse(SocketAddr),
    /// Anything else.
    #[error("cannot listen on {address}: {error}")]
    Other {
        /// What was asked for.
        address: SocketAddr,
        /// What the operating system said.
        error: io::Error,
    },
}

impl Bound {
    /// Listens on an address; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// The address is taken, is not this machine's, or may not be used.
    pub async fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let other = |error: io::Error| match error.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse(address),
            _ => BindError::Other { address, error },
        };
        let listener = TcpListener::bind(address).await.map_err(other)?;
        let address = listener.local_addr().map_err(other)?;
        Ok(Self { listener, address })
    }

    /// The address, with the port that was taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Raises the limit of open files to what the system allows, and returns how many connections fit into it, at most
/// `wanted`.
#[cfg(target_os = "linux")]
pub fn raise_file_limit(wanted: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    // No limit at all is `None`.
    let fits = current.map_or(u64::MAX, |files| files.saturating_sub(OTHER_FILES).max(1));
    wanted.min(usize::try_from(fits).unwrap_or(usize::MAX))
}

/// Where the limit is not known, all connections are let in.
#[cfg(not(target_os = "linux"))]
pub fn raise_file_limit(wanted: usize) -> usize {
    wanted
}

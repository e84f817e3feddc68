//! What Keiki serves: pages, the stream, pictures and data of single panels, its own metrics, its static files.
//!
//! [`serve`] takes connections until it is told to stop. What is served comes through [`state::State`]: views from the
//! hub, drawings from the app. Bodies that depend only on a view are made once a tick and kept in the [`cache`],
//! compressed; everything that leaves carries the same constant [`headers`].

use std::sync::Arc;
use std::time::Duration;

use keiki_model::text::Language;
use tokio_util::sync::CancellationToken;

use self::tls::{Encryption, TlsError, TlsFiles};
use crate::access::Access;
use crate::config::Config;
use crate::config::host_name::HostName;
use crate::config::origin::Origin;

mod annotation;
pub mod assets;
mod cache;
mod compress;
mod connection;
mod embed;
mod entrance;
mod explore;
mod fault;
mod guard;
mod headers;
mod health;
mod host;
mod ingest;
mod listen;
pub mod live;
mod login;
pub mod metrics;
mod page;
mod panel;
mod plain;
pub mod render;
mod router;
pub mod sources;
mod stall;
mod starting;
pub mod state;
pub mod tls;

pub use connection::ConnectionMetrics;
pub use listen::{BindError, Bound, raise_file_limit};
pub use starting::while_starting;
pub use state::{Render, State, Views, ViewsError};

/// How the site is served.
#[derive(Clone, Debug)]
pub struct Options {
    /// Empty, or a path with a leading and without a final slash.
    pub base_path: String,
    /// Host names besides those of loopback.
    pub allowed_hosts: Vec<HostName>,
    /// Who is let in.
    pub access: Access,
    /// What encrypts connections, if Keiki does.
    pub tls: Option<TlsFiles>,
    /// Whose pages may frame a panel.
    pub embed_origins: Vec<Origin>,
    /// The language of a page that does not ask for one.
    pub language: Language,
    /// Connections at a time.
    pub max_connections: usize,
    /// How long a request's headers may take, and how long a connection may idle.
    pub header_timeout: Duration,
    /// How long running requests may take to end at shutdown.
    pub shutdown_timeout: Duration,
    /// Bodies in the cache.
    pub cache_entries: usize,
    /// Bytes in the cache.
    pub cache_bytes: usize,
}

impl From<&Config> for Options {
    fn from(config: &Config) -> Self {
        Self {
            base_path: config.server.base_path.clone(),
            allowed_hosts: config.server.allowed_hosts.clone(),
            access: config.access.clone(),
            tls: config.tls.clone(),
            embed_origins: config.embed_origins.clone(),
            language: config.site.language,
            max_connections: config.server.max_connections,
            header_timeout: config.server.header_timeout,
            shutdown_timeout: config.server.shutdown_timeout,
            cache_entries: config.limits.page_cache_entries,
            cache_bytes: config.limits.page_cache_bytes,
        }
    }
}

/// Serves until `shutdown` is cancelled, then until all connections have ended, but no longer than
/// [`Options::shutdown_timeout`]. Streams must end by themselves when `shutdown` is cancelled.
///
/// # Errors
/// The certificate can't be used.
pub async fn serve(bound: Bound, options: Options, state: State, shutdown: CancellationToken) -> Result<(), TlsError> {
    let encryption = options.tls.as_ref().map(Encryption::new).transpose()?;
    let renewal = encryption
        .clone()
        .zip(options.tls.clone())
        .map(|(encryption, files)| tokio::spawn(encryption.follow(files)));
    let metrics = ConnectionMetrics::new(&state.recorder);
    let site = Arc::new(router::Site::new(&options, state));
    let sweeper = tokio::spawn(Arc::clone(&site).sweep());
    let follower = tokio::spawn(Arc::clone(&site.guard).follow());
    let entrance = entrance::Entrance::new(&options, &site);
    connection::accept(bound, &options, entrance, encryption, metrics, shutdown).await;
    sweeper.abort();
    follower.abort();
    if let Some(renewal) = renewal {
        renewal.abort();
    }
    Ok(())
}

//! PostgreSQL, asked over one connection for what its statistics views tell.
//!
//! A server is read in parts ([`Part`]), each a [`Source`] with an interval and a status of its own: that the extension
//! for statements is missing, or a right, must not cost the figures that need neither. All parts of a server share its
//! connection ([`link`]), which is read-only and under a time limit.
//!
//! PostgreSQL keeps sums, not distributions: there are means and no percentiles. `docs/postgresql.md` lists the metrics
//! and the rights that they need.

use std::sync::Arc;
use std::time::Duration;

use keiki_model::series::{HOST_NAME, Labels, SERVICE_INSTANCE_ID, SERVICE_NAME, Sample};
use keiki_model::time::Millis;
use tokio::sync::Mutex;

use super::metric::{Metric, Shelf};
use super::{Source, SourceError, default_timeout};

mod databases;
mod error;
mod link;
pub mod metrics;
mod replication;
mod sessions;
mod sizes;
mod statements;
#[cfg(test)]
mod tests;
mod text;
mod tls;

pub use super::tls::{Tls, TlsError};
use link::{Link, Session};

/// How often figures that change slowly or cost more are read, at least.
const STATEMENTS: Duration = Duration::from_secs(5);
const REPLICATION: Duration = Duration::from_secs(5);
const SIZES: Duration = Duration::from_secs(60);

/// A server to watch.
#[derive(Clone, Debug)]
pub struct PostgresConfig {
    /// What the pages call it: its `service_name`.
    pub name: String,
    /// Where it is and as whom Keiki comes. Holds a password: never shown.
    pub target: Target,
    /// The time between two readings of what changes fast.
    pub interval: Duration,
    /// How long one reading may take.
    pub timeout: Duration,
}

/// Where a server is and as whom Keiki comes.
#[derive(Clone)]
pub struct Target {
    /// As the driver takes it, without the password of a file.
    pub driver: tokio_postgres::Config,
    /// Where the password is read at each connection, so that a new one is found.
    pub password_file: Option<std::path::PathBuf>,
    /// `host:port`, or the socket's path.
    pub address: String,
    /// The host, where it is not this one.
    pub remote_host: Option<String>,
    /// Whether and how the connection is encrypted.
    pub tls: Tls,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target")
            .field("address", &self.address)
            .field("user", &self.driver.get_user())
            .finish_non_exhaustive()
    }
}

/// The sources of one server.
pub fn sources(config: &PostgresConfig, own_host: &str) -> Vec<Part> {
    let target = &config.target;
    let identity = Labels::new([
        (SERVICE_NAME, config.name.as_str()),
        (SERVICE_INSTANCE_ID, &target.address),
        (HOST_NAME, target.remote_host.as_deref().unwrap_or(own_host)),
        ("db_system_name", "postgresql"),
    ]);
    let link = Arc::new(Mutex::new(Link::new(target.clone())));
    let part = |suffix: &str, interval: Duration, reader: Reader| {
        let interval = interval.max(config.interval);
        let name = ["postgres:", &config.name, suffix].concat();
        Part {
            name,
            interval,
            timeout: config.timeout.min(default_timeout(interval)),
            link: Arc::clone(&link),
            shelf: Shelf::new(identity.clone(), interval),
            reader,
        }
    };
    vec![
        part("", config.interval, Reader::Databases(databases::Databases::default())),
        part(" sessions", config.interval, Reader::Sessions),
        part(" statements", STATEMENTS, Reader::Statements(Box::default())),
        part(" replication", REPLICATION, Reader::Replication),
        part(" sizes", SIZES, Reader::Sizes),
    ]
}

/// A part of what is read of a server.
#[derive(Debug)]
pub struct Part {
    name: String,
    interval: Duration,
    timeout: Duration,
    link: Arc<Mutex<Link>>,
    shelf: Shelf,
    reader: Reader,
}

#[derive(Debug)]
enum Reader {
    Databases(databases::Databases),
    Sessions,
    Statements(Box<statements::Statements>),
    Replication,
    Sizes,
}

impl Source for Part {
    fn name(&self) -> &str {
        &self.name
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }

    fn feeds(&self) -> &'static [Metric] {
        match self.reader {
            Reader::Databases(_) => metrics::databases::ALL,
            Reader::Sessions => metrics::sessions::ALL,
            Reader::Statements(_) => metrics::statements::ALL,
            Reader::Replication => metrics::replication::ALL,
            Reader::Sizes => metrics::sizes::ALL,
        }
    }

    async fn collect(&mut self, now: Millis) -> Result<Vec<Sample>, SourceError> {
        // Another part may take longer than this one may wait: that is no failure, and leaves a gap. Nor is it a success:
        // where the server does not answer, the others wait here for the one that finds it out.
        let patience = self.timeout.mul_f64(0.5);
        let link = tokio::time::timeout(patience, self.link.lock()).await;
        let mut link = link.map_err(|_| SourceError::Busy)?;
        let session = link.open(self.timeout.mul_f64(0.5)).await?;
        self.shelf.begin(now);
        let outcome = self.reader.read(session, &mut self.shelf).await;
        link.settle(outcome)?;
        Ok(self.shelf.take())
    }
}

impl Reader {
    async fn read(&mut self, session: &mut Session, shelf: &mut Shelf) -> Result<(), error::Failed> {
        match self {
            Self::Databases(databases) => databases.read(session, shelf).await,
            Self::Sessions => sessions::read(session, shelf).await,
            Self::Statements(statements) => statements.read(session, shelf).await,
            Self::Replication => replication::read(session, shelf).await,
            Self::Sizes => sizes::read(session, shelf).await,
        }
    }
}

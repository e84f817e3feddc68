//! Configuration: one TOML file, overridden by the environment, overridden by the command line.
//!
//! Two stages: [`reader`] turns text into typed values at the keys of [`keys`], [`resolve`] turns those into a
//! [`Config`], once. Both go on after a mistake, so that one run of `keiki check` shows all of them.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use keiki_model::panel::Panel;
use keiki_model::text::Language;
use keiki_model::time::{Millis, Zone};
use keiki_recognise::Recognisers;

mod entry;
pub mod host_name;
pub mod keys;
pub mod origin;
mod panel;
mod postgres;
pub mod problem;
mod reader;
mod resolve;
mod scrape;
#[cfg(test)]
mod tests;

use crate::access::Access;
use crate::ingest::InletLimits;
use crate::source::postgres::PostgresConfig;
use crate::source::scrape::{DiscoveryConfig, ScrapeConfig};
use crate::source::statsd::StatsdConfig;
use crate::store::history::HistorySettings;
use crate::web::tls::TlsFiles;
use host_name::HostName;
use problem::{ConfigError, Origin};
use reader::{Data, Value, Values};
pub use resolve::SOURCE_KINDS;

/// The file that is read where no other is named, if it is there.
pub const DEFAULT_FILE: &str = "keiki.toml";

/// The whole configuration, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// How Keiki is reached.
    pub server: Server,
    /// What the pages look like to everyone.
    pub site: Site,
    /// The machine on which Keiki runs.
    pub host: Host,
    /// The processes to watch.
    pub processes: Vec<Process>,
    /// The watched services.
    pub services: Vec<Service>,
    /// The threshold *T* of Apdex of all others, seconds.
    pub apdex_seconds: f64,
    /// The PostgreSQL servers to watch.
    pub postgres: Vec<PostgresConfig>,
    /// The pages of metrics to read.
    pub scrapes: Scrapes,
    /// The user's own panels.
    pub panels: Vec<Panel>,
    /// The bounds of what programs send.
    pub ingest: InletLimits,
    /// StatsD, where it is listened for.
    pub statsd: Option<StatsdConfig>,
    /// Who may see Keiki.
    pub access: Access,
    /// What encrypts connections, if Keiki does.
    pub tls: Option<TlsFiles>,
    /// Whose pages may frame a panel.
    pub embed_origins: Vec<origin::Origin>,
    /// Where samples come from.
    pub sources: Sources,
    /// What is kept on disk, if anything is.
    pub history: Option<HistorySettings>,
    /// Bounds on memory and work.
    pub limits: Limits,
    /// What is written to standard error.
    pub log: Log,
    /// Where data that outlive the process are kept.
    pub data_dir: Option<PathBuf>,
}

/// How Keiki is reached.
#[derive(Clone, Debug)]
pub struct Server {
    /// A loopback address and a port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Empty, or a path with a leading and without a final slash.
    pub base_path: String,
    /// Host names besides those of loopback.
    pub allowed_hosts: Vec<HostName>,
    /// Connections at a time.
    pub max_connections: usize,
    /// How long a request's headers may take, and how long a connection may idle.
    pub header_timeout: Duration,
    /// How long running requests may take to end at shutdown.
    pub shutdown_timeout: Duration,
}

/// What the pages look like to everyone.
#[derive(Clone, Debug)]
pub struct Site {
    timezone: TimeZone,
    /// The language of a page that does not ask for one.
    pub language: Language,
}

impl Site {
    /// The configured time zone as it is at a time: its offset changes with summer time.
    pub fn zone(&self, now: Millis) -> Zone {
        // Beyond the year 9999 there is no offset worth telling.
        let time = Timestamp::from_millisecond(now).unwrap_or_default();
        let info = self.timezone.to_offset_info(time);
        Zone {
            offset: info.offset().seconds(),
            name: info.abbreviation().to_owned(),
        }
    }

    /// The IANA name of the time zone, where it has one.
    pub fn timezone_name(&self) -> Option<&str> {
        self.timezone.iana_name()
    }
}

/// The machine on which Keiki runs.
#[derive(Clone, Debug)]
pub struct Host {
    /// Whether it is watched.
    pub enabled: bool,
}

/// A process to watch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Process {
    /// All processes of a name.
    Name(String),
    /// The process with an id.
    Pid(u32),
}

/// A watched service.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Its `service_name`.
    pub name: String,
    /// The name of its set of targets, one of [`keiki_model::preset::PRESETS`]; none means the default.
    pub preset: Option<&'static str>,
    /// Its threshold of Apdex, seconds, where it has one of its own.
    pub apdex_seconds: Option<f64>,
}

/// The pages of metrics to read.
#[derive(Clone, Debug, Default)]
pub struct Scrapes {
    /// Those whose addresses are written.
    pub targets: Vec<ScrapeConfig>,
    /// Files in which further ones are.
    pub discoveries: Vec<DiscoveryConfig>,
}

/// Where samples come from.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Every kind of [`SOURCE_KINDS`], the preferred first.
    pub priority: Vec<&'static str>,
    /// What foreign metrics mean.
    pub recognisers: Arc<Recognisers>,
}

/// Bounds on memory and work.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Series in the store.
    pub series: usize,
    /// Series of one metric.
    pub series_per_metric: usize,
    /// Labels of one series.
    pub labels: usize,
    /// Bytes of one label's value.
    pub label_bytes: usize,
    /// Distinct views computed at a time.
    pub views: usize,
    /// Views of one stream.
    pub views_per_connection: usize,
    /// Distinct views of one token that opens some paths only.
    pub views_per_token: usize,
    /// Open streams.
    pub subscribers: usize,
    /// Annotations that are kept.
    pub annotations: usize,
    /// Pages and pictures in the cache.
    pub page_cache_entries: usize,
    /// Bytes in the cache.
    pub page_cache_bytes: usize,
}

/// What is written to standard error.
#[derive(Clone, Debug)]
pub struct Log {
    /// A level, or levels by module.
    pub level: String,
    /// How an event is written.
    pub format: LogFormat,
}

/// How an event is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// What the command line says about the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--config`
    pub file: Option<PathBuf>,
    /// `--listen`
    pub listen: Option<String>,
    /// `--data-dir`
    pub data_dir: Option<PathBuf>,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read the configuration {file}: {error}")]
    File {
        /// Its name.
        file: String,
        /// What the operating system said.
        error: io::Error,
    },
    /// The file, the environment or the command line is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl Config {
    /// Reads the file of the command line, or `keiki.toml` where there is one, and the environment. Also returns the
    /// file that was read.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or anything in it, in the environment or in the command line is wrong.
    pub fn load(
        overrides: Overrides,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(Self, Option<PathBuf>), LoadError> {
        let file = overrides
            .file
            .clone()
            .or_else(|| Some(DEFAULT_FILE.into()).filter(|file: &PathBuf| file.exists()));
        let text = match &file {
            None => String::new(),
            Some(file) => fs::read_to_string(file).map_err(|error| LoadError::File {
                file: file.display().to_string(),
                error,
            })?,
        };
        let name = file.as_deref().unwrap_or(Path::new(DEFAULT_FILE)).display().to_string();
        let config = Self::parse(&name, &text, overrides, environment)?;
        Ok((config, file))
    }

    /// Reads a text; `name` is what the file is called in messages.
    ///
    /// # Errors
    ///
    /// Every mistake of the text, the environment and the command line.
    pub fn parse(
        name: &str,
        text: &str,
        overrides: Overrides,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut values = Values::read(text);
        values.overlay_environment(environment);
        if let Some(listen) = overrides.listen {
            values.set(
                "server",
                "listen",
                Value {
                    data: Data::Text(listen),
                    origin: Origin::Flag("--listen"),
                },
            );
        }
        resolve::resolve(values, overrides.data_dir).map_err(|problems| ConfigError::new(name, text, problems))
    }
}

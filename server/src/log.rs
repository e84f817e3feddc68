//! Structured logs on standard error: one event a line, as JSON or for people. No requests, no secrets.

use std::io;

use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use crate::config::{Log, LogFormat};

/// The environment variable that overrides the configured level.
pub const VARIABLE: &str = "KEIKI_LOG";

/// Why there are no logs.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The environment variable is wrong.
    #[error("environment variable {VARIABLE}: no log level {0:?}: write error, warn, info, debug or trace")]
    Level(String),
    /// The process already has a logger.
    #[error(transparent)]
    Twice(#[from] TryInitError),
}

/// Starts logging, for the whole process and for good. `variable` is what [`VARIABLE`] says.
///
/// # Errors
///
/// The variable holds no level, or the process already logs.
pub fn start(log: &Log, variable: Option<&str>) -> Result<(), LogError> {
    let level = variable.filter(|level| !level.is_empty()).unwrap_or(&log.level);
    let targets: Targets = level.parse().map_err(|_| LogError::Level(level.to_owned()))?;
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let lines = match log.format {
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .boxed(),
        LogFormat::Text => lines.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).boxed(),
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(targets))
        .try_init()?;
    Ok(())
}

//! Keiki as a process of its own: limits, the runtime, signals. Compiled here and not in the binary, which waits for the
//! site.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::run::run as run_until;
use crate::web::{Bound, raise_file_limit};

/// Serves until SIGTERM or SIGINT. `file` is what the configuration was read from, for the log.
///
/// # Errors
///
/// The address can't be had, or the system refuses threads or signals.
pub fn run(mut config: Config, file: Option<PathBuf>) -> Result<(), Box<dyn Error>> {
    let fits = raise_file_limit(config.server.max_connections);
    // A few more or less matter to nobody.
    if fits < config.server.max_connections / 10 * 9 {
        tracing::warn!(
            wanted = config.server.max_connections,
            max_connections = fits,
            "fewer connections: the limit of open files is too low (ulimit -n)"
        );
    }
    config.server.max_connections = fits;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        let shutdown = CancellationToken::new();
        stop_on_signals(shutdown.clone())?;
        let bound = Bound::bind(config.server.listen).await?;
        let scheme = if config.tls.is_some() { "https" } else { "http" };
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            url = %format_args!("{scheme}://{}{}/", bound.address(), config.server.base_path),
            config = file.map(|file| file.display().to_string()),
            "listening"
        );
        run_until(config, bound, shutdown).await?;
        tracing::info!("stopped");
        Ok(())
    });
    // A reading that hangs in the system must not keep the process.
    runtime.shutdown_background();
    result
}

/// The first SIGTERM or SIGINT ends Keiki in order, the second one at once.
fn stop_on_signals(shutdown: CancellationToken) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if shutdown.is_cancelled() {
                std::process::exit(1);
            }
            tracing::info!("stopping");
            shutdown.cancel();
        }
    });
    Ok(())
}

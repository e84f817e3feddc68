//! Opens what is kept on disk.

use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use keiki_instrument::QueryInstrument;
use keiki_model::frame::AnnotationKind;
use keiki_model::time::Millis;

use super::RunError;
use crate::annotation::{Annotations, Told};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{self, Config};
use crate::query::HISTORY;
use crate::store::history::DiskError;
use crate::store::{Limits, SourceClass, Store};

/// What was opened.
pub(super) struct Opened {
    pub(super) store: Store,
    pub(super) annotations: Annotations,
    /// Nothing where no history is kept.
    pub(super) history: Option<Keeping>,
}

/// Opens all of it, and notes that Keiki has started. Nothing here holds up the runtime, however long the disk takes.
pub(super) async fn open(config: &Config, started: Millis, queries: QueryInstrument) -> Result<Opened, RunError> {
    let config = config.clone();
    let work = move || {
        let store = store(&config, started)?;
        let history = store.history().map(|_| keep(store.clone(), queries));
        let history = history.transpose().map_err(RunError::Thread)?;
        let annotations = Annotations::open(store.clone(), config.limits.annotations);
        let start = Told {
            kind: AnnotationKind::KeikiStarted,
            text: Arc::default(),
            service: String::new(),
        };
        annotations.add(started, start);
        Ok(Opened {
            store,
            annotations,
            history,
        })
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(opened) => opened,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// The limits of the store under a configuration.
fn store_limits(config: &config::Limits) -> Limits {
    Limits {
        series: config.series,
        series_per_metric: config.series_per_metric,
        labels: config.labels,
        label_bytes: config.label_bytes,
        one_clock: true,
        ..Limits::default()
    }
}

/// The store, with what it knew before. A folder that can't be used for now costs the history, not the start.
fn store(config: &Config, now: Millis) -> Result<Store, DiskError> {
    let class = |name: &&str| {
        config::SOURCE_KINDS
            .iter()
            .zip(SourceClass::BY_TRUST)
            .find(|(kind, _)| *kind == name)
            .map(|(_, class)| class)
    };
    let priority: Vec<_> = config.sources.priority.iter().filter_map(class).collect();
    let limits = store_limits(&config.limits);
    let Some(settings) = &config.history else {
        return Ok(Store::with_priority(limits, &priority));
    };
    match Store::open(limits, &priority, settings.clone(), now) {
        Err(error @ DiskError::Engine(..)) => {
            tracing::error!("there is no history until the next start: {error}");
            Ok(Store::with_priority(limits, &priority))
        }
        opened => opened,
    }
}

/// How often what was appended is written, and records are made.
const TENDED: Duration = Duration::from_millis(250);

/// The thread that keeps the history.
pub(super) struct Keeping {
    stop: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl Keeping {
    /// Lets it write the last second and sync.
    pub(super) async fn end(self) {
        drop(self.stop);
        // A panic in it has been told already.
        let _ = tokio::task::spawn_blocking(|| self.thread.join()).await;
    }
}

/// Keeps the history on a thread of its own, which may wait for the disk.
fn keep(store: Store, queries: QueryInstrument) -> std::io::Result<Keeping> {
    let (stop, stopped) = mpsc::channel::<()>();
    let work = move || {
        loop {
            let timer = queries.query(HISTORY, "write");
            let more = store.tend(SystemClock.now());
            match store.history().and_then(|stats| stats.failing) {
                None => timer.succeed(),
                Some(_) => timer.fail("disk"),
            }
            // Between two pieces of a long work others have their turn.
            let pause = if more { TENDED / 50 } else { TENDED };
            if stopped.recv_timeout(pause) != Err(mpsc::RecvTimeoutError::Timeout) {
                break;
            }
        }
        store.flush(SystemClock.now());
    };
    let thread = std::thread::Builder::new().name("history".into()).spawn(work)?;
    Ok(Keeping { stop, thread })
}

//! The tasks that feed the store: each source has its own, from its start to its end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use keiki_instrument::JobInstrument;
use keiki_recognise::Recognisers;
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock as _, SystemClock};
use crate::ingest::Census;
use crate::source::own::Measured;
use crate::source::scrape::{ScrapeConfig, ScrapeSource};
use crate::source::status::{StatusBoard, StatusHandle};
use crate::source::{Source, runner};
use crate::store::{SourceClass, SourceId, Store};

/// Starts sources. Cheap to clone; all clones share their tasks.
#[derive(Clone)]
pub(crate) struct Feeding {
    store: Store,
    board: StatusBoard,
    jobs: JobInstrument,
    shutdown: CancellationToken,
    tasks: Arc<Mutex<JoinSet<()>>>,
}

impl Feeding {
    pub(crate) fn new(store: Store, board: StatusBoard, jobs: JobInstrument, shutdown: CancellationToken) -> Self {
        Self {
            store,
            board,
            jobs,
            shutdown,
            tasks: Arc::default(),
        }
    }

    /// Starts a source of Keiki's own.
    pub(crate) fn start(&self, source: impl Source) {
        self.start_as(SourceClass::Own, source);
    }

    /// Starts a source that runs until it is stopped, and at the longest until Keiki is.
    pub(crate) fn start_as(&self, class: SourceClass, source: impl Source) -> Running {
        let id = SourceId::new(source.name(), class);
        let status = self.board.register(source.name(), source.feeds());
        let (store, stop) = (self.store.clone(), self.shutdown.child_token());
        let (kept, running) = (
            status.clone(),
            Running {
                stop: stop.clone(),
                status: status.clone(),
            },
        );
        let sink = move |samples| {
            kept.rejected(&store.append(&id, samples, SystemClock.now()).rejected);
        };
        let source = Measured::new(source, self.jobs.clone());
        self.spawn(runner::run(source, sink, status, SystemClock, stop));
        running
    }

    /// Runs something else that ends with Keiki.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock();
        // What has ended is let go of, so that targets that come and go leave nothing behind.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Waits until all have ended, but not for ever.
    pub(crate) async fn ended(self, patience: Duration) -> bool {
        let mut tasks = std::mem::take(&mut *self.tasks.lock());
        let all = async { while tasks.join_next().await.is_some() {} };
        tokio::time::timeout(patience, all).await.is_ok()
    }
}

/// A source that runs.
pub(crate) struct Running {
    stop: CancellationToken,
    status: StatusHandle,
}

impl Running {
    /// Ends it. What it told stays in the store, and nobody hears of it any more.
    fn stop(self) {
        self.stop.cancel();
        self.status.retire();
    }
}

/// Targets that come and go.
pub(crate) struct Targets {
    feeding: Feeding,
    host: String,
    recognisers: Arc<Recognisers>,
    census: Census,
    running: HashMap<String, (ScrapeConfig, Running)>,
}

impl Targets {
    /// None yet; `host` is this machine's name.
    pub(crate) fn new(feeding: Feeding, host: &str, recognisers: &Arc<Recognisers>, census: Census) -> Self {
        Self {
            feeding,
            host: host.to_owned(),
            recognisers: Arc::clone(recognisers),
            census,
            running: HashMap::new(),
        }
    }

    /// Reads a target from now on.
    pub(crate) fn add(&mut self, target: &ScrapeConfig) {
        let source = ScrapeSource::new(target.clone(), &self.host, &self.recognisers, self.census.clone());
        // A former one of that name may have told of itself after its end.
        self.census.forget(source.name());
        let running = self.feeding.start_as(SourceClass::Scrape, source);
        self.running.insert(target.name.clone(), (target.clone(), running));
    }

    /// Reads these from now on and no others. One that stays as it was goes on undisturbed.
    pub(crate) fn set(&mut self, targets: &[ScrapeConfig]) {
        let stays = |config: &ScrapeConfig| targets.iter().any(|target| target.is_like(config));
        let gone: Vec<_> = self
            .running
            .iter()
            .filter(|(_, (config, _))| !stays(config))
            .map(|(name, _)| name.clone())
            .collect();
        for name in gone {
            if let Some((_, running)) = self.running.remove(&name) {
                running.stop();
                self.census.forget(&format!("scrape:{name}"));
            }
        }
        for target in targets {
            if !self.running.contains_key(&target.name) {
                self.add(target);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use keiki_instrument::{Identity, Recorder};

    use crate::source::scrape::{Credentials, Template};

    #[tokio::test]
    async fn targets_come_and_go_and_leave_no_error_behind() {
        let identity = Identity {
            service_name: "keiki".into(),
            service_instance_id: "k".into(),
            host_name: "h".into(),
        };
        let jobs = JobInstrument::new(&Recorder::new(identity), "keiki");
        let (board, shutdown) = (StatusBoard::new(), CancellationToken::new());
        let feeding = Feeding::new(
            Store::new(crate::store::Limits::default()),
            board.clone(),
            jobs,
            shutdown.clone(),
        );
        let recognisers = Arc::new(Recognisers::new(&[]).expect("rows"));
        let mut targets = Targets::new(feeding.clone(), "h", &recognisers, Census::default());
        let template = Template {
            service: "web".into(),
            labels: keiki_model::series::Labels::none(),
            tls: Err("none".into()),
            credentials: Credentials::None,
            headers: Vec::new(),
            page_bytes: 1_000,
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            rules: Arc::default(),
            series: 10,
        };
        let target = |name: &str, address: &str| {
            let address = address.parse().expect("an address");
            template.target(name.to_owned(), address).expect("a target")
        };
        let (a, b) = (
            target("web/a", "http://127.0.0.1:1"),
            target("web/b", "http://127.0.0.1:2"),
        );
        let names = || {
            board
                .sources()
                .into_iter()
                .map(|status| status.name)
                .collect::<Vec<_>>()
        };
        targets.set(&[a.clone(), b.clone()]);
        assert_eq!(names(), ["scrape:web/a", "scrape:web/b"]);
        targets.set(&[b]);
        assert_eq!(names(), ["scrape:web/b"]);
        // The same name elsewhere is another target.
        targets.set(&[a, target("web/b", "http://127.0.0.1:3")]);
        assert_eq!(names(), ["scrape:web/a", "scrape:web/b"]);
        targets.set(&[]);
        assert_eq!(names(), Vec::<String>::new());
        assert!(board.all_up());
        shutdown.cancel();
        assert!(feeding.ended(Duration::from_secs(5)).await);
    }
}

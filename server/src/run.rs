//! Puts the parts together and runs them until told to stop.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use keiki_instrument::{Identity, JobInstrument, Recorder};
use keiki_model::panel::Failure;
use keiki_model::series::{Labels, Sample};
use keiki_model::time::Millis;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, SystemClock};
use crate::config::{self, Config};
use crate::hub::{self, Composer, Hub, StreamMetrics};
use crate::query::{Engine, Failures};
use crate::source::host::{HostConfig, HostSource, Watch, host_name};
use crate::source::metric::metrics;
use crate::source::own::{self, Measured, OwnSource, Totals};
use crate::source::status::{SourceStatus, StatusBoard};
use crate::source::{Source, postgres, runner};
use crate::store::{Limits, SourceClass, SourceId, Store};
use crate::web;
use crate::web::tls::TlsError;

/// The name under which Keiki reports itself.
pub const SERVICE: &str = "keiki";

metrics! {
    STORE_SERIES = Gauge "keiki_store_series" [] every 1000: "Series in the store.";
    STORE_SAMPLES = Counter "keiki_store_samples_total" [] every 1000: "Samples kept since the start.";
    STORE_BYTES = Gauge "keiki_store_bytes" [] every 1000: "Memory that the store takes, an estimate.";
    STORE_REJECTED = Counter "keiki_store_rejected_total" ["reason"] every 1000: "Samples not kept, by reason.";
}

/// The limits of the store under a configuration.
fn store_limits(config: &config::Limits) -> Limits {
    Limits {
        series: config.series,
        series_per_metric: config.series_per_metric,
        labels: config.labels,
        label_bytes: config.label_bytes,
        ..Limits::default()
    }
}

fn store(config: &Config) -> Store {
    let class = |name: &&str| {
        config::SOURCE_KINDS
            .iter()
            .zip(SourceClass::ALL)
            .find(|(kind, _)| *kind == name)
            .map(|(_, class)| class)
    };
    let priority: Vec<_> = config.sources.priority.iter().filter_map(class).collect();
    Store::with_priority(store_limits(&config.limits), &priority)
}

/// What the store tells of itself, as samples.
fn store_samples(store: &Store, identity: &Labels) -> impl FnMut(Millis) -> Vec<Sample> + use<> {
    let (store, identity) = (store.clone(), identity.clone());
    let series = STORE_SERIES.series(&identity, &[]);
    let samples = STORE_SAMPLES.series(&identity, &[]);
    let bytes = STORE_BYTES.series(&identity, &[]);
    let rejected: Vec<_> = store
        .stats()
        .rejected
        .iter()
        .map(|(reason, _)| STORE_REJECTED.series(&identity, &[reason.as_str()]))
        .collect();
    move |now| {
        let stats = store.stats();
        let mut all = vec![
            Sample::number(&series, now, stats.series as f64),
            Sample::number(&samples, now, stats.samples_total as f64),
            Sample::number(&bytes, now, stats.bytes_estimate as f64),
        ];
        let counts = rejected.iter().zip(stats.rejected.iter());
        all.extend(counts.map(|(series, (_, count))| Sample::number(series, now, count as f64)));
        all
    }
}

/// Why a panel's source fails, in the words of the panel.
struct Failing(StatusBoard);

impl Failing {
    fn find(&self, of: impl Fn(&SourceStatus) -> bool) -> Option<Failure> {
        let mut failing = self.0.sources().into_iter().filter(|status| !status.up && of(status));
        failing.find_map(|status| {
            let (_, message) = status.last_error?;
            Some(Failure {
                source: status.name,
                message,
                next_attempt: status.next_attempt,
            })
        })
    }
}

impl Failures for Failing {
    fn failure(&self, source: &str) -> Option<Failure> {
        self.find(|status| status.name == source)
    }

    fn missing(&self, metric: &str) -> Option<Failure> {
        self.find(|status| status.feeds.iter().any(|fed| fed.name == metric))
    }
}

/// The tasks that feed the store.
struct Feeding {
    store: Store,
    board: StatusBoard,
    jobs: JobInstrument,
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
}

impl Feeding {
    fn start(&mut self, source: impl Source) {
        let id = SourceId::new(source.name(), SourceClass::Own);
        let status = self.board.register(source.name(), source.feeds());
        let (store, shutdown) = (self.store.clone(), self.shutdown.clone());
        let sink = move |samples| {
            store.append(&id, samples, SystemClock.now());
        };
        let source = Measured::new(source, self.jobs.clone());
        self.tasks
            .spawn(runner::run(source, sink, status, SystemClock, shutdown));
    }
}

/// Runs Keiki on a bound socket until `shutdown` is cancelled, then ends streams and requests within the configured time.
///
/// # Errors
/// The certificate can't be used.
pub async fn run(config: Config, bound: web::Bound, shutdown: CancellationToken) -> Result<(), TlsError> {
    if !web::assets::is_built() {
        tracing::warn!("{}", web::assets::MISSING);
    }
    let started = SystemClock.now();
    let host = host_name();
    let recorder = Recorder::new(Identity {
        service_name: SERVICE.into(),
        service_instance_id: bound.address().to_string(),
        host_name: host.clone(),
    });
    let identity = own::labels(recorder.identity());
    let (store, board, totals) = (store(&config), StatusBoard::new(), Totals::default());
    let jobs = JobInstrument::new(&recorder, SERVICE);
    jobs.set_length(0);

    let engine = Engine::new(store.clone(), Failing(board.clone()));
    let presets: HashMap<_, _> = config
        .services
        .iter()
        .filter_map(|service| Some((service.name.clone(), service.preset?.to_owned())))
        .collect();
    let boot: Arc<str> = format!("{started:x}").into();
    let site = config.site.clone();
    let composer = Composer::new(
        engine,
        board.clone(),
        presets,
        move |now| site.zone(now),
        web::assets::build_id().into(),
        Arc::clone(&boot),
        started,
    );
    let limits = hub::Limits {
        views: config.limits.views,
        views_per_connection: config.limits.views_per_connection,
        subscribers: config.limits.subscribers,
    };
    let hub = Hub::new(composer, boot, limits, StreamMetrics::new(&recorder), jobs.clone());

    let mut feeding = Feeding {
        store: store.clone(),
        board: board.clone(),
        jobs,
        shutdown: shutdown.clone(),
        tasks: JoinSet::new(),
    };
    if config.host.enabled {
        let watch = |process: &config::Process| match process {
            config::Process::Name(name) => Watch::Name(name.clone()),
            config::Process::Pid(pid) => Watch::Pid(*pid),
        };
        let watched = config.processes.iter().map(watch).collect();
        feeding.start(HostSource::new(
            HostConfig {
                watched,
                ..HostConfig::default()
            },
            &host,
        ));
    }
    for server in &config.postgres {
        for part in postgres::sources(server, &host) {
            feeding.start(part);
        }
    }
    let extra: own::Extra = Box::new(store_samples(&store, &identity));
    feeding.start(OwnSource::new(
        recorder.clone(),
        board.clone(),
        vec![extra],
        totals.clone(),
    ));
    feeding.tasks.spawn(hub.clone().run(SystemClock, shutdown.clone()));

    let (ready, read) = (hub.clone(), totals.clone());
    let state = web::State {
        views: Arc::new(hub.clone()),
        render: Arc::new(web::render::App::new(
            &config.server.base_path,
            config.access.password_hash.is_some(),
        )),
        live: web::live::route(Arc::new(hub)),
        metrics: Arc::new(move || exposed(&totals)),
        readiness: Arc::new(move || {
            let mut missing = Vec::new();
            if read.is_empty() {
                missing.push("the first reading of Keiki itself".to_owned());
            }
            if ready.tick() == 0 {
                missing.push("the first second to be published".to_owned());
            }
            missing
        }),
        recorder,
    };
    let served = web::serve(bound, web::Options::from(&config), state, shutdown).await;
    let ended = tokio::time::timeout(Duration::from_secs(1), async {
        while feeding.tasks.join_next().await.is_some() {}
    });
    if ended.await.is_err() {
        tracing::warn!("a source did not end in time and is left behind");
    }
    served
}

/// Keiki's own totals as an exposition shows them.
fn exposed(totals: &Totals) -> Vec<web::metrics::Exposed> {
    totals
        .all()
        .into_iter()
        .map(|(series, total)| web::metrics::Exposed::new(&series, &total, help(series.name())))
        .collect()
}

/// What a metric of Keiki's own measures.
fn help(name: &str) -> &'static str {
    let tables = [ALL, crate::source::status::ALL];
    let declared = tables
        .into_iter()
        .flatten()
        .find(|metric| metric.name == name)
        .map(|metric| metric.help);
    declared.unwrap_or("See the documentation of keiki-instrument.")
}

impl web::Views for Hub {
    fn snapshot(&self, view: &keiki_model::view::View) -> Result<Arc<keiki_model::frame::Snapshot>, web::ViewsError> {
        Hub::snapshot(self, view).map_err(|error| match error {
            hub::HubError::TooManyViews => web::ViewsError::TooMany,
            hub::HubError::NotReady | hub::HubError::Closed => web::ViewsError::Unavailable,
        })
    }

    fn tick(&self) -> u64 {
        Hub::tick(self)
    }

    fn boot(&self) -> &str {
        Hub::boot(self)
    }
}

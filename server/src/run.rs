//! Puts the parts together and runs them until told to stop.

mod opening;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use keiki_instrument::{Identity, JobInstrument, QueryInstrument, Recorder};
use keiki_model::panel::Failure;
use keiki_model::series::{HOST_NAME, Labels, SERVICE_NAME, Sample, is_of_host};
use keiki_model::time::Millis;
use tokio_util::sync::CancellationToken;

use self::opening::Opened;
use crate::annotation::Annotations;
use crate::catalogue::Catalogue;
use crate::clock::{Clock, SystemClock};
use crate::config::{self, Config};
use crate::feeding::{Feeding, Targets};
use crate::hub::{self, Apdex, Composer, Hub, Run, StreamMetrics};
use crate::ingest::{Census, Inlets, Slowed, secret};
use crate::query::{Engine, Failures};
use crate::source::host::{HostConfig, HostSource, Watch, host_name};
use crate::source::metric::{Metric, metrics};
use crate::source::own::{self, OwnSource, Totals};
use crate::source::postgres;
use crate::source::scrape::Discovery;
use crate::source::statsd::StatsdSource;
use crate::source::status::{SourceStatus, StatusBoard};
use crate::store::history::{DiskError, TIERS};
use crate::store::{self, SourceClass, Store};
use crate::web;
use crate::web::tls::TlsError;

/// The name under which Keiki reports itself.
pub const SERVICE: &str = "keiki";

metrics! {
    STORE_SERIES = Gauge "keiki_store_series" [] every 1000: "Series in the store.";
    STORE_SAMPLES = Counter "keiki_store_samples_total" [] every 1000: "Samples kept since the start.";
    STORE_BYTES = Gauge "keiki_store_bytes" [] every 1000: "Memory that the store takes, an estimate.";
    HISTORY_UP = Gauge "keiki_history_up" [] every 1000: "Whether what is measured is kept on disk, 0 or 1.";
    HISTORY_SERIES = Gauge "keiki_history_series" [] every 1000: "Series that the history knows, living and ended.";
    HISTORY_REFUSED = Counter "keiki_history_refused_total" [] every 1000: "Series that it did not take: it knows as many as history.series.";
    HISTORY_BYTES = Gauge "keiki_history_bytes" ["tier"] every 1000: "Disk that the history takes, by the length of its slots.";
    HISTORY_WRITTEN = Counter "keiki_history_written_bytes_total" ["tier"] every 1000: "Bytes of the records that were written, by the length of their slots.";
    HISTORY_WRITES = Counter "keiki_history_writes_total" [] every 1000: "Writes to disk.";
    HISTORY_READS = Counter "keiki_history_reads_total" [] every 1000: "Records that were read from disk.";
    HISTORY_COMPACTIONS = Counter "keiki_history_compactions_total" [] every 1000: "Compactions that were completed.";
    HISTORY_LOST = Counter "keiki_history_lost_total" [] every 1000: "Samples that the disk did not take in time.";
    HISTORY_CORRUPT = Counter "keiki_history_corrupt_total" [] every 1000: "Parts that could not be read and are left out.";
    ANNOTATIONS = Gauge "keiki_annotations" [] every 1000: "Annotations that are kept.";
    ANNOTATIONS_DROPPED = Counter "keiki_annotations_dropped_total" [] every 1000: "Annotations that gave way to newer ones: there are as many as limits.annotations.";
    INGEST_LIMITED = Counter "keiki_ingest_limited_total" ["token"] every 1000: "Requests that were answered 429: their token had sent as much as it may.";
    STORE_REJECTED = Counter "keiki_store_rejected_total" ["reason"] every 1000: "Samples not kept, by reason.";
}

/// Why Keiki ends before it is told to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The certificate can't be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The data directory is another's.
    #[error(transparent)]
    History(#[from] DiskError),
    /// The system gives no thread.
    #[error("no thread for the history: {0}")]
    Thread(std::io::Error),
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

/// What the history tells of itself, as samples; nothing where there is none.
fn history_samples(store: &Store, identity: &Labels) -> impl FnMut(Millis) -> Vec<Sample> + use<> {
    let store = store.clone();
    let one = |metric: Metric| metric.series(identity, &[]);
    let [refused, up, known, writes, reads, compactions, lost, corrupt] = [
        HISTORY_REFUSED,
        HISTORY_UP,
        HISTORY_SERIES,
        HISTORY_WRITES,
        HISTORY_READS,
        HISTORY_COMPACTIONS,
        HISTORY_LOST,
        HISTORY_CORRUPT,
    ]
    .map(one);
    let tiers = TIERS.map(|tier| HISTORY_BYTES.series(identity, &[tier.name]));
    let written = TIERS.map(|tier| HISTORY_WRITTEN.series(identity, &[tier.name]));
    move |now| {
        let Some(stats) = store.history() else {
            return Vec::new();
        };
        let single = [
            (&refused, stats.refused as f64),
            (&up, f64::from(u8::from(stats.failing.is_none()))),
            (&known, stats.series as f64),
            (&writes, stats.writes as f64),
            (&reads, stats.reads as f64),
            (&compactions, stats.compactions as f64),
            (&lost, stats.lost as f64),
            (&corrupt, stats.corrupt as f64),
        ];
        let of_tiers = tiers.iter().zip(stats.tiers.map(|bytes| bytes as f64));
        let of_written = written.iter().zip(stats.written.map(|(_, bytes)| bytes as f64));
        single
            .into_iter()
            .chain(of_tiers)
            .chain(of_written)
            .map(|(series, value)| Sample::number(series, now, value))
            .collect()
    }
}

/// What the annotations tell of themselves, as samples.
fn annotation_samples(annotations: &Annotations, identity: &Labels) -> impl FnMut(Millis) -> Vec<Sample> + use<> {
    let annotations = annotations.clone();
    let [all, dropped] = [ANNOTATIONS, ANNOTATIONS_DROPPED].map(|metric| metric.series(identity, &[]));
    move |now| {
        let (count, gone) = annotations.counts();
        vec![
            Sample::number(&all, now, count as f64),
            Sample::number(&dropped, now, gone as f64),
        ]
    }
}

/// Who was told to wait, as samples.
fn inlet_samples(inlets: &Inlets, identity: &Labels) -> impl FnMut(Millis) -> Vec<Sample> + use<> {
    let (inlets, identity) = (inlets.clone(), identity.clone());
    move |now| {
        let sample = |slowed: Slowed| {
            let series = INGEST_LIMITED.series(&identity, &[&slowed.token]);
            Sample::number(&series, now, slowed.requests as f64)
        };
        inlets.slowed().into_iter().map(sample).collect()
    }
}

/// Why a panel's source fails, in the words of the panel.
struct Failing(StatusBoard);

impl Failing {
    fn find(&self, of: impl Fn(&SourceStatus) -> bool) -> Option<Failure> {
        // Asked for many metrics in every tick; most of the time nothing fails.
        if self.0.all_up() {
            return None;
        }
        let mut failing = self.0.sources().into_iter().filter(|status| !status.up && of(status));
        failing.find_map(|status| {
            let (_, message) = status.last_error?;
            Some(Failure {
                source: status.name,
                message,
                since: status.failing_since,
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

    fn any(&self) -> bool {
        self.find(|_| true).is_some()
    }
}

/// Where programs of this machine, or of others if it listens to them, reach this Keiki.
fn reached_at(config: &Config, bound: SocketAddr, host: &str) -> String {
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let base = &config.server.base_path;
    if bound.ip().is_unspecified() {
        format!("{scheme}://{host}:{}{base}", bound.port())
    } else {
        format!("{scheme}://{bound}{base}")
    }
}

/// Runs Keiki on a bound socket until `shutdown` is cancelled, then ends streams and requests within the configured time.
///
/// # Errors
/// The certificate can't be used, or the data directory is another's.
pub async fn run(config: Config, bound: web::Bound, shutdown: CancellationToken) -> Result<(), RunError> {
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
    let queries = QueryInstrument::new(&recorder);
    let options = web::Options::from(&config);
    let opening = opening::open(&config, started, queries.clone());
    let Opened {
        store,
        annotations,
        history,
    } = tokio::select! {
        opened = web::while_starting(&bound, &options, opening) => opened?,
        // What is being opened survives an end at any moment.
        () = shutdown.cancelled() => return Ok(()),
    };
    let (board, totals) = (StatusBoard::new(), Totals::default());
    let jobs = JobInstrument::new(&recorder, SERVICE);
    jobs.set_length(0);

    let engine = Engine::new(store.clone(), Failing(board.clone()))
        .measured(queries)
        .at(reached_at(&config, bound.address(), &host));
    let presets: HashMap<_, _> = config
        .services
        .iter()
        .map(|service| {
            let preset = service.preset.unwrap_or(keiki_model::preset::DEFAULT_NAME);
            (service.name.clone(), preset.to_owned())
        })
        .collect();
    let of_services = config.services.iter();
    let of_services = of_services.filter_map(|service| Some((service.name.as_str(), service.apdex_seconds?)));
    let apdex = Apdex::new(config.apdex_seconds, of_services);
    let boot: Arc<str> = format!("{started:x}").into();
    let site = config.site.clone();
    let catalogue = Catalogue::new(config.panels.clone(), store.clone());
    let composer = Composer::new(
        engine,
        board.clone(),
        presets,
        move |now| site.zone(now),
        Run {
            build: web::assets::build_id().into(),
            boot: Arc::clone(&boot),
        },
        catalogue.clone(),
        annotations.clone(),
    )
    .judging(apdex);
    let limits = hub::Limits {
        views: config.limits.views,
        views_per_connection: config.limits.views_per_connection,
        views_per_token: config.limits.views_per_token,
        subscribers: config.limits.subscribers,
    };
    let hub = Hub::new(composer, boot, limits, StreamMetrics::new(&recorder), jobs.clone());

    let feeding = Feeding::new(store.clone(), board.clone(), jobs, shutdown.clone());
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
    let recognisers = Arc::clone(&config.sources.recognisers);
    let census = Census::default();
    let mut scraped = Targets::new(feeding.clone(), &host, &recognisers, census.clone());
    for target in &config.scrapes.targets {
        scraped.add(target);
    }
    for discovery in &config.scrapes.discoveries {
        let mut targets = Targets::new(feeding.clone(), &host, &recognisers, census.clone());
        feeding.start(Discovery::new(discovery.clone(), move |found| targets.set(&found)));
    }
    if let Some(statsd) = &config.statsd {
        let source = StatsdSource::new(statsd.clone(), &host, &recognisers, census.clone());
        feeding.start_as(SourceClass::Statsd, source);
    }
    let secret = secret::of(config.data_dir.as_deref());
    let inlets = Inlets::new(
        store.clone(),
        board.clone(),
        census.clone(),
        &recognisers,
        config.ingest,
        &secret,
        &host,
    );
    let extra: own::Extra = Box::new(store_samples(&store, &identity));
    let of_history: own::Extra = Box::new(history_samples(&store, &identity));
    let of_annotations: own::Extra = Box::new(annotation_samples(&annotations, &identity));
    let of_inlets: own::Extra = Box::new(inlet_samples(&inlets, &identity));
    feeding.start(OwnSource::new(
        recorder.clone(),
        board.clone(),
        vec![extra, of_history, of_annotations, of_inlets],
        totals.clone(),
    ));
    feeding.spawn(hub.clone().run(SystemClock, shutdown.clone()));
    let watch = tokio::spawn(annotations.clone().watch());
    let rest = tokio::spawn(inlets.clone().rest());

    let sources = sources(
        store.clone(),
        board.clone(),
        census.clone(),
        inlets.clone(),
        config.site.clone(),
    );
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
        annotations,
        catalogue,
        sources,
        inlets,
        recorder,
    };
    let served = web::serve(bound, options, state, shutdown).await;
    watch.abort();
    rest.abort();
    if !feeding.ended(Duration::from_secs(1)).await {
        tracing::warn!("a source did not end in time and is left behind");
    }
    if let Some(history) = history {
        history.end().await;
    }
    Ok(served?)
}

/// What the sources page shows.
fn sources(
    store: Store,
    board: StatusBoard,
    census: Census,
    inlets: Inlets,
    site: config::Site,
) -> Arc<dyn Fn() -> web::sources::Sources + Send + Sync> {
    let subject = |metric: &str| if is_of_host(metric) { HOST_NAME } else { SERVICE_NAME };
    Arc::new(move || {
        let told = |status: SourceStatus| web::sources::Told {
            // Of one that is down nothing comes.
            rate: status.samples_per_second().filter(|_| status.up),
            account: census.of(&status.name),
            status,
        };
        let contest = |contest: store::Contest| web::sources::Contest {
            metric: contest.metric,
            subject: contest.subject,
            winner: contest.winner.name().to_owned(),
            loser: contest.loser.name().to_owned(),
        };
        web::sources::Sources {
            all: board.sources().into_iter().map(told).collect(),
            contests: store.contests(subject).into_iter().map(contest).collect(),
            slowed: inlets.slowed(),
            zone: site.zone(SystemClock.now()),
        }
    })
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

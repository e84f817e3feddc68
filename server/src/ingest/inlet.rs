//! Where others' requests come in: each inlet reads one protocol, and gives the store what it made of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use keiki_decode::otlp::{self as wire, Encoding};
use keiki_decode::remote_write::{Decoded, Error as WriteError};
use keiki_model::series::{Labels, Sample};
use keiki_model::text::Text;
use keiki_model::time::Millis;
use keiki_recognise::Recognisers;
use parking_lot::Mutex;

use super::Census;
use super::allowance::{Allowances, Rates, Slowed};
use super::ledger::{Ledger, Sender};
use super::otlp::{Metrics, Taken, Traces};
use super::remote_write::RemoteWrite;
use crate::clock::{Clock as _, SystemClock};
use crate::source::status::{StatusBoard, StatusHandle};
use crate::source::{Refused as Refusal, SourceError};
use crate::store::{Rejections, SourceClass, SourceId, Store};

/// How often what is forgotten is looked for where nothing comes.
const REST: Duration = Duration::from_secs(60);

/// The bounds of what comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InletLimits {
    /// How long a request may be, bytes, as it is sent.
    pub body_bytes: usize,
    /// How long it may be unpacked.
    pub unpacked_bytes: usize,
    /// How many series each inlet may have.
    pub series: usize,
    /// How many requests are read at a time.
    pub requests: usize,
    /// How much each sender may send.
    pub rates: Rates,
}

/// What a request was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Points, samples or spans that count.
    pub accepted: u64,
    /// Those that do not.
    pub rejected: u64,
    /// Why, the first reason.
    pub why: Option<String>,
}

impl Report {
    /// Some of what was accepted is not kept after all.
    fn not_kept(&mut self, count: u64, why: impl FnOnce() -> String) {
        if count > 0 {
            // One point may make two samples.
            let count = count.min(self.accepted);
            self.accepted -= count;
            self.rejected += count;
            self.why.get_or_insert_with(why);
        }
    }
}

/// What was read of a request.
struct Read {
    report: Report,
    samples: Vec<Sample>,
    not_kept: Rejections,
    /// Values of series beyond the limit, and which label makes too many.
    beyond: u64,
    worst: Option<(String, usize)>,
}

/// Why a request is refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is not what it should be.
    Malformed(String),
    /// It is too large.
    TooLarge(String),
}

/// One protocol's state and where it is told of.
struct Inlet<T> {
    name: &'static str,
    source: SourceId,
    reader: Mutex<T>,
    /// Its place on the board, from the first request on: nobody misses what was never sent.
    status: Mutex<Option<StatusHandle>>,
}

impl<T> Inlet<T> {
    fn new(name: &'static str, class: SourceClass, reader: T) -> Self {
        Self {
            name,
            source: SourceId::new(name, class),
            reader: Mutex::new(reader),
            status: Mutex::new(None),
        }
    }
}

struct Shared {
    store: Store,
    board: StatusBoard,
    census: Census,
    limits: InletLimits,
    allowances: Allowances,
    remote_write: Inlet<RemoteWrite>,
    metrics: Inlet<Metrics>,
    traces: Inlet<Traces>,
}

/// All inlets. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Inlets(Arc<Shared>);

impl Inlets {
    /// Inlets into a store. `secret` makes pseudonyms of users, `host` is this machine's name.
    pub fn new(
        store: Store,
        board: StatusBoard,
        census: Census,
        recognisers: &Arc<Recognisers>,
        limits: InletLimits,
        secret: &[u8],
        host: &str,
    ) -> Self {
        let written = Sender {
            identity: Labels::none(),
            interval_ms: None,
            limit: limits.series,
        };
        let written = RemoteWrite::new(Ledger::new(written, Arc::clone(recognisers)), host);
        let metrics = Metrics::new(Arc::clone(recognisers), limits.series);
        Self(Arc::new(Shared {
            store,
            board,
            census,
            limits,
            allowances: Allowances::new(limits.rates),
            remote_write: Inlet::new("remote_write", SourceClass::RemoteWrite, written),
            metrics: Inlet::new("otlp", SourceClass::Otlp, metrics),
            traces: Inlet::new("spans", SourceClass::Spans, Traces::new(limits.series, secret)),
        }))
    }

    /// The bounds.
    pub fn limits(&self) -> InletLimits {
        self.0.limits
    }

    /// Takes a request of a sender, by the name of its token, or tells how long it is to wait.
    ///
    /// # Errors
    /// It has sent as much as it may.
    pub fn admit(&self, token: &str, now: Millis) -> Result<(), Duration> {
        self.0.allowances.admit(token, now, Instant::now())
    }

    /// Notes how much was in a request.
    pub fn spent(&self, token: &str, report: &Report) {
        self.0.allowances.spent(token, report.accepted + report.rejected);
    }

    /// Every sender that was told to wait.
    pub fn slowed(&self) -> Vec<Slowed> {
        self.0.allowances.slowed()
    }

    /// What is done now and then where nothing comes, for as long as the server runs: what was not mentioned for long is
    /// forgotten.
    pub async fn rest(self) {
        loop {
            tokio::time::sleep(REST).await;
            let inlets = self.clone();
            // What it walks through may be long. A panic in it has been told already.
            let _ = tokio::task::spawn_blocking(move || inlets.forget(SystemClock.now())).await;
        }
    }

    fn forget(&self, now: Millis) {
        // Whoever holds one is reading, and does this as well.
        if let Some(mut reader) = self.0.remote_write.reader.try_lock() {
            reader.ledger().rest(now);
            self.0.census.tell(self.0.remote_write.name, reader.ledger());
        }
        if let Some(mut reader) = self.0.metrics.reader.try_lock() {
            reader.ledger().rest(now);
            self.0.census.tell(self.0.metrics.name, reader.ledger());
        }
        if let Some(mut reader) = self.0.traces.reader.try_lock() {
            reader.rest(now);
            self.0.census.count(self.0.traces.name, reader.series());
        }
    }

    /// A request of Prometheus' remote write, packed as it came. May take milliseconds.
    ///
    /// # Errors
    /// It is malformed or too large; nothing of it counts.
    pub fn remote_write(&self, body: &[u8], now: Millis) -> Result<Report, Refused> {
        let inlet = &self.0.remote_write;
        self.take(inlet, now, |reader| {
            let written = reader
                .read(body, self.0.limits.unpacked_bytes, now)
                .map_err(|error| match error {
                    WriteError::TooLarge { .. } => Refused::TooLarge(error.to_string()),
                    other => Refused::Malformed(other.to_string()),
                })?;
            self.0.census.tell(inlet.name, reader.ledger());
            let Decoded {
                samples,
                histograms,
                rejected,
                ..
            } = written.decoded;
            let report = Report {
                accepted: samples + (histograms + rejected).saturating_sub(written.refused),
                rejected: written.refused,
                why: written.why,
            };
            Ok(Read {
                report,
                samples: written.samples,
                not_kept: Rejections::default(),
                beyond: reader.ledger().take_beyond(),
                worst: reader.ledger().worst_label(),
            })
        })
    }

    /// A request of OpenTelemetry's metrics. May take milliseconds.
    ///
    /// # Errors
    /// It is malformed; nothing of it counts.
    pub fn metrics(&self, encoding: Encoding, body: &[u8], now: Millis) -> Result<Report, Refused> {
        let inlet = &self.0.metrics;
        self.take(inlet, now, |reader| {
            let taken = reader.read(encoding, body, now).map_err(|error| malformed(&error))?;
            let ledger = reader.ledger();
            self.0.census.tell(inlet.name, ledger);
            Ok(Read {
                beyond: ledger.take_beyond(),
                worst: ledger.worst_label(),
                ..reported(taken)
            })
        })
    }

    /// A request of OpenTelemetry's spans. May take milliseconds.
    ///
    /// # Errors
    /// It is malformed; nothing of it counts.
    pub fn traces(&self, encoding: Encoding, body: &[u8], now: Millis) -> Result<Report, Refused> {
        let inlet = &self.0.traces;
        self.take(inlet, now, |reader| {
            let taken = reader.read(encoding, body, now).map_err(|error| malformed(&error))?;
            self.0.census.count(inlet.name, reader.series());
            Ok(reported(taken))
        })
    }

    fn take<T>(
        &self,
        inlet: &Inlet<T>,
        now: Millis,
        read: impl FnOnce(&mut T) -> Result<Read, Refused>,
    ) -> Result<Report, Refused> {
        let started = Instant::now();
        let status = inlet
            .status
            .lock()
            .get_or_insert_with(|| self.0.board.register(inlet.name, &[]))
            .clone();
        // Held until the store has the samples: what a later request knows more of a second must not come before.
        let mut reader = inlet.reader.lock();
        match read(&mut reader) {
            Ok(Read {
                mut report,
                samples,
                mut not_kept,
                beyond,
                worst,
            }) => {
                let count = samples.len();
                not_kept.add(&self.0.store.append(&inlet.source, samples, now).rejected);
                drop(reader);
                status.succeeded(now, started.elapsed(), count);
                status.rejected(&not_kept);
                if let Some(why) = report.why.clone().filter(|_| report.rejected > 0) {
                    let count = report.rejected;
                    status.refused(now, &Refusal { count, why: why.into() });
                }
                report.not_kept(beyond, || {
                    let worst = worst.map(|(label, values)| format!("; {label} has most values, {values}"));
                    let limit = self.0.limits.series;
                    format!(
                        "{beyond} points are of series beyond the limit of {limit}, [ingest] series{}",
                        worst.unwrap_or_default()
                    )
                });
                report.not_kept(not_kept.total(), || first(&not_kept).unwrap_or_default());
                Ok(report)
            }
            Err(refused) => {
                let (Refused::Malformed(why) | Refused::TooLarge(why)) = &refused;
                let error = SourceError::Invalid {
                    what: Text::new("リクエスト", "a request"),
                    why: why.clone().into(),
                };
                status.failed(now, started.elapsed(), &error);
                Err(refused)
            }
        }
    }
}

fn malformed(error: &wire::Error) -> Refused {
    Refused::Malformed(error.to_string())
}

fn reported(taken: Taken) -> Read {
    let report = Report {
        accepted: taken.decoded.accepted,
        rejected: taken.decoded.rejected,
        why: taken.rejected,
    };
    Read {
        report,
        samples: taken.samples,
        not_kept: taken.not_kept,
        beyond: 0,
        worst: None,
    }
}

/// Why the store did not keep samples, in words for their sender.
fn first(rejected: &Rejections) -> Option<String> {
    let (reason, count) = rejected
        .iter()
        .max_by_key(|(_, count)| *count)
        .filter(|(_, count)| *count > 0)?;
    Some(format!("{count} samples were not kept: {}", reason.as_str()))
}

//! StatsD over UDP: what programs count and time in a datagram each, put together by the second.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use keiki_decode::statsd::{Kind as Sent, Line, Value, parse};
use keiki_model::histogram::Exponential;
use keiki_model::series::{HOST_NAME, Kind, Labels, SERVICE_NAME, Sample};
use keiki_model::time::{Millis, SECOND};
use keiki_recognise::Recognisers;
use parking_lot::Mutex;
use tokio::net::UdpSocket;
use tokio::task::AbortHandle;

use super::{Source, SourceError};
use crate::ingest::Census;
use crate::ingest::ledger::{Change, Ledger, Sender};

/// The longest datagram that UDP can carry.
const DATAGRAM: usize = 65_535;

/// For how long a counter that nobody counts on is told to stand still, milliseconds. Then nobody knows.
const STILL: Millis = 60 * SECOND;

/// For how long a gauge's value is held for later changes to it, milliseconds.
const HELD: Millis = 3_600 * SECOND;

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatsdConfig {
    /// An address of loopback.
    pub listen: SocketAddr,
    /// The `service_name` of what comes without a tag `service`.
    pub service: String,
    /// How many series there may be.
    pub series: usize,
}

/// What came of one series since the last reading.
#[derive(Debug)]
enum Gathered {
    /// How much was counted, and when it last was.
    Counted(f64, Millis),
    /// The value, whether it is new, and when it came.
    Gauge(f64, bool, Millis),
    /// Durations or other values, and when the last one came.
    Observed(Exponential, Millis),
    /// Members of a set, by hash.
    Set(HashSet<u64>),
}

/// One series as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Id {
    name: Box<str>,
    tags: Box<[u8]>,
    kind: Sent,
}

#[derive(Debug, Default)]
struct Heap {
    series: HashMap<Id, (Labels, Gathered)>,
    /// Lines that were not understood since the last reading, and what the first was.
    refused: usize,
    example: Option<String>,
}

/// Listens and tells once a second.
pub struct StatsdSource {
    config: StatsdConfig,
    heap: Arc<Mutex<Heap>>,
    listener: Option<AbortHandle>,
    ledger: Ledger,
    census: Census,
}

impl StatsdSource {
    /// A source that will listen there.
    pub fn new(config: StatsdConfig, host: &str, recognisers: &Arc<Recognisers>, census: Census) -> Self {
        let sender = Sender {
            identity: Labels::new([(HOST_NAME, host)]),
            interval_ms: None,
            limit: config.series,
        };
        Self {
            ledger: Ledger::new(sender, Arc::clone(recognisers)),
            config,
            heap: Arc::default(),
            listener: None,
            census,
        }
    }

    async fn listen(&mut self) -> Result<(), SourceError> {
        if self.listener.as_ref().is_some_and(|listener| !listener.is_finished()) {
            return Ok(());
        }
        let socket = UdpSocket::bind(self.config.listen)
            .await
            .map_err(|error| SourceError::Io {
                what: format!("udp {}", self.config.listen),
                error,
            })?;
        let (heap, config) = (Arc::clone(&self.heap), self.config.clone());
        let hasher = RandomState::new();
        let listening = async move {
            let mut buffer = vec![0; DATAGRAM];
            while let Ok(length) = socket.recv(&mut buffer).await {
                let now = crate::clock::Clock::now(&crate::clock::SystemClock);
                heap.lock().take(&buffer[..length], &config, &hasher, now);
            }
        };
        self.listener = Some(tokio::spawn(listening).abort_handle());
        Ok(())
    }
}

impl Drop for StatsdSource {
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            listener.abort();
        }
    }
}

impl Heap {
    fn take(&mut self, datagram: &[u8], config: &StatsdConfig, hasher: &RandomState, now: Millis) {
        parse(datagram, |line| match line {
            Ok(line) => self.add(&line, config, hasher, now),
            Err(error) => {
                self.refused += 1;
                self.example.get_or_insert_with(|| error.to_string());
            }
        });
    }

    fn add(&mut self, line: &Line<'_>, config: &StatsdConfig, hasher: &RandomState, now: Millis) {
        let id = Id {
            name: line.name.into(),
            tags: line.tags.raw().into(),
            kind: line.kind,
        };
        if !self.series.contains_key(&id) {
            // What is beyond the limit is refused here, before it takes memory.
            if self.series.len() >= config.series {
                self.refused += 1;
                self.example.get_or_insert_with(|| {
                    format!("there are {} series, as many as statsd.series allows", config.series)
                });
                return;
            }
            let mut labels = Labels::new([(SERVICE_NAME, config.service.as_str())]);
            for (name, value) in line.tags.clone() {
                let name = if name == "service" {
                    SERVICE_NAME.to_owned()
                } else {
                    word(name)
                };
                labels.set(name, value.unwrap_or("true"));
            }
            let gathered = match line.kind {
                Sent::Counter => Gathered::Counted(0.0, now),
                Sent::Gauge => Gathered::Gauge(0.0, false, now),
                Sent::Set => Gathered::Set(HashSet::new()),
                _ => Gathered::Observed(Exponential::new(), now),
            };
            self.series.insert(id.clone(), (labels, gathered));
        }
        let Some((_, gathered)) = self.series.get_mut(&id) else {
            return;
        };
        for value in line.values.clone() {
            match (&mut *gathered, value) {
                (Gathered::Counted(total, last), Value::Number(value)) => {
                    *total += value / line.rate;
                    *last = now;
                }
                (Gathered::Gauge(held, fresh, last), Value::Number(value)) => {
                    (*held, *fresh, *last) = (value, true, now)
                }
                (Gathered::Gauge(held, fresh, last), Value::Change(value)) => {
                    (*held, *fresh, *last) = (*held + value, true, now);
                }
                (Gathered::Observed(all, last), Value::Number(value)) => {
                    *last = now;
                    let value = if line.kind == Sent::Timer {
                        value / 1_000.0
                    } else {
                        value
                    };
                    // One of ten that was sent stands for ten.
                    all.record_n(value, (1.0 / line.rate).round() as u64);
                }
                (Gathered::Set(members), Value::Member(member)) if members.len() < MEMBERS => {
                    members.insert(hasher.hash_one(member));
                }
                _ => {}
            }
        }
    }
}

/// How many members of a set are told apart.
const MEMBERS: usize = 100_000;

/// A name as Prometheus writes it.
fn word(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect()
}

impl Source for StatsdSource {
    fn name(&self) -> &'static str {
        "statsd"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(1)
    }

    async fn collect(&mut self, now: Millis) -> Result<Vec<Sample>, SourceError> {
        self.listen().await?;
        let mut heap = self.heap.lock();
        let refused = std::mem::take(&mut heap.refused);
        let example = heap.example.take();
        let ledger = &mut self.ledger;
        heap.series.retain(|id, (labels, gathered)| {
            let suffix = match id.kind {
                Sent::Counter => "_total",
                Sent::Timer => "_seconds",
                _ => "",
            };
            let base = word(&id.name);
            let name = if base.ends_with(suffix) { base } else { base + suffix };
            let raw = [id.name.as_bytes(), &[0xff, id.kind as u8], &id.tags].concat();
            let (kind, change, keep) = match gathered {
                Gathered::Counted(total, last) => (
                    Kind::Counter,
                    Change::Total(*total, Some(now - SECOND)),
                    now - *last < STILL,
                ),
                Gathered::Gauge(value, fresh, last) => {
                    // What nobody repeats is not known to hold; changes to it still need to know it.
                    if !std::mem::take(fresh) {
                        return now - *last < HELD;
                    }
                    (Kind::Gauge, Change::Total(*value, None), true)
                }
                Gathered::Set(members) => (Kind::Gauge, Change::Total(members.len() as f64, None), false),
                Gathered::Observed(all, last) => {
                    let recorded = Change::Recorded(Box::new(all.clone().into()));
                    all.clear();
                    (Kind::Histogram, recorded, now - *last < STILL)
                }
            };
            let key = ledger.find(&raw).unwrap_or_else(|| match kind {
                Kind::Histogram => ledger.whole(&raw, &name, labels, now),
                _ => ledger.number(&raw, &name, Some(kind), labels, now),
            });
            ledger.change(key, change, now);
            keep
        });
        drop(heap);
        let samples = self.ledger.take_page(false, now);
        self.census.tell("statsd", &self.ledger);
        match example {
            // What was understood counts all the same, at the next reading's place.
            Some(example) if samples.is_empty() => Err(SourceError::Invalid {
                what: format!("{refused} lines"),
                why: example,
            }),
            _ => Ok(samples),
        }
    }
}

//! StatsD over UDP: what programs count and time in a datagram each, put together by the second.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use keiki_decode::statsd::{Kind as Sent, Line, Value, parse};
use keiki_model::histogram::Exponential;
use keiki_model::series::{HOST_NAME, Kind, Labels, SERVICE_NAME, Sample};
use keiki_model::text::Text;
use keiki_model::time::{Millis, SECOND};
use keiki_recognise::Recognisers;
use parking_lot::Mutex;
use tokio::net::UdpSocket;
use tokio::task::AbortHandle;

use super::{Refused, Source, SourceError};
use crate::ingest::Census;
use crate::ingest::ledger::{Change, Ledger, Sender};

/// The longest datagram that UDP can carry.
const DATAGRAM: usize = 65_535;

/// For how long a counter that nobody counts on is told to stand still, milliseconds. Then nobody knows.
const STILL: Millis = 60 * SECOND;

/// How often lines that are not understood are told of in the log, milliseconds.
const WARN_EVERY: Millis = 60 * SECOND;

/// For how long a counter's total, or a gauge's value, is held for what comes later, milliseconds.
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

/// What was told of a counter.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Told {
    /// Nothing yet.
    Nothing,
    /// This total, a reading ago.
    Lately(f64),
    /// This total, and then it fell silent.
    Before(f64),
}

/// What came of one series since the last reading.
#[derive(Debug)]
enum Gathered {
    /// How much was counted, when it last was, and what was last told.
    Counted(f64, Millis, Told),
    /// The value, whether it is new, and when it came.
    Gauge(f64, bool, Millis),
    /// Durations or other values, and when the last one came.
    Observed(Exponential, Millis),
    /// Members of a set, by hash, and when the last one came.
    Set(HashSet<u64>, Millis),
}

impl Gathered {
    /// Nothing yet of what such lines tell.
    fn new(sent: Sent, now: Millis) -> Self {
        match sent {
            Sent::Counter => Self::Counted(0.0, now, Told::Nothing),
            Sent::Gauge => Self::Gauge(0.0, false, now),
            Sent::Set => Self::Set(HashSet::new(), now),
            Sent::Timer | Sent::Histogram | Sent::Distribution => Self::Observed(Exponential::new(), now),
        }
    }

    fn takes(&self, sent: Sent) -> bool {
        match self {
            Self::Counted(..) => sent == Sent::Counter,
            Self::Gauge(..) => sent == Sent::Gauge,
            Self::Set(..) => sent == Sent::Set,
            Self::Observed(..) => matches!(sent, Sent::Timer | Sent::Histogram | Sent::Distribution),
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Counted(..) => "counter",
            Self::Gauge(..) => "gauge",
            Self::Set(..) => "set",
            Self::Observed(..) => "histogram",
        }
    }
}

/// One series as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Id {
    name: Box<str>,
    tags: Box<[u8]>,
    kind: Sent,
}

/// One series as it is kept: names and tags may be written in several ways.
#[derive(Debug)]
struct One {
    name: String,
    labels: Labels,
    gathered: Gathered,
}

/// The bytes by which a series is known, here and to the ledger: its name and labels.
type Raw = Arc<[u8]>;

/// The name and the labels of a line's series.
fn identity(line: &Line<'_>, config: &StatsdConfig) -> (String, Labels) {
    let mut labels = Labels::new([(SERVICE_NAME, config.service.as_str())]);
    for (name, value) in line.tags.clone() {
        let name = if name == "service" {
            SERVICE_NAME.to_owned()
        } else {
            word(name)
        };
        labels.set(name, value.unwrap_or("true"));
    }
    let suffix = match line.kind {
        Sent::Counter => "_total",
        Sent::Timer => "_seconds",
        _ => "",
    };
    let base = word(line.name);
    let name = if base.ends_with(suffix) { base } else { base + suffix };
    (name, labels)
}

/// How many ways of writing are remembered for each series that there may be.
const WAYS: usize = 4;

#[derive(Debug, Default)]
struct Heap {
    series: HashMap<Raw, One>,
    /// The series by how they are written.
    written: HashMap<Id, Raw>,
    /// Lines that were not understood or not taken since the last reading, and why the newest was not.
    refused: u64,
    why: Option<Text>,
}

/// Listens and tells once a second.
pub struct StatsdSource {
    config: StatsdConfig,
    heap: Arc<Mutex<Heap>>,
    listener: Option<AbortHandle>,
    ledger: Ledger,
    census: Census,
    warned: Millis,
    refused: Option<Refused>,
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
            warned: Millis::MIN / 2,
            census,
            refused: None,
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
            Err(error) => self.refuse(|| error.to_string().into()),
        });
    }

    fn refuse(&mut self, why: impl FnOnce() -> Text) {
        self.refused += 1;
        self.why = Some(why());
    }

    fn add(&mut self, line: &Line<'_>, config: &StatsdConfig, hasher: &RandomState, now: Millis) {
        let id = Id {
            name: line.name.into(),
            tags: line.tags.raw().into(),
            kind: line.kind,
        };
        let raw = match self.written.get(&id) {
            Some(raw) => Arc::clone(raw),
            None => {
                let (name, labels) = identity(line, config);
                let raw: Raw = [name.as_bytes(), &[0xff], labels.to_string().as_bytes()]
                    .concat()
                    .into();
                if !self.series.contains_key(&raw) {
                    // What is beyond the limit is refused here, before it takes memory.
                    if self.series.len() >= config.series {
                        let most = config.series;
                        self.refuse(|| {
                            Text::of(
                                format!("系列が statsd.series の上限 {most} に達しています"),
                                format!("there are {most} series, as many as statsd.series allows"),
                            )
                        });
                        return;
                    }
                    let gathered = Gathered::new(line.kind, now);
                    let one = One { name, labels, gathered };
                    self.series.insert(Arc::clone(&raw), one);
                }
                if self.written.len() < config.series.saturating_mul(WAYS) {
                    self.written.insert(id, Arc::clone(&raw));
                }
                raw
            }
        };
        let Some(One { name, gathered, .. }) = self.series.get_mut(&raw) else {
            return;
        };
        // Two meanings of one name would be told as one series: whatever came first has it.
        if !gathered.takes(line.kind) {
            let word = gathered.word();
            let why = Text::of(
                format!("{name} は {word} です。同じ名前の別の種類の行は受け取りません"),
                format!("{name} is a {word}; another kind of line of that name is not taken"),
            );
            self.refuse(|| why);
            return;
        }
        let mut down = false;
        for value in line.values.clone() {
            match (&mut *gathered, value) {
                // A counter that counts down would be one that began anew.
                (Gathered::Counted(..), Value::Number(value)) if value < 0.0 => down = true,
                (Gathered::Counted(total, last, _), Value::Number(value)) => {
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
                (Gathered::Set(members, last), Value::Member(member)) => {
                    *last = now;
                    if members.len() < MEMBERS {
                        members.insert(hasher.hash_one(member));
                    }
                }
                _ => {}
            }
        }
        if down {
            let name = line.name;
            self.refuse(|| {
                Text::of(
                    format!("カウンター {name} が減る方向に送られました"),
                    format!("{name} counts down"),
                )
            });
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
        let count = std::mem::take(&mut heap.refused);
        let refused = heap.why.take().map(|why| Refused { count, why });
        let ledger = &mut self.ledger;
        let before = heap.series.len();
        heap.series.retain(|raw, one| {
            let One { name, labels, gathered } = one;
            // What it stood at while it was silent.
            let mut again = None;
            let (kind, change, keep) = match gathered {
                Gathered::Counted(total, last, told) => {
                    if now - *last >= STILL {
                        if let Told::Lately(total) = *told {
                            *told = Told::Before(total);
                        }
                        return now - *last < HELD;
                    }
                    if let Told::Before(total) = *told {
                        again = Some(total);
                    }
                    *told = Told::Lately(*total);
                    // The beginning counts only of a series that the ledger has not seen.
                    (
                        Kind::Counter,
                        Change::Total(*total, again.is_none().then_some(now - SECOND)),
                        true,
                    )
                }
                Gathered::Gauge(value, fresh, last) => {
                    // What nobody repeats is not known to hold; changes to it still need to know it.
                    if !std::mem::take(fresh) {
                        return now - *last < HELD;
                    }
                    (Kind::Gauge, Change::Total(*value, None), true)
                }
                Gathered::Set(members, last) => {
                    let count = std::mem::take(members).len();
                    if count == 0 {
                        return now - *last < HELD;
                    }
                    (Kind::Gauge, Change::Total(count as f64, None), true)
                }
                Gathered::Observed(all, last) => {
                    let recorded = Change::Recorded(Box::new(all.clone().into()));
                    all.clear();
                    (Kind::Histogram, recorded, now - *last < STILL)
                }
            };
            let key = ledger.find(raw).unwrap_or_else(|| match kind {
                Kind::Histogram => ledger.whole(raw, name, labels, now),
                _ => ledger.number(raw, name, Some(kind), labels, now),
            });
            if let Some(total) = again {
                ledger.change(key, Change::Total(total, None), now - SECOND);
            }
            ledger.change(key, change, now);
            keep
        });
        if heap.series.len() < before {
            let Heap { series, written, .. } = &mut *heap;
            written.retain(|_, raw| series.contains_key(raw));
        }
        drop(heap);
        let samples = self.ledger.take_page(false, now);
        self.census.tell("statsd", &self.ledger);
        if let Some(Refused { count, why }) = &refused
            && now - self.warned >= WARN_EVERY
        {
            self.warned = now;
            tracing::warn!(refused = count, why = %why.en, "lines of StatsD are not understood or not taken");
        }
        self.refused = refused;
        Ok(samples)
    }

    fn refused(&mut self) -> Option<Refused> {
        self.refused.take()
    }
}

#[cfg(test)]
mod tests;

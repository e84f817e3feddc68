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
    why: Option<String>,
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
            Err(error) => self.refuse(|| error.to_string()),
        });
    }

    fn refuse(&mut self, why: impl FnOnce() -> String) {
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
                        self.refuse(|| format!("there are {} series, as many as statsd.series allows", config.series));
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
            let why = format!(
                "{name} is a {}; another kind of line of that name is not taken",
                gathered.word()
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
            self.refuse(|| format!("{} counts down", line.name));
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
            tracing::warn!(refused = count, %why, "lines of StatsD are not understood or not taken");
        }
        self.refused = refused;
        Ok(samples)
    }

    fn refused(&mut self) -> Option<Refused> {
        self.refused.take()
    }
}

#[cfg(test)]
mod tests {
    use keiki_model::series::Value;

    use super::*;

    fn source(series: usize) -> (StatsdSource, StatsdConfig) {
        let recognisers = Arc::new(Recognisers::new(&[]).expect("rows"));
        let config = StatsdConfig {
            listen: "127.0.0.1:0".parse().expect("an address"),
            service: "app".into(),
            series,
        };
        let source = StatsdSource::new(config.clone(), "h", &recognisers, Census::default());
        (source, config)
    }

    #[tokio::test]
    async fn a_counter_that_pauses_goes_on_where_it_stood() {
        let (mut source, config) = source(10);
        let hasher = RandomState::new();
        let mut told = Vec::new();
        // Two, a pause that is longer than anything is remembered elsewhere, and five more.
        for (now, datagram) in [
            (1_000, "a:2|c"),
            (2_000, ""),
            (1_200_000, ""),
            (1_201_000, "a:5|c\na:-1|c"),
            (1_202_000, ""),
        ] {
            source.heap.lock().take(datagram.as_bytes(), &config, &hasher, now);
            let samples = source.collect(now).await.expect("it listens");
            told.extend(samples.into_iter().map(|sample| match sample.value {
                Value::Number(value) => (sample.time, value),
                Value::Distribution(_) => panic!("a number"),
            }));
        }
        source
            .heap
            .lock()
            .take(b"garbage\na:-1|c\nb", &config, &hasher, 1_203_000);
        source.collect(1_203_000).await.expect("it listens");
        let refused = source.refused().expect("three lines");
        assert_eq!(refused.count, 3, "{refused:?}");
        assert!(refused.why.contains('b'), "the newest: {refused:?}");
        assert_eq!(source.refused(), None);
        assert_eq!(
            told,
            [
                (0, 0.0),
                (1_000, 2.0),
                (2_000, 2.0),
                (1_200_000, 2.0),
                (1_201_000, 7.0),
                (1_202_000, 7.0)
            ]
        );
    }

    #[tokio::test]
    async fn one_series_may_be_written_in_several_ways() {
        let (mut source, config) = source(3);
        let hasher = RandomState::new();
        for now in [1_000, 2_000] {
            let lines = "hits:10|c|#a:1,b:2\nhits:3|c|#b:2,a:1\nx.y:1|c\nx_y:100|c\nx_y_total:4|c\nlevel:5|g|#a,b\nlevel:+2|g|#b,a";
            source.heap.lock().take(lines.as_bytes(), &config, &hasher, now);
            let samples = source.collect(now).await.expect("it listens");
            let told = samples.into_iter().filter(|sample| sample.time == now);
            let mut told: Vec<_> = told
                .map(|sample| match sample.value {
                    Value::Number(value) => (sample.series.name().to_owned(), value * 1_000.0 / now as f64),
                    Value::Distribution(_) => panic!("a number"),
                })
                .collect();
            told.sort_by(|one, other| one.0.cmp(&other.0));
            let level = 7_000.0 / now as f64;
            let wanted = [("hits_total", 13.0), ("level", level), ("x_y_total", 105.0)];
            assert_eq!(told, wanted.map(|(name, value)| (name.to_owned(), value)));
        }
        assert_eq!(source.refused(), None);
    }

    #[tokio::test]
    async fn a_name_has_one_meaning() {
        let (mut source, config) = source(10);
        let hasher = RandomState::new();
        for now in [1_000, 2_000] {
            // Timers and histograms are one kind, whatever their unit; the others are refused.
            let lines =
                "wait:500|ms\nwait_seconds:2|h\nwait_seconds:3|d\nwait_seconds:9|g\nroom:1|s\nroom:2|s\nroom:70|g";
            source.heap.lock().take(lines.as_bytes(), &config, &hasher, now);
            let samples = source.collect(now).await.expect("it listens");
            let told = samples.iter().filter(|sample| sample.time == now);
            let mut told: Vec<_> = told
                .map(|sample| match &sample.value {
                    Value::Number(value) => (sample.series.name(), *value),
                    Value::Distribution(all) => (sample.series.name(), all.count() as f64),
                })
                .collect();
            told.sort_by_key(|(name, _)| *name);
            assert_eq!(told, [("room", 2.0), ("wait_seconds", 3.0)]);
            let refused = source.refused().expect("two lines");
            assert_eq!(refused.count, 2, "{refused:?}");
            assert!(refused.why.contains("room is a set"), "{refused:?}");
        }
    }
}

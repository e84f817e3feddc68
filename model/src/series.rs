//! Identity: a series is a metric name and its sorted labels; a sample is one value of a series at a time.
//!
//! Every series carries `service_name`, `service_instance_id` and `host_name`, filled by its source. A [`Series`] is
//! made once by its source and shared as an `Arc`; samples point to it, so that naming a value costs no allocation.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::histogram::Distribution;
use crate::time::Millis;

/// The label that names the watched service.
pub const SERVICE_NAME: &str = "service_name";
/// The label that names one running instance of the service.
pub const SERVICE_INSTANCE_ID: &str = "service_instance_id";
/// The label that names the host on which the instance runs.
pub const HOST_NAME: &str = "host_name";
/// The value that stands for every label value beyond a bound.
pub const OTHER: &str = "_OTHER";

/// Whether a metric is about a host, not about a service: its series name no service.
pub fn is_of_host(metric: &str) -> bool {
    metric.starts_with("system_") || metric.starts_with("process_")
}

/// Labels sorted by name, each name once. A clone is the same ones: every tick hands them from group to row to frame.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Labels(Arc<Vec<(Box<str>, Box<str>)>>);

impl Labels {
    /// The empty set of labels.
    pub fn none() -> Self {
        Self::default()
    }

    /// Sorts the pairs by name; of a repeated name the last value stays. An empty value is the same as no label.
    pub fn new<N: Into<Box<str>>, V: Into<Box<str>>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut labels = Self::default();
        for (name, value) in pairs {
            labels.set(name, value);
        }
        labels
    }

    /// The value of a label.
    pub fn get(&self, name: &str) -> Option<&str> {
        let index = self.0.binary_search_by(|(n, _)| (**n).cmp(name)).ok()?;
        Some(&self.0[index].1)
    }

    /// Sets one label; an empty value removes it.
    pub fn set(&mut self, name: impl Into<Box<str>>, value: impl Into<Box<str>>) {
        let (name, value) = (name.into(), value.into());
        match self.0.binary_search_by(|(n, _)| n.cmp(&name)) {
            Ok(index) if value.is_empty() => {
                Arc::make_mut(&mut self.0).remove(index);
            }
            Ok(index) => Arc::make_mut(&mut self.0)[index].1 = value,
            Err(_) if value.is_empty() => {}
            Err(index) => Arc::make_mut(&mut self.0).insert(index, (name, value)),
        }
    }

    /// The same labels with one more.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    /// Name and value of each label, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Whether there is no label.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many labels there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Labels;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("labels")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
                let mut labels = Labels::none();
                while let Some((name, value)) = map.next_entry::<Box<str>, Box<str>>()? {
                    labels.set(name, value);
                }
                Ok(labels)
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

impl std::fmt::Display for Labels {
    /// `{name="value",…}` as Prometheus writes it; nothing for the empty set.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, (name, value)) in self.iter().enumerate() {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            write!(f, "{}{name}=\"{value}\"", if index == 0 { '{' } else { ',' })?;
        }
        if self.is_empty() { Ok(()) } else { f.write_str("}") }
    }
}

/// What the values of a series mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A running total that only grows, until its process restarts.
    Counter,
    /// A value of this moment.
    Gauge,
    /// The distribution of what happened since the previous sample.
    Histogram,
}

/// A named stream of values. Identity is the name, the labels and the origin; kind and interval are what its source
/// declares.
#[derive(Clone, Debug)]
pub struct Series {
    name: Box<str>,
    labels: Labels,
    origin: Option<Box<str>>,
    kind: Kind,
    interval_ms: Option<u32>,
    fingerprint: u64,
}

impl Series {
    /// A series as its source declares it. `interval_ms` is the time between two samples, `None` where it is to be
    /// learned from them.
    pub fn new(name: impl Into<Box<str>>, labels: Labels, kind: Kind, interval_ms: Option<u32>) -> Arc<Self> {
        Self::read_as(name, None, labels, kind, interval_ms)
    }

    /// A series under the canonical name that its own one, the origin, was recognised as.
    pub fn read_as(
        name: impl Into<Box<str>>,
        origin: Option<Box<str>>,
        labels: Labels,
        kind: Kind,
        interval_ms: Option<u32>,
    ) -> Arc<Self> {
        let name = name.into();
        let mut hasher = DefaultHasher::new();
        (&name, &origin, &labels).hash(&mut hasher);
        Arc::new(Self {
            name,
            origin,
            labels,
            kind,
            interval_ms,
            fingerprint: hasher.finish(),
        })
    }

    /// The metric's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The labels.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The name that its sender gave it, where it was recognised as something else.
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// What the values mean.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The declared time between two samples, milliseconds.
    pub fn interval_ms(&self) -> Option<u32> {
        self.interval_ms
    }

    /// A hash of the identity, computed once. Only of use within this process.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }
}

impl PartialEq for Series {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
            && self.name == other.name
            && self.origin == other.origin
            && self.labels == other.labels
    }
}

impl Eq for Series {}

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of a counter (the running total) or a gauge, by the series' kind.
    Number(f64),
    /// Of a histogram: only what happened since the previous sample, not a running total.
    Distribution(Box<Distribution>),
}

/// One value of a series at a time.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Whose value.
    pub series: Arc<Series>,
    /// When it was read, Unix milliseconds of the server's wall clock.
    pub time: Millis,
    /// The value.
    pub value: Value,
}

impl Sample {
    /// A sample of a counter or a gauge.
    pub fn number(series: &Arc<Series>, time: Millis, value: f64) -> Self {
        Self {
            series: Arc::clone(series),
            time,
            value: Value::Number(value),
        }
    }

    /// A sample of a histogram.
    pub fn distribution(series: &Arc<Series>, time: Millis, value: Distribution) -> Self {
        Self {
            series: Arc::clone(series),
            time,
            value: Value::Distribution(Box::new(value)),
        }
    }
}

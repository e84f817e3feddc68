//! Prometheus' remote write: requests of many senders' samples.

use std::collections::{HashMap, HashSet};

use keiki_decode::remote_write::{
    BucketFault, Decoded, Decoder, Error, Labels as Sent, MetricType, NativeHistogram, ResetHint, Visitor, is_stale,
};
use keiki_model::series::{HOST_NAME, Kind, Labels, SERVICE_INSTANCE_ID, SERVICE_NAME, Sample};
use keiki_model::time::Millis;

use super::assemble::Part;
use super::ledger::{Change, Key, Ledger};
use super::native;
use crate::source::is_loopback;

/// How many families' types are remembered.
const FAMILIES: usize = 50_000;

/// What a request had.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) decoded: Decoded,
    pub(crate) samples: Vec<Sample>,
    /// How many of its histograms are not taken, and why the first one is not.
    pub(crate) refused: u64,
    pub(crate) why: Option<String>,
}

/// What is known of those who write.
pub(crate) struct RemoteWrite {
    ledger: Ledger,
    decoder: Decoder,
    /// What metric families are, as far as it was said.
    kinds: HashMap<Box<str>, MetricType>,
    /// This machine's name.
    host: String,
}

impl RemoteWrite {
    pub(crate) fn new(ledger: Ledger, host: &str) -> Self {
        Self {
            ledger,
            decoder: Decoder::default(),
            kinds: HashMap::new(),
            host: host.to_owned(),
        }
    }

    pub(crate) fn ledger(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    /// Reads anew what is no more what these families were taken for.
    fn reconsider(&mut self, changed: &HashSet<Box<str>>) {
        self.ledger.reconsider(|name, is| {
            let Some((family, kind)) = said_of(&self.kinds, name).filter(|(family, _)| changed.contains(*family))
            else {
                return false;
            };
            let of_histogram = kind == MetricType::Histogram && family != name && !name.ends_with("_total");
            of_histogram || kind_of(kind, name).is_some_and(|wanted| wanted != is)
        });
    }

    /// The samples of a request; where it has a mistake, which one, and none of it counts.
    pub(crate) fn read(&mut self, body: &[u8], limit: usize, now: Millis) -> Result<Written, Error> {
        let mut reader = Reader {
            ledger: &mut self.ledger,
            kinds: &mut self.kinds,
            host: &self.host,
            now,
            changed: HashSet::new(),
            refused: 0,
            why: None,
        };
        let decoded = self.decoder.decode(body, limit, &mut reader);
        let Reader {
            changed, refused, why, ..
        } = reader;
        match decoded {
            Ok(decoded) => {
                let samples = self.ledger.take_page(false, now);
                if !changed.is_empty() {
                    self.reconsider(&changed);
                }
                Ok(Written {
                    decoded,
                    samples,
                    refused,
                    why,
                })
            }
            Err(error) => {
                self.ledger.forget_page();
                Err(error)
            }
        }
    }
}

struct Reader<'a> {
    ledger: &'a mut Ledger,
    kinds: &'a mut HashMap<Box<str>, MetricType>,
    host: &'a str,
    now: Millis,
    /// Families of which it was said only now what they are, or anew.
    changed: HashSet<Box<str>>,
    refused: u64,
    why: Option<String>,
}

/// The family that a metric belongs to, of those of which it was said what they are, and what that is.
fn said_of<'a>(kinds: &'a HashMap<Box<str>, MetricType>, name: &str) -> Option<(&'a str, MetricType)> {
    let families = ["_total", "_bucket", "_sum", "_count"].map(|suffix| name.strip_suffix(suffix));
    let mut families = std::iter::once(name).chain(families.into_iter().flatten());
    let (family, kind) = families.find_map(|family| kinds.get_key_value(family))?;
    Some((family, *kind))
}

/// What a number of such a family is.
fn kind_of(family: MetricType, name: &str) -> Option<Kind> {
    match family {
        MetricType::Counter => Some(Kind::Counter),
        MetricType::Summary if name.ends_with("_sum") || name.ends_with("_count") => Some(Kind::Counter),
        MetricType::Gauge
        | MetricType::Info
        | MetricType::StateSet
        | MetricType::GaugeHistogram
        | MetricType::Summary => Some(Kind::Gauge),
        _ => None,
    }
}

impl Reader<'_> {
    fn refuse(&mut self, why: &str) {
        self.refused += 1;
        self.why.get_or_insert_with(|| why.to_owned());
    }

    fn kind(&self, name: &str) -> Option<MetricType> {
        said_of(self.kinds, name).map(|(_, kind)| kind)
    }
}

impl Visitor for Reader<'_> {
    type Key = Key;

    fn known(&mut self, raw: &[u8]) -> Option<Key> {
        self.ledger.find(raw)
    }

    fn declare(&mut self, sent: Sent<'_>, raw: &[u8], is_native: bool) -> Key {
        let mut labels = Labels::none();
        let (mut name, mut bound, mut instance) = ("", None, "");
        for (label, value) in sent {
            match label {
                "__name__" => name = value,
                // Who sends, in the words of the one that scraped.
                "job" => labels.set(SERVICE_NAME, value),
                "instance" => instance = value,
                "le" if name.ends_with("_bucket") => bound = value.parse::<f64>().ok(),
                _ => labels.set(label, value),
            }
        }
        labels.set(SERVICE_INSTANCE_ID, instance);
        if labels.get(HOST_NAME).is_none() {
            let host = instance.rsplit_once(':').map_or(instance, |(host, _)| host);
            labels.set(HOST_NAME, if is_loopback(host) { self.host } else { host });
        }
        let now = self.now;
        if is_native {
            return self.ledger.native(raw, name, &labels, now);
        }
        if let (Some(bound), Some(base)) = (bound, name.strip_suffix("_bucket")) {
            let part = Some(Part::Bucket(bound));
            return self.ledger.classic(raw, base, part, &labels, now);
        }
        let kind = self.kind(name);
        let of_histogram =
            |base: &str, ledger: &Ledger| kind == Some(MetricType::Histogram) || ledger.has_histogram(base, &labels);
        if let Some(base) = name.strip_suffix("_sum").filter(|base| of_histogram(base, self.ledger)) {
            return self.ledger.classic(raw, base, Some(Part::Sum), &labels, now);
        }
        if let Some(base) = name
            .strip_suffix("_count")
            .filter(|base| of_histogram(base, self.ledger))
        {
            return self.ledger.classic(raw, base, None, &labels, now);
        }
        let kind = kind.and_then(|kind| kind_of(kind, name));
        self.ledger.number(raw, name, kind, &labels, now)
    }

    fn value(&mut self, key: Key, value: f64, time: i64) {
        // That a series ended is seen by its silence.
        if !is_stale(value) {
            self.ledger.put(key, value, time);
        }
    }

    fn histogram(&mut self, key: Key, histogram: &NativeHistogram<'_>, time: i64) {
        if histogram.is_stale() {
            return;
        }
        match native::observed(histogram) {
            Ok(_) if self.ledger.is_number(key) => self.refuse("a series of numbers turned into native histograms"),
            Ok(observed) if histogram.reset_hint == ResetHint::Yes => {
                self.ledger.change(key, Change::Anew(observed), time);
            }
            Ok(observed) => self.ledger.change(key, Change::Totals(observed, 0), time),
            Err(why) => self.refuse(why),
        }
    }

    fn rejected(&mut self, _: Key, fault: BucketFault, _: i64) {
        self.refuse(&format!("a native histogram is malformed: {fault}"));
    }

    fn metadata(&mut self, family: &str, kind: MetricType, _: &str, _: &str) {
        if self.kinds.len() < FAMILIES && self.kinds.get(family) != Some(&kind) {
            self.kinds.insert(family.into(), kind);
            self.changed.insert(family.into());
        }
    }
}

#[cfg(test)]
mod tests;

//! What is known of one sender's series.

mod page;
mod rivals;
mod sweep;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher as _;
use std::sync::Arc;

use hashbrown::HashTable;
use keiki_model::histogram::Distribution;
use keiki_model::series::{Kind, Labels, Series};
use keiki_model::time::Millis;
use keiki_recognise::{Canonical, Foreign, Recognisers};

use super::assemble::{Assembling, MOST_PARTS, Part};
use super::number::{Derived, Number};
use super::whole::{Observed, Whole};
use super::writers::Start;

/// A series of a sender, to be asked for by its bytes only once per mention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(u32);

/// What is beyond the limit has no place.
const REFUSED: Key = Key(u32::MAX);
/// Nor has what is not kept, where too much of it would have to be remembered.
const UNKEPT: Key = Key(u32::MAX - 1);

/// How many series are remembered as not kept for each that may be kept.
const NOTHINGS: usize = 4;

/// What a series is.
#[derive(Clone, Copy, Debug)]
enum Place {
    Number(u32),
    /// A part of a histogram.
    Part(u32, u32),
    /// A histogram that comes whole.
    Whole(u32),
    /// Not kept: dropped by a rule, beyond the limit, or told by other parts.
    Nothing,
}

/// What a sender says that tells more than a value.
#[derive(Debug)]
pub(crate) enum Change {
    /// A running total, and since when it runs.
    Total(f64, Option<Millis>),
    /// A running total of one of those that tell it, and when that one began.
    TotalSince(f64, Start),
    /// How much a total grew since the time before.
    Growth(f64),
    /// A histogram's totals.
    Totals(Observed),
    /// A histogram's totals of one of those that tell them, and when that one began.
    TotalsSince(Observed, Start),
    /// A histogram's totals, which began anew since the ones before.
    Anew(Observed),
    /// What a histogram observed since the time before.
    Observed(Observed),
    /// The same in the form in which it is kept, in canonical units.
    Recorded(Box<Distribution>),
}

#[derive(Debug)]
struct Known {
    raw: Box<[u8]>,
    place: Place,
    /// What its sender said it is, in the words of whoever reads it; 0 where senders do not say.
    said: u8,
    seen: Millis,
}

/// Who sends.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    /// The labels of identity.
    pub(crate) identity: Labels,
    /// The time between two values of a series, where it is known.
    pub(crate) interval_ms: Option<u32>,
    /// How many series it may have.
    pub(crate) limit: usize,
}

/// What a metric of a sender is read as, for those who wonder why a panel is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The recogniser, and the canonical name.
    pub known_as: Option<(String, String)>,
    /// How many series of it there were.
    pub series: usize,
}

/// What is known of one sender's series.
#[derive(Debug)]
pub(crate) struct Ledger {
    sender: Sender,
    recognisers: Arc<Recognisers>,
    hasher: foldhash::fast::RandomState,
    by_raw: HashTable<u32>,
    known: Vec<Option<Known>>,
    holes: Vec<u32>,
    /// The series that is likely to be asked for next: senders keep to an order.
    next: u32,
    numbers: Vec<Option<Number>>,
    free_numbers: Vec<u32>,
    histograms: Vec<Option<Assembling>>,
    free_histograms: Vec<u32>,
    wholes: Vec<Option<Whole>>,
    free_wholes: Vec<u32>,
    /// How many are remembered as not kept.
    nothings: usize,
    /// Histograms by their own name and labels, and numbers by which others are divided.
    histogram_of: HashMap<(Box<str>, Labels), u32>,
    divisors: HashMap<(Box<str>, Labels), u32>,
    /// Sums of which nobody said of what, by what they would be the sum of.
    sums: HashMap<(Box<str>, Labels), Key>,
    rivals: HashMap<rivals::Fact, rivals::Rivals>,
    /// Series that were let go of since the last page ended, and histograms of which these were parts.
    retired: Vec<u32>,
    broken: HashSet<u32>,
    /// Values that wait for the end of their page.
    pending: Vec<(Key, f64, Millis)>,
    changes: Vec<(Key, Millis, Change)>,
    readings: HashMap<Box<str>, Reading>,
    /// Counts what changed of all this.
    edition: u64,
    /// When the page before this one was taken.
    page: Option<Millis>,
    swept: Millis,
    /// Series that are not taken because there are as many as the limit allows: the most of one page of late.
    pub(crate) refused: usize,
    refused_now: usize,
    /// Values of this page of series that are not taken.
    beyond: u64,
    /// The label with most values, how many, and when that was found out; only where series are refused.
    worst: Option<(Millis, String, usize)>,
}

impl Ledger {
    pub(crate) fn new(sender: Sender, recognisers: Arc<Recognisers>) -> Self {
        Self {
            sender,
            recognisers,
            hasher: foldhash::fast::RandomState::default(),
            by_raw: HashTable::new(),
            known: Vec::new(),
            holes: Vec::new(),
            next: 0,
            numbers: Vec::new(),
            free_numbers: Vec::new(),
            histograms: Vec::new(),
            free_histograms: Vec::new(),
            wholes: Vec::new(),
            free_wholes: Vec::new(),
            nothings: 0,
            beyond: 0,
            histogram_of: HashMap::new(),
            divisors: HashMap::new(),
            sums: HashMap::new(),
            rivals: HashMap::new(),
            retired: Vec::new(),
            broken: HashSet::new(),
            pending: Vec::new(),
            changes: Vec::new(),
            readings: HashMap::new(),
            edition: 0,
            page: None,
            swept: Millis::MIN,
            refused: 0,
            refused_now: 0,
            worst: None,
        }
    }

    /// A series by its bytes.
    pub(crate) fn find(&mut self, raw: &[u8]) -> Option<Key> {
        let known = &self.known;
        let is_it = |id: u32| {
            let known = known.get(id as usize).and_then(Option::as_ref);
            known.is_some_and(|known| !raw.is_empty() && *known.raw == *raw)
        };
        let found = if is_it(self.next) {
            self.next
        } else {
            *self.by_raw.find(self.hasher.hash_one(raw), |&id| is_it(id))?
        };
        self.next = found + 1;
        Some(Key(found))
    }

    /// A new number. `labels` are the sender's own.
    pub(crate) fn number(&mut self, raw: &[u8], name: &str, kind: Option<Kind>, labels: &Labels, now: Millis) -> Key {
        if self.is_full() {
            return self.refuse();
        }
        let labels = self.identified(labels);
        let recognisers = Arc::clone(&self.recognisers);
        let mut readings = recognisers.readings(Foreign {
            name,
            kind,
            labels: &labels,
        });
        let unless = readings.canonical.as_ref().and_then(|canonical| canonical.unless);
        readings
            .canonical
            .take_if(|canonical| self.is_told_better(canonical, &labels));
        self.note(
            name,
            readings
                .canonical
                .as_ref()
                .or(readings.derived.first().map(|derived| &derived.canonical)),
        );
        let unsaid = kind.is_none();
        let kind = kind.unwrap_or_else(|| usual_kind(name));
        let (series, scale) = self.series(name, kind, &labels, readings.canonical.as_ref());
        let derived = readings
            .derived
            .iter()
            .map(|derived| Derived {
                over: derived.over.map(|over| self.divisor(over, &labels)),
                series: self.series(name, Kind::Gauge, &labels, Some(&derived.canonical)).0,
                scale: derived.canonical.scale,
                offset: derived.offset,
                rate: derived.rate,
            })
            .collect();
        let number = Number {
            series,
            scale,
            zero_at: self.born(now),
            newest: None,
            writers: None,
            derived,
        };
        // Where nobody said so, it may still turn out to be a histogram's.
        let sum_of = name
            .strip_suffix("_sum")
            .filter(|_| unsaid)
            .map(|base| (Box::from(base), labels.clone()));
        let place = if recognisers.is_divisor(name) {
            self.divisor(name, &labels)
        } else {
            self.place_of_number()
        };
        self.numbers[place as usize] = Some(number);
        let key = self.remember(raw, Place::Number(place), now);
        self.compete(key, name, &labels, unless);
        if let Some(id) = sum_of {
            self.sums.insert(id, key);
        }
        key
    }

    /// A new part of a histogram. `labels` are the sender's own, without a bucket's bound.
    pub(crate) fn part(&mut self, raw: &[u8], name: &str, part: Part, labels: &Labels, now: Millis) -> Key {
        let labels = self.identified(labels);
        let id = (Box::from(name), labels);
        let recognisers = Arc::clone(&self.recognisers);
        let mut first = None;
        let place = match self.histogram_of.get(&id) {
            Some(&place) => place,
            None if self.is_full() => return self.refuse(),
            None => {
                let mut canonical = recognisers
                    .readings(Foreign {
                        name,
                        kind: Some(Kind::Histogram),
                        labels: &id.1,
                    })
                    .canonical;
                first = Some((id.1.clone(), canonical.as_ref().and_then(|canonical| canonical.unless)));
                canonical.take_if(|canonical| self.is_told_better(canonical, &id.1));
                self.note(name, canonical.as_ref());
                let (series, scale) = self.series(name, Kind::Histogram, &id.1, canonical.as_ref());
                let born = self.born(now).is_some();
                let place = self.free_histograms.pop().unwrap_or_else(|| {
                    self.histograms.push(None);
                    index(self.histograms.len() - 1)
                });
                let mut histogram = Assembling::new(series, scale, born);
                if let Some(Key(sum)) = self.sums.remove(&id)
                    && let Some(known) = &mut self.known[sum as usize]
                    && known.said == 0
                    && let Place::Number(number) = known.place
                {
                    known.place = Place::Part(place, index(histogram.part(Part::Sum)));
                    self.numbers[number as usize] = None;
                    self.free_numbers.push(number);
                }
                self.histograms[place as usize] = Some(histogram);
                self.histogram_of.insert(id, place);
                place
            }
        };
        let fits = |histogram: &&mut Assembling| histogram.len() < MOST_PARTS;
        let Some(histogram) = self
            .histograms
            .get_mut(place as usize)
            .and_then(Option::as_mut)
            .filter(fits)
        else {
            return self.refuse();
        };
        let part = index(histogram.part(part));
        let key = self.remember(raw, Place::Part(place, part), now);
        if let Some((labels, unless)) = first {
            self.compete(key, name, &labels, unless);
        }
        key
    }

    /// A new histogram that comes whole. `labels` are the sender's own.
    pub(crate) fn whole(&mut self, raw: &[u8], name: &str, labels: &Labels, now: Millis) -> Key {
        if self.is_full() {
            return self.refuse();
        }
        let labels = self.identified(labels);
        let recognisers = Arc::clone(&self.recognisers);
        let foreign = Foreign {
            name,
            kind: Some(Kind::Histogram),
            labels: &labels,
        };
        let mut canonical = recognisers.readings(foreign).canonical;
        let unless = canonical.as_ref().and_then(|canonical| canonical.unless);
        canonical.take_if(|canonical| self.is_told_better(canonical, &labels));
        self.note(name, canonical.as_ref());
        let (series, scale) = self.series(name, Kind::Histogram, &labels, canonical.as_ref());
        let place = self.free_wholes.pop().unwrap_or_else(|| {
            self.wholes.push(None);
            index(self.wholes.len() - 1)
        });
        self.wholes[place as usize] = Some(Whole::new(series, scale));
        let key = self.remember(raw, Place::Whole(place), now);
        self.compete(key, name, &labels, unless);
        key
    }

    /// A series beyond the limit. Nothing of it is remembered: it is asked anew whenever it is mentioned.
    fn refuse(&mut self) -> Key {
        self.refused_now += 1;
        REFUSED
    }

    /// A series that is not kept, whatever room there is. That is remembered as long as there is room for it: beyond, it is
    /// found out anew whenever it is mentioned.
    pub(crate) fn nothing(&mut self, raw: &[u8], now: Millis) -> Key {
        if self.nothings >= self.sender.limit.saturating_mul(NOTHINGS) {
            return UNKEPT;
        }
        self.nothings += 1;
        self.remember(raw, Place::Nothing, now)
    }

    /// A value of a series; it counts when its page has ended well.
    pub(crate) fn put(&mut self, key: Key, value: f64, time: Millis) {
        self.pending.push((key, value, time));
    }

    /// More than a value of a series; it counts when its page has ended well.
    pub(crate) fn change(&mut self, key: Key, change: Change, time: Millis) {
        self.changes.push((key, time, change));
    }

    /// How many values of the page before were of series beyond the limit.
    pub(crate) fn take_beyond(&mut self) -> u64 {
        std::mem::take(&mut self.beyond)
    }

    /// Whether a key stands for a series beyond the limit.
    pub(crate) fn is_refused(&self, key: Key) -> bool {
        key == REFUSED
    }

    /// Whether a series is read by its numbers, so that a histogram of it would be lost.
    pub(crate) fn is_number(&self, key: Key) -> bool {
        let known = self.known.get(key.0 as usize).and_then(Option::as_ref);
        known.is_some_and(|known| matches!(known.place, Place::Number(_) | Place::Part(..)))
    }

    /// The page had a mistake: nothing of it counts.
    pub(crate) fn forget_page(&mut self) {
        self.pending.clear();
        self.changes.clear();
    }

    /// What its metrics are read as, by their own names.
    pub(crate) fn readings(&self) -> &HashMap<Box<str>, Reading> {
        &self.readings
    }

    /// The label with most values, and how many: what makes too many series.
    pub(crate) fn worst_label(&self) -> Option<(String, usize)> {
        self.worst.as_ref().map(|(_, label, values)| (label.clone(), *values))
    }

    /// Grows whenever anything of this changes.
    pub(crate) fn edition(&self) -> u64 {
        self.edition
    }

    /// Times of histograms of which a part never came.
    pub(crate) fn incomplete(&self) -> u64 {
        self.histograms
            .iter()
            .flatten()
            .map(|histogram| histogram.incomplete)
            .sum()
    }

    /// How many series it has.
    pub(crate) fn len(&self) -> usize {
        let numbers = self.numbers.iter().flatten().count() + self.histograms.iter().flatten().count();
        numbers + self.wholes.iter().flatten().count()
    }

    /// How many series it remembers, also those that it does not keep.
    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.known.iter().flatten().count()
    }

    fn is_full(&self) -> bool {
        let all = self.numbers.len() + self.histograms.len() + self.wholes.len();
        all - self.free_numbers.len() - self.free_histograms.len() - self.free_wholes.len() >= self.sender.limit
    }

    /// When a series that is first mentioned now is known to have been zero.
    fn born(&self, now: Millis) -> Option<Millis> {
        let interval = Millis::from(self.sender.interval_ms?);
        self.page.filter(|page| now - page <= 3 * interval)
    }

    fn identified(&self, own: &Labels) -> Labels {
        let mut labels = own.clone();
        for (name, value) in self.sender.identity.iter() {
            if let Some(theirs) = own.get(name).filter(|theirs| *theirs != value) {
                // As Prometheus does: who sends is not for the page to say.
                labels.set(format!("exported_{name}"), theirs);
            }
            labels.set(name, value);
        }
        labels
    }

    fn series(&self, name: &str, kind: Kind, labels: &Labels, canonical: Option<&Canonical<'_>>) -> (Arc<Series>, f64) {
        let interval = self.sender.interval_ms;
        match canonical {
            None => (Series::new(name, labels.clone(), kind, interval), 1.0),
            Some(read) => {
                let origin = (read.name != name).then(|| name.into());
                let series = Series::read_as(read.name, origin, read.labels.clone(), read.kind, interval);
                (series, read.scale)
            }
        }
    }

    /// The place of the number that others are divided by, whether it was mentioned yet or not.
    fn divisor(&mut self, name: &str, labels: &Labels) -> u32 {
        let id = (Box::from(name), labels.clone());
        if let Some(&place) = self.divisors.get(&id) {
            return place;
        }
        let place = self.place_of_number();
        self.divisors.insert(id, place);
        place
    }

    fn place_of_number(&mut self) -> u32 {
        self.free_numbers.pop().unwrap_or_else(|| {
            self.numbers.push(None);
            index(self.numbers.len() - 1)
        })
    }

    fn note(&mut self, name: &str, canonical: Option<&Canonical<'_>>) {
        self.edition += 1;
        let known_as = canonical.map(|canonical| (canonical.recogniser.to_owned(), canonical.name.to_owned()));
        let reading = self.readings.entry(name.into()).or_insert(Reading {
            known_as: None,
            series: 0,
        });
        reading.series += 1;
        reading.known_as = known_as.or(reading.known_as.take());
    }

    fn remember(&mut self, raw: &[u8], place: Place, now: Millis) -> Key {
        let known = Known {
            raw: raw.into(),
            place,
            said: 0,
            seen: now,
        };
        let id = match self.holes.pop() {
            Some(id) => {
                self.known[id as usize] = Some(known);
                id
            }
            None => {
                self.known.push(Some(known));
                index(self.known.len() - 1)
            }
        };
        let (all, hasher) = (&self.known, &self.hasher);
        self.by_raw.insert_unique(hasher.hash_one(raw), id, |&id| {
            all[id as usize]
                .as_ref()
                .map_or(0, |known| hasher.hash_one(&*known.raw))
        });
        Key(id)
    }
}

/// What a number is whose sender does not say: totals are named so.
fn usual_kind(name: &str) -> Kind {
    if ["_total", "_count", "_sum", "_bucket"]
        .iter()
        .any(|suffix| name.ends_with(suffix))
    {
        Kind::Counter
    } else {
        Kind::Gauge
    }
}

/// Places are counted in 32 bits: the limit of series is far below.
fn index(place: usize) -> u32 {
    u32::try_from(place).expect("the limit of series fits into 32 bits")
}

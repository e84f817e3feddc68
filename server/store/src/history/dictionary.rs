//! Who the series of the past are, by number.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use hashbrown::HashTable;
use keiki_model::series::{Kind, Labels, Series};
use keiki_model::time::Millis;

use super::codec::{Corrupt, Reader, put_signed, put_text, put_varint};
use crate::source::{SourceClass, SourceId};

/// A series that was kept at some time.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) number: u32,
    pub(super) series: Arc<Series>,
    /// The source that fed it last.
    pub(super) source: SourceId,
    /// When it was first seen since the start; the beginning of time if it was known before.
    first: Millis,
    /// No sample of it is newer, but for those that are in no record yet.
    pub(super) last: Millis,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    /// By number: of those that were given most may be forgotten.
    entries: BTreeMap<u32, Entry>,
    /// The number that is given next.
    next: usize,
    by_identity: HashTable<u32>,
    metrics: HashMap<Box<str>, Vec<u32>>,
    /// What the disk does not know yet.
    fresh: Vec<u32>,
    /// How many there may be.
    limit: usize,
    /// How many were turned away.
    pub(super) refused: u64,
}

impl Dictionary {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_identity.len()
    }

    pub(super) fn get(&self, number: u32) -> Option<&Entry> {
        self.entries.get(&number)
    }

    /// How many numbers were given, also to those that are forgotten.
    pub(super) fn numbers(&self) -> usize {
        self.next
    }

    /// All entries, in the order of their numbers.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// The first so many entries from a number on that may have samples since a time, and the number of the next.
    pub(super) fn batch(&self, from: usize, count: usize, since: Millis) -> (Vec<Entry>, Option<usize>) {
        let from = u32::try_from(from).unwrap_or(u32::MAX);
        let mut alive = self
            .entries
            .range(from..)
            .map(|(_, entry)| entry)
            .filter(|entry| entry.last >= since);
        let found = alive.by_ref().take(count).cloned().collect();
        (found, alive.next().map(|entry| entry.number as usize))
    }

    /// The names of metrics, in no order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let known = self.metrics.iter().filter(|(_, numbers)| !numbers.is_empty());
        known.map(|(name, _)| &**name)
    }

    /// The series of a metric.
    pub(super) fn of_metric(&self, metric: &str) -> impl Iterator<Item = &Entry> {
        let numbers = self.metrics.get(metric).map_or(&[][..], Vec::as_slice);
        numbers.iter().filter_map(|number| self.get(*number))
    }

    /// The number of a series, new or not; `None` if there are as many as there may be. The same series from two classes
    /// of sources is two: their values do not continue each other.
    pub(super) fn number(&mut self, series: &Arc<Series>, source: &SourceId) -> Option<u32> {
        if let Some(number) = self.find(series, source) {
            let entry = self.entries.get_mut(&number)?;
            if entry.source != *source || entry.series.interval_ms() != series.interval_ms() {
                entry.source = source.clone();
                entry.series = Arc::clone(series);
                self.fresh.push(number);
            }
            return Some(number);
        }
        if self.len() >= self.limit {
            self.refused += 1;
            return None;
        }
        // No number is given twice: records of the one before may still be there.
        let number = u32::try_from(self.next).ok()?;
        self.insert(Entry {
            number,
            series: Arc::clone(series),
            source: source.clone(),
            first: Millis::MAX,
            last: Millis::MIN,
        });
        self.fresh.push(number);
        Some(number)
    }

    fn find(&self, series: &Series, source: &SourceId) -> Option<u32> {
        let same = |number: &u32| {
            self.get(*number).is_some_and(|entry| {
                let same = entry.series.kind() == series.kind() && entry.source.class() == source.class();
                same && *entry.series == *series
            })
        };
        self.by_identity.find(series.fingerprint(), same).copied()
    }

    pub(super) fn insert(&mut self, entry: Entry) {
        self.begin_at(entry.number as usize + 1);
        let hash = entry.series.fingerprint();
        for name in names(&entry.series) {
            self.metrics.entry(name.into()).or_default().push(entry.number);
        }
        let number = entry.number;
        self.entries.insert(number, entry);
        let entries = &self.entries;
        let hash_of = |number: &u32| entries.get(number).map_or(0, |entry| entry.series.fingerprint());
        self.by_identity.insert_unique(hash, number, hash_of);
    }

    /// After the numbers were read: new ones begin after the highest that ever was.
    pub(super) fn begin_after(&mut self, highest: Option<u32>) {
        self.begin_at(highest.map_or(0, |highest| highest as usize + 1));
    }

    /// The same where it is known which is the next.
    pub(super) fn begin_at(&mut self, next: usize) {
        self.next = self.next.max(next);
    }

    /// Notes that a series had a sample; tells whether it is the first of its day, which the disk should know.
    pub(super) fn seen(&mut self, number: u32, time: Millis) {
        let Some(entry) = self.entries.get_mut(&number) else {
            return;
        };
        let before = day_of(entry.last);
        entry.first = entry.first.min(time);
        entry.last = entry.last.max(time);
        if day_of(entry.last) > before {
            self.fresh.push(number);
        }
    }

    /// The series that ended before `brief` and lived shorter than [`BRIEF`], and those that ended before `all`: processes
    /// come and go by the thousand.
    pub(super) fn over(&self, brief: Millis, all: Millis) -> Vec<(u32, Arc<Series>)> {
        let over = |entry: &&Entry| {
            let lived = entry.last.saturating_sub(entry.first);
            let ended = entry.last > Millis::MIN && entry.last < brief;
            ended && (entry.last < all || lived < BRIEF)
        };
        self.entries()
            .filter(over)
            .map(|entry| (entry.number, Arc::clone(&entry.series)))
            .collect()
    }

    /// Forgets series. What coarser tiers hold of them is then out of reach, and goes with its period.
    pub(super) fn forget(&mut self, gone: &[u32]) {
        for number in gone {
            let Some(entry) = self.entries.remove(number) else {
                continue;
            };
            if let Ok(found) = self
                .by_identity
                .find_entry(entry.series.fingerprint(), |other| other == number)
            {
                found.remove();
            }
            for name in names(&entry.series) {
                if let Some(numbers) = self.metrics.get_mut(name) {
                    numbers.retain(|other| other != number);
                }
            }
        }
    }

    /// What the disk does not know yet, each with the bytes it is to keep.
    pub(super) fn take_fresh(&mut self) -> Vec<(u32, Vec<u8>)> {
        let mut fresh = std::mem::take(&mut self.fresh);
        fresh.sort_unstable();
        fresh.dedup();
        fresh
            .into_iter()
            .filter_map(|number| Some((number, encode(self.get(number)?))))
            .collect()
    }

    /// What was taken and could not be written is to be taken again.
    pub(super) fn put_back(&mut self, numbers: impl Iterator<Item = u32>) {
        self.fresh.extend(numbers);
    }
}

/// A series is found by its canonical name and by its own.
fn names(series: &Series) -> impl Iterator<Item = &str> {
    [series.name()].into_iter().chain(series.origin())
}

/// What lived shorter is not kept longer than the samples themselves, milliseconds.
const BRIEF: Millis = 600_000;

const DAY: Millis = 86_400_000;

fn day_of(time: Millis) -> i64 {
    time.div_euclid(DAY)
}

/// The kind, the interval, the day it was last seen, the source, the name, the labels; the origin, where there is one.
fn encode(entry: &Entry) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    out.push(match entry.series.kind() {
        Kind::Counter => 0,
        Kind::Gauge => 1,
        Kind::Histogram => 2,
    });
    put_varint(
        &mut out,
        entry.series.interval_ms().map_or(0, |interval| u64::from(interval) + 1),
    );
    put_signed(
        &mut out,
        if entry.last == Millis::MIN {
            i64::MAX
        } else {
            day_of(entry.last)
        },
    );
    out.push(entry.source.class() as u8);
    put_text(&mut out, entry.source.name());
    put_text(&mut out, entry.series.name());
    put_varint(&mut out, entry.series.labels().len() as u64);
    for (name, value) in entry.series.labels().iter() {
        put_text(&mut out, name);
        put_text(&mut out, value);
    }
    if let Some(origin) = entry.series.origin() {
        put_text(&mut out, origin);
    }
    out
}

/// An entry as the disk has it. It may have been seen at any time up to `newest`, on the day that is written.
pub(super) fn decode(number: u32, bytes: &[u8], newest: Millis) -> Result<Entry, Corrupt> {
    let mut bytes = Reader::new(bytes);
    let kind = match bytes.byte()? {
        0 => Kind::Counter,
        1 => Kind::Gauge,
        2 => Kind::Histogram,
        _ => return Err(Corrupt("a series of an unknown kind")),
    };
    let interval = match bytes.varint()? {
        0 => None,
        interval => Some(u32::try_from(interval - 1).map_err(|_| Corrupt("an interval is beyond all bounds"))?),
    };
    let day = bytes.signed()?;
    let class = usize::from(bytes.byte()?);
    let class = *SourceClass::ALL
        .get(class)
        .ok_or(Corrupt("a source of an unknown kind"))?;
    let source = SourceId::new(bytes.text()?, class);
    let name = bytes.text()?;
    let count = bytes.length()?;
    let labels = (0..count)
        .map(|_| Ok((bytes.text()?, bytes.text()?)))
        .collect::<Result<Vec<_>, Corrupt>>()?;
    let origin = if bytes.is_empty() {
        None
    } else {
        Some(bytes.text()?.into())
    };
    let end_of_day = day.saturating_add(1).saturating_mul(DAY);
    Ok(Entry {
        number,
        series: Series::read_as(name, origin, Labels::new(labels), kind, interval),
        source,
        first: Millis::MIN,
        last: end_of_day.min(newest),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_return() {
        let mut dictionary = Dictionary::new(2);
        let source = SourceId::new("host", SourceClass::Own);
        let labels = Labels::new([("host_name", "a"), ("state", "使用中")]);
        let origin = Some("node_memory_Used_bytes".into());
        let gauge = Series::read_as("memory", origin, labels.clone(), Kind::Gauge, Some(1_000));
        let counter = Series::new("memory", labels, Kind::Counter, None);
        assert_eq!(dictionary.number(&gauge, &source), Some(0));
        assert_eq!(
            dictionary.number(&counter, &source),
            Some(1),
            "another kind is another series"
        );
        assert_eq!(dictionary.number(&gauge, &source), Some(0));
        let third = Series::new("disk", Labels::none(), Kind::Gauge, None);
        assert_eq!(dictionary.number(&third, &source), None, "the limit");
        assert_eq!(dictionary.refused, 1);
        let otlp = SourceId::new("otlp", SourceClass::Otlp);
        assert_eq!(
            dictionary.find(&gauge, &otlp),
            None,
            "another class tells of another series"
        );
        dictionary.seen(0, 5 * DAY + 7);
        let fresh = dictionary.take_fresh();
        assert_eq!(fresh.len(), 2);
        let read = decode(0, &fresh[0].1, 9 * DAY).expect("an entry");
        assert_eq!(
            (&*read.series, read.series.interval_ms(), read.last),
            (&*gauge, Some(1_000), 6 * DAY)
        );
        assert_eq!(read.source, source);
        let read = decode(1, &fresh[1].1, 9 * DAY).expect("an entry");
        assert_eq!(
            (read.series.kind(), read.series.interval_ms(), read.last),
            (Kind::Counter, None, 9 * DAY)
        );
        assert!(dictionary.take_fresh().is_empty());
        dictionary.seen(0, 5 * DAY + 9);
        assert!(dictionary.take_fresh().is_empty(), "once a day");
        dictionary.seen(0, 6 * DAY);
        assert_eq!(dictionary.take_fresh().len(), 1);
    }

    #[test]
    fn a_batch_passes_over_what_is_forgotten_or_has_ended() {
        let mut dictionary = Dictionary::new(9_000);
        let source = SourceId::new("host", SourceClass::Own);
        for n in 0..9_000 {
            let series = Series::new(format!("process_{n}"), Labels::none(), Kind::Gauge, None);
            let number = dictionary.number(&series, &source).expect("room");
            dictionary.seen(number, if n % 300 == 0 { 2_000 } else { 1_000 });
        }
        let brief: Vec<u32> = (0..9_000).filter(|number| number % 100 != 0).collect();
        dictionary.forget(&brief);
        let walk = |since| {
            let (mut next, mut numbers, mut calls) = (Some(0), Vec::new(), 0);
            while let Some(from) = next {
                let (batch, then) = dictionary.batch(from, 16, since);
                numbers.extend(batch.iter().map(|entry| entry.number));
                (next, calls) = (then, calls + 1);
            }
            (numbers, calls)
        };
        let every = |apart: usize| (0..9_000).step_by(apart).collect::<Vec<u32>>();
        assert_eq!(walk(1_000), (every(100), 6));
        assert_eq!(walk(1_001), (every(300), 2));
        assert_eq!(walk(2_001), (vec![], 1));
        assert_eq!(dictionary.numbers(), 9_000);
    }

    #[test]
    fn brief_series_go_early_and_no_number_comes_back() {
        let mut dictionary = Dictionary::new(9);
        let source = SourceId::new("host", SourceClass::Own);
        let series = |name: &str| Series::new(name, Labels::none(), Kind::Gauge, None);
        for (name, first, last) in [
            ("brief", 0, 60_000),
            ("long", 0, 3_600_000),
            ("now", 7_000_000, 7_200_000),
        ] {
            let number = dictionary.number(&series(name), &source).expect("room");
            dictionary.seen(number, first);
            dictionary.seen(number, last);
        }
        let expire = |dictionary: &mut Dictionary, brief, all| {
            let over: Vec<u32> = dictionary
                .over(brief, all)
                .into_iter()
                .map(|(number, _)| number)
                .collect();
            dictionary.forget(&over);
            over
        };
        assert_eq!(expire(&mut dictionary, 7_000_000, 0), [0]);
        assert_eq!(dictionary.of_metric("brief").count(), 0);
        assert_eq!(dictionary.number(&series("brief"), &source), Some(3));
        assert_eq!(expire(&mut dictionary, 7_100_000, 7_100_000), [1]);
        assert_eq!(dictionary.len(), 2);
    }
}

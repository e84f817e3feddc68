//! What is known of one sender's series.

mod declare;
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
use keiki_model::series::Labels;
use keiki_model::time::Millis;
use keiki_recognise::Recognisers;

use super::assemble::{Assembling, Part};
use super::number::Number;
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
    /// A histogram's totals of one of those that tell them, and when that one began.
    Totals(Observed, Start),
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

/// Places are counted in 32 bits: the limit of series is far below.
fn index(place: usize) -> u32 {
    u32::try_from(place).expect("the limit of series fits into 32 bits")
}

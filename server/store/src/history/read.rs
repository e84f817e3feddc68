//! Reading the past: from records where there are any, folded from the tier below where there are none yet.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use keiki_model::series::{Kind, Series};
use keiki_model::time::{Millis, SECOND};

use super::History;
use super::budget::{Budget, Overload};
use super::chunk::{self, Body};
use super::codec;
use super::counts::Counts;
use super::dictionary::Entry;
use super::disk::{Disk, is_damage};
use super::rows::Rows;
use super::tier::{TIERS, tier_for};
use super::work::Rings;
use crate::stored::{Ring, Stored};

/// How much before a stretch is read at least, milliseconds: what a rate grows from.
const SLACK: Millis = 60 * SECOND;

/// A distribution is as much as so many numbers.
const WEIGHT: usize = 10;

/// From how many series on two threads read: what begins a thread reads one or two.
const SHARED: usize = 16;

/// Why a record is left out of which all parts can be read.
const LENGTHS_DIFFER: &str = "a record and its times differ in length";

/// What series were asked for, over what time.
#[derive(Clone, Copy)]
pub struct Past<'a> {
    /// From when on, Unix milliseconds.
    pub from: Millis,
    /// Until before when.
    pub to: Millis,
    /// The length of the slots that it is for, milliseconds: finer detail is not read.
    pub step: Millis,
    /// Whose: called for each series of the metrics.
    pub admits: &'a dyn Fn(&Series) -> bool,
    /// How many values may be read.
    pub work: usize,
}

impl History {
    /// The series of these metrics, by metric, each with its samples or slots.
    pub(crate) fn past(
        &self,
        metrics: &[&str],
        past: &Past<'_>,
        rings: &(impl Rings + Sync),
    ) -> Result<BTreeMap<Box<str>, Vec<Stored>>, Overload> {
        let disk = self.disk();
        let ring = |series: &Series, number, from, to| {
            rings.read(|state| {
                let stored = state.find(series).filter(|stored| stored.number() == Some(number));
                stored.map(|stored| Body::of_ring(stored.ring(), from, to))
            })
        };
        let tier = tier_for(past.step);
        let mut found: BTreeMap<Box<str>, Vec<Stored>> = BTreeMap::new();
        let mut admitted: Vec<Entry> = Vec::new();
        for metric in metrics {
            found.entry(Box::from(*metric)).or_default();
            let dictionary = self.dictionary.read();
            let entries = dictionary.of_metric(metric);
            admitted.extend(entries.filter(|entry| (past.admits)(&entry.series)).cloned());
        }
        let budget = Budget::new(past.work);
        let next = AtomicUsize::new(0);
        let (from, to) = (past.from, past.to);
        // What one thread reads: whatever series is next.
        let read = || {
            let look = Look::of_all(self, disk.as_deref(), &ring, &budget);
            let mut read = Vec::new();
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(entry) = admitted.get(place) else { break };
                // Its newest samples may be in the ring alone.
                let is_old = entry.last < from - slack(&entry.series, tier);
                if is_old && rings.read(|state| state.find(&entry.series).is_none()) {
                    continue;
                }
                let ring = {
                    let _whole = self.seam.read();
                    look.ring(entry, tier, from, to)
                };
                if budget.is_spent() {
                    break;
                }
                read.extend(ring.map(|ring| (place, ring)));
            }
            read
        };
        let mut all = if admitted.len() < SHARED {
            read()
        } else {
            std::thread::scope(|scope| {
                let other = scope.spawn(read);
                let mut all = read();
                match other.join() {
                    Ok(more) => all.extend(more),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
                all
            })
        };
        if budget.is_spent() {
            return Err(Overload(past.work));
        }
        // In order of birth, as if one had read them all.
        all.sort_by_key(|(place, _)| *place);
        let slot = (tier > 0).then_some(TIERS[tier].step);
        for (place, ring) in all {
            let entry = &admitted[place];
            let stored = Stored::of_the_past(Arc::clone(&entry.series), entry.source.clone(), ring, slot);
            if let Some(all) = found.get_mut(entry.series.name()) {
                all.push(stored);
            }
        }
        Ok(found)
    }
}

type FromRing<'a> = &'a dyn Fn(&Series, u32, Millis, Millis) -> Option<(Vec<Millis>, Body)>;

/// The names of times, by tier and stretch.
type Times = HashMap<(usize, Millis, u64), Option<Rc<Vec<u32>>>>;

/// One reader: what it shares between series, and how much it may still read.
pub(super) struct Look<'a> {
    history: &'a History,
    disk: Option<&'a Disk>,
    ring: Option<FromRing<'a>>,
    /// `None` is no bound.
    budget: Option<&'a Budget>,
    times: RefCell<Times>,
    /// Why a record could not be read that is there.
    failed: RefCell<Option<fjall::Error>>,
}

impl<'a> Look<'a> {
    /// Reads records alone, without a bound: what records are made of.
    pub(super) fn of_records(history: &'a History, disk: &'a Disk) -> Self {
        Self {
            history,
            disk: Some(disk),
            ring: None,
            budget: None,
            times: RefCell::default(),
            failed: RefCell::default(),
        }
    }

    fn of_all(history: &'a History, disk: Option<&'a Disk>, ring: FromRing<'a>, budget: &'a Budget) -> Self {
        Self {
            history,
            disk,
            ring: Some(ring),
            budget: Some(budget),
            times: RefCell::default(),
            failed: RefCell::default(),
        }
    }

    fn is_spent(&self) -> bool {
        self.budget.is_some_and(Budget::is_spent)
    }

    /// Whether all was read that there is: what is made of a part would stand for the whole.
    pub(super) fn whole(&self) -> fjall::Result<()> {
        self.failed.take().map_or(Ok(()), Err)
    }

    /// A record could not be read. A disk that does not answer may do so another time: who makes others of it is told.
    fn unread(&self, tier: usize, error: fjall::Error) {
        if self.ring.is_none() && !is_damage(&error) {
            self.failed.borrow_mut().get_or_insert(error);
        } else {
            self.history.note_corrupt(TIERS[tier].name, &error);
        }
    }

    /// A series as a ring; `None` where there is nothing of it.
    fn ring(&self, entry: &Entry, tier: usize, from: Millis, to: Millis) -> Option<Ring> {
        let series = &*entry.series;
        let from = from - slack(series, tier);
        if series.kind() == Kind::Histogram {
            let counts = self.counts(series, entry.number, tier, from, to);
            return (!counts.times.is_empty()).then(|| Ring::past_counts(&counts.times, counts.all));
        }
        let counter = series.kind() == Kind::Counter;
        if tier == 0 {
            let (times, values) = self.samples(series, entry.number, from, to);
            return (!times.is_empty()).then(|| Ring::past_samples(&times, values, counter));
        }
        let rows = self.rows(series, entry.number, tier, from, to);
        if rows.times.is_empty() {
            return None;
        }
        let (times, values, folds) = rows.into_ring();
        Some(Ring::past_rows(&times, values, folds, counter))
    }

    /// The samples of a counter or gauge within `[from, to)`.
    fn samples(&self, series: &Series, number: u32, from: Millis, to: Millis) -> (Vec<Millis>, Vec<f64>) {
        let closed = self.history.closed(0);
        let (mut times, mut values) = (Vec::new(), Vec::new());
        self.records(0, number, from, to.min(closed), |at, body| {
            if let Body::Samples(found) = body {
                for (time, value) in at.iter().zip(found) {
                    if (from..to).contains(time) {
                        times.push(*time);
                        values.push(value);
                    }
                }
            }
        });
        if let (true, Some(ring)) = (to > closed, self.ring)
            && let Some((at, Body::Samples(newest))) = ring(series, number, from.max(closed), to)
        {
            self.spend(at.len());
            times.extend(at);
            values.extend(newest);
        }
        (times, values)
    }

    /// The slots of a counter or gauge within `[from, to)`, of one of the coarser tiers.
    pub(super) fn rows(&self, series: &Series, number: u32, tier: usize, from: Millis, to: Millis) -> Rows {
        let step = TIERS[tier].step;
        let from = from.div_euclid(step) * step;
        let closed = self.history.closed(tier);
        let mut rows = Rows::default();
        // A record may hold more than what counts as written: it grows before its tier does.
        let written = to.min(closed);
        self.records(tier, number, from, written, |at, body| {
            if let Body::Rows(found) = body
                && found.are_of(series.kind())
            {
                let (first, end) = (
                    at.partition_point(|time| *time < from),
                    at.partition_point(|time| *time < written),
                );
                rows.extend(found.cut(at, first, end));
            }
        });
        if to > closed {
            rows.extend(self.folded_rows(series, number, tier, from.max(closed), to));
        }
        rows
    }

    /// Whether records of a tier may lie there that are later than what counts as written.
    pub(super) fn is_kept(&self, tier: usize, from: Millis) -> bool {
        from < self.history.kept[tier].load(Ordering::Acquire)
    }

    /// What the record around a time has of a counter or gauge from then on, also beyond what counts as written.
    pub(super) fn rows_from(&self, series: &Series, number: u32, tier: usize, from: Millis) -> Rows {
        let end = TIERS[tier].chunk_of(from) + TIERS[tier].chunk;
        let mut rows = Rows::default();
        self.records(tier, number, from, end, |at, body| {
            if let Body::Rows(found) = body
                && found.are_of(series.kind())
            {
                rows.extend(found.cut(at, at.partition_point(|time| *time < from), at.len()));
            }
        });
        rows
    }

    /// The slots of a tier, made of the tier below.
    pub(super) fn folded_rows(&self, series: &Series, number: u32, tier: usize, from: Millis, to: Millis) -> Rows {
        let before = from - slack(series, tier - 1);
        let below = if tier == 1 {
            let (mut times, mut values) = self.samples(series, number, before, to);
            if series.kind() == Kind::Counter && times.first().is_some_and(|first| *first >= from) {
                // It is sent more seldom than that, or was silent: it grew since its sample before, whenever that was. The rows
                // of the other tiers have that in them.
                let (earlier, counts) = self.samples(series, number, before - TIERS[0].keep, before);
                if let (Some(time), Some(value)) = (earlier.last(), counts.last()) {
                    times.insert(0, *time);
                    values.insert(0, *value);
                }
            }
            let interval = series.interval_ms().map_or_else(|| learned(&times), Millis::from);
            Rows::of_samples(series.kind(), times, values, interval)
        } else {
            self.rows(series, number, tier - 1, before, to)
        };
        below.folded(TIERS[tier].step, from)
    }

    /// The distributions within `[from, to)`: as they came in the finest tier, of slots in the others.
    pub(super) fn counts(&self, series: &Series, number: u32, tier: usize, from: Millis, to: Millis) -> Counts {
        let step = TIERS[tier].step;
        let from = if tier == 0 { from } else { from.div_euclid(step) * step };
        let closed = self.history.closed(tier);
        let mut counts = Counts::default();
        self.put_counts(number, tier, from, to.min(closed), &mut counts);
        if to <= closed {
            return counts;
        }
        if tier > 0 {
            counts.extend(self.folded_counts(series, number, tier, from.max(closed), to));
        } else if let Some(ring) = self.ring
            && let Some((times, Body::Counts(all))) = ring(series, number, from.max(closed), to)
        {
            self.spend(times.len() * WEIGHT);
            counts.extend(Counts { times, all });
        }
        counts
    }

    /// Puts what records hold of distributions within `[from, to)` behind others.
    pub(super) fn put_counts(&self, number: u32, tier: usize, from: Millis, to: Millis, counts: &mut Counts) {
        let records = usize::try_from((to - from) / TIERS[tier].chunk + 2).unwrap_or(1);
        self.raw(tier, number, from, to, |disk, start, bytes| {
            let before = counts.times.len();
            let corrupt = |why: &dyn std::fmt::Display| self.history.note_corrupt(TIERS[tier].name, why);
            let times = match chunk::decode_onto(bytes, &mut counts.all) {
                Ok(times) => times.and_then(|times| self.offsets_of(disk, tier, start, times)),
                Err(error) => {
                    corrupt(&error);
                    None
                }
            };
            match times {
                Some(offsets) if counts.all.len() == before + offsets.len() => {
                    self.spend(offsets.len() * WEIGHT);
                    // Before it is cut: the first one may have little of what is asked for, and the others are like it.
                    if before == 0 {
                        counts.make_room(offsets.len(), records);
                    }
                    let times = offsets.iter().map(|offset| start + Millis::from(*offset));
                    counts.times.extend(times);
                    counts.cut_from(before, from, to);
                }
                found => {
                    if found.is_some() {
                        corrupt(&LENGTHS_DIFFER);
                    }
                    counts.all.keep(0..before);
                }
            }
        });
    }

    /// As [`Look::folded_rows`].
    pub(super) fn folded_counts(&self, series: &Series, number: u32, tier: usize, from: Millis, to: Millis) -> Counts {
        self.counts(series, number, tier - 1, from, to)
            .folded(&TIERS[tier], from)
    }

    /// The records that have a part in `[from, to)`, with their times. What cannot be read is left out and counted.
    pub(super) fn records(
        &self,
        tier: usize,
        number: u32,
        from: Millis,
        to: Millis,
        mut take: impl FnMut(&[Millis], Body),
    ) {
        self.raw(tier, number, from, to, |disk, start, bytes| {
            if let Some((times, body)) = self.decoded(disk, tier, start, bytes) {
                take(&times, body);
            }
        });
    }

    /// As [`Look::records`], as they lie there, each with the start of its stretch.
    fn raw(&self, tier: usize, number: u32, from: Millis, to: Millis, mut take: impl FnMut(&Disk, Millis, &[u8])) {
        let Some(disk) = self.disk.filter(|_| to > from && !self.is_spent()) else {
            return;
        };
        let began = Instant::now();
        let mut read = 0;
        disk.records(tier, number, from, to, |start, bytes| {
            read += 1;
            match bytes {
                _ if self.is_spent() => {}
                Ok(bytes) => take(disk, start, bytes),
                Err(error) => self.unread(tier, error),
            }
        });
        self.history.reads.note(read, began);
    }

    /// What records of the finest tier hold of many series within `[from, to)`, of each in order of time.
    ///
    /// # Errors
    /// One could not be read: nobody knows what else there is.
    pub(super) fn scan(
        &self,
        series: Range<u32>,
        from: Millis,
        to: Millis,
        mut take: impl FnMut(u32, &[Millis], Body),
    ) -> fjall::Result<()> {
        let Some(disk) = self.disk.filter(|_| to > from) else {
            return Ok(());
        };
        let began = Instant::now();
        let mut read = 0;
        let scanned = disk.scan(0, series, from, to, |series, start, bytes| {
            read += 1;
            if let Some((times, body)) = self.decoded(disk, 0, start, bytes) {
                take(series, &times, body);
            }
        });
        self.history.reads.note(read, began);
        scanned
    }

    /// The times of a record: its own, or those that it names.
    fn offsets_of(&self, disk: &Disk, tier: usize, start: Millis, times: chunk::Times) -> Option<Rc<Vec<u32>>> {
        match times {
            chunk::Times::Own(offsets) => Some(Rc::new(offsets)),
            chunk::Times::Named(name) => self.offsets(disk, tier, start, name),
        }
    }

    fn decoded(&self, disk: &Disk, tier: usize, start: Millis, bytes: &[u8]) -> Option<(Vec<Millis>, Body)> {
        let corrupt = |why: &dyn std::fmt::Display| self.history.note_corrupt(TIERS[tier].name, why);
        let (times, body) = chunk::decode(bytes).inspect_err(|error| corrupt(error)).ok()?;
        let offsets = self.offsets_of(disk, tier, start, times)?;
        if body.len() != Some(offsets.len()) {
            corrupt(&LENGTHS_DIFFER);
            return None;
        }
        let weight = if matches!(body, Body::Counts(_)) { WEIGHT } else { 1 };
        self.spend(offsets.len() * weight);
        let times = offsets.iter().map(|offset| start + Millis::from(*offset)).collect();
        Some((times, body))
    }

    fn offsets(&self, disk: &Disk, tier: usize, start: Millis, name: u64) -> Option<Rc<Vec<u32>>> {
        if let Some(known) = self.times.borrow().get(&(tier, start, name)) {
            return known.clone();
        }
        let read = |bytes: Option<fjall::Slice>| {
            let bytes = bytes.ok_or_else(|| "its times are missing".to_owned())?;
            codec::Reader::new(&bytes).column().map_err(|error| error.to_string())
        };
        let found = match disk.times(tier, start, name).map(read) {
            Ok(Ok(offsets)) => Some(Rc::new(offsets)),
            Ok(Err(error)) => {
                self.history.note_corrupt(TIERS[tier].name, &error);
                None
            }
            Err(error) => {
                self.unread(tier, error);
                None
            }
        };
        self.times.borrow_mut().insert((tier, start, name), found.clone());
        found
    }

    fn spend(&self, values: usize) {
        if let Some(budget) = self.budget {
            budget.spend(values);
        }
    }
}

/// How much before a stretch is to be read of a tier, so that its first slot knows what it grew from.
fn slack(series: &Series, tier: usize) -> Millis {
    let interval = series.interval_ms().map_or(0, Millis::from);
    let step = if tier == 0 { 0 } else { TIERS[tier].step };
    SLACK.max(3 * interval).max(2 * step)
}

/// The usual time between samples.
fn learned(times: &[Millis]) -> Millis {
    let mut gaps: Vec<_> = times.windows(2).take(15).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).copied().unwrap_or(SECOND)
}

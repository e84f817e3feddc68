//! What comes later than the rings take it: a sender's backlog.
//!
//! Such samples go to the history alone. They lie on disk by series and stretch of the finest tier until that stretch has
//! its records; then, a few series at a time, they are put among the samples there, and what the coarser tiers hold of that
//! time is folded again. Of a series all of this is seen at once, because readers wait for it. What has a sample already
//! keeps it, so doing it twice changes nothing: they are dropped last, and a death in between needs no repair.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use fjall::OwnedWriteBatch;
use keiki_model::histogram::{Exponential, Part};
use keiki_model::series::{Kind, Series, Value};
use keiki_model::time::{Millis, SECOND};

use super::History;
use super::chunk::Body;
use super::counts::Counts;
use super::disk::{Disk, LateKey, is_damage};
use super::journal::{Journal, Read, replay};
use super::piece::Made;
use super::read::Look;
use super::rows::Rows;
use super::tier::{COUNT, TIERS};
use super::work::{TRIES, Worker};
use crate::distributions::Distributions;

/// How long after a round the next begins: a backlog comes in many requests, and each round writes records again.
const PAUSE: Millis = 10 * SECOND;

/// Of how many series samples are put into their place in one call, at most, while readers wait.
const BATCH: usize = 16;

/// How many samples are put into their place in one call, but for those of one series.
const MOST_AT_ONCE: usize = 32_768;

/// How many samples may wait to be written, thirty megabytes of them: many times what comes between two calls.
const MOST_WAITING: usize = 1 << 20;

/// Late samples that have yet to be written. They lie beside the rings, under their lock.
#[derive(Debug, Default)]
pub(crate) struct Late {
    samples: Vec<(u32, Millis, Value)>,
    /// How many were to be kept, and too many waited.
    lost: u64,
}

impl Late {
    /// Takes one; `false` where too many wait.
    pub(crate) fn push(&mut self, series: u32, time: Millis, value: Value) -> bool {
        let has_room = self.samples.len() < MOST_WAITING;
        if has_room {
            self.samples.push((series, time, value));
        }
        has_room
    }

    /// Keeps one that leaves its ring before a record was made of it, as where another source takes the series over.
    pub(crate) fn keep(&mut self, series: Option<u32>, time: Millis, value: Value) {
        let kept = series.is_some_and(|series| self.push(series, time, value));
        self.lost += u64::from(!kept);
    }

    pub(super) fn len(&self) -> u64 {
        self.samples.len() as u64
    }

    /// How many found no room.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }
}

/// What of them is on disk.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// The number of the next part.
    next: u64,
    /// The stretches of the finest tier of which some wait, by number.
    waiting: BTreeSet<i64>,
    round: Option<Round>,
    /// When the last round ended.
    ended: Millis,
    /// How often the disk did not give what they belong among.
    unanswered: u32,
}

/// Series by series, what waits is put into its place.
#[derive(Debug)]
struct Round {
    stretches: BTreeSet<i64>,
    /// The series to go on with.
    next: u32,
}

/// What waits of a series.
struct Waiting {
    number: u32,
    series: Arc<Series>,
    samples: Vec<(Millis, Read)>,
}

/// Where the samples of a series changed: from the first new one to the one after the last, which grew from another.
struct Touched {
    number: u32,
    series: Arc<Series>,
    first: Millis,
    last: Millis,
}

impl Backlog {
    /// A part that is there from before.
    pub(super) fn found(&mut self, stretch: i64, number: u64) {
        self.waiting.insert(stretch);
        self.next = self.next.max(number + 1);
    }

    /// After a failure all that is on disk waits.
    pub(super) fn give_up(&mut self) {
        if let Some(round) = self.round.take() {
            self.waiting.extend(round.stretches);
        }
    }
}

/// What was read, to be written again.
fn value(read: Read) -> Value {
    match read {
        Read::Number(value) => Value::Number(value),
        Read::Distribution(one) => Value::Distribution(one.unwrap_or_else(|| Box::new(Exponential::new().into()))),
    }
}

impl History {
    /// Whether a sample that is too late for the rings can be kept.
    pub(crate) fn takes_late(&self, time: Millis, now: Millis) -> bool {
        time >= now - self.settings.late && self.is_open.load(Ordering::Relaxed)
    }

    /// Counts the rounds in which late samples were put into their place: what is known of the past may be otherwise then.
    pub(crate) fn edition(&self) -> u64 {
        self.edition.load(Ordering::Acquire)
    }

    /// Writes late samples down; what fails is counted by the caller.
    pub(super) fn write_late(&self, backlog: &mut Backlog, disk: &Disk, late: Late) -> fjall::Result<()> {
        if late.samples.is_empty() {
            return Ok(());
        }
        let mut parts: BTreeMap<(u32, i64), Journal> = BTreeMap::new();
        for (series, time, value) in late.samples {
            let stretch = time.div_euclid(TIERS[0].chunk);
            parts.entry((series, stretch)).or_default().push(series, time, &value);
        }
        let mut batch = disk.batch();
        let mut stretches = BTreeSet::new();
        for ((series, stretch), mut part) in parts {
            if let (Some(entries), _) = part.take() {
                disk.put_late(&mut batch, (series, stretch, backlog.next), entries.encoded());
                stretches.insert(stretch);
            }
        }
        batch.commit()?;
        backlog.next += 1;
        backlog.waiting.extend(stretches);
        Ok(())
    }

    /// After a long failure the rings hold less than the journal does: what no record has yet goes the way of late samples.
    pub(super) fn rescue(&self, backlog: &mut Backlog, disk: &Disk) -> fjall::Result<()> {
        let closed = self.closed(0);
        let mut late = Late::default();
        for found in disk.journal.iter() {
            let Some((_, bytes)) = self.found("journal", found)? else {
                break;
            };
            let read = replay(&bytes, |series, time, read| {
                if time >= closed {
                    late.samples.push((series, time, value(read)));
                }
            });
            if let Err(error) = read {
                self.note_corrupt("journal", &error);
            }
            if late.samples.len() >= MOST_AT_ONCE {
                self.write_late(backlog, disk, std::mem::take(&mut late))?;
            }
        }
        self.write_late(backlog, disk, late)
    }

    /// Puts a few series' late samples into their place. `true` if there is more to do at once. Not while records are
    /// being made: of what is made of the tier below half would be old.
    pub(super) fn merge_late(&self, worker: &mut Worker, disk: &Disk, now: Millis) -> fjall::Result<bool> {
        let backlog = &mut worker.late;
        if backlog.round.is_none() && !self.begin_round(backlog, now) {
            return Ok(false);
        }
        let Some(round) = &mut backlog.round else {
            return Ok(false);
        };
        let (keys, parts, next) = self.gather(disk, round)?;
        let count: u64 = parts.iter().map(|part| part.samples.len() as u64).sum();
        match self.put_in_place(disk, parts, &keys, now) {
            Ok(()) => backlog.unanswered = 0,
            // The disk may answer another time; a part that it never gives must not hold up all else.
            Err(error) if backlog.unanswered + 1 < TRIES => {
                backlog.unanswered += 1;
                return Err(error);
            }
            Err(error) => {
                backlog.unanswered = 0;
                self.note_corrupt("late samples", &error);
                self.lost.fetch_add(count, Ordering::Relaxed);
                let mut batch = disk.batch();
                keys.iter().for_each(|key| disk.drop_late(&mut batch, *key));
                batch.commit()?;
            }
        }
        if let Some(next) = next {
            round.next = next;
            return Ok(true);
        }
        backlog.round = None;
        backlog.ended = now;
        self.edition.fetch_add(1, Ordering::AcqRel);
        Ok(false)
    }

    /// What waits of the next few series, by what keys, and the series to go on with.
    fn gather(&self, disk: &Disk, round: &Round) -> fjall::Result<(Vec<LateKey>, Vec<Waiting>, Option<u32>)> {
        let dictionary = self.dictionary.read();
        let (mut keys, mut parts): (Vec<LateKey>, Vec<Waiting>) = Default::default();
        let mut series = 0;
        for found in disk.late_from(round.next) {
            let (key, value) = match found {
                Ok(found) => found,
                Err(error) if is_damage(&error) => {
                    self.note_corrupt("late samples", &error);
                    break;
                }
                Err(error) => return Err(error),
            };
            let (number, stretch, _) = key;
            if !round.stretches.contains(&stretch) {
                continue;
            }
            if keys.last().is_none_or(|(before, ..)| *before != number) {
                let samples: usize = parts.iter().map(|part| part.samples.len()).sum();
                if series == BATCH || samples >= MOST_AT_ONCE {
                    return Ok((keys, parts, Some(number)));
                }
                series += 1;
                parts.extend(dictionary.get(number).map(|entry| Waiting {
                    number,
                    series: Arc::clone(&entry.series),
                    samples: Vec::new(),
                }));
            }
            keys.push(key);
            let Some(part) = parts.last_mut().filter(|part| part.number == number) else {
                continue;
            };
            let read = replay(&value, |_, time, value| part.samples.push((time, value)));
            if let Err(error) = read {
                self.note_corrupt("late samples", &error);
            }
        }
        Ok((keys, parts, None))
    }

    fn begin_round(&self, backlog: &mut Backlog, now: Millis) -> bool {
        if (now - backlog.ended).abs() < PAUSE {
            return false;
        }
        let closed = self.closed(0).div_euclid(TIERS[0].chunk);
        // Of a clock that was wrong, and has been set right.
        let ahead = now.div_euclid(TIERS[0].chunk) + 1;
        let later = backlog.waiting.split_off(&closed);
        let mut stretches = std::mem::replace(&mut backlog.waiting, later);
        stretches.extend(backlog.waiting.split_off(&ahead.max(closed)));
        if stretches.is_empty() {
            return false;
        }
        backlog.round = Some(Round { stretches, next: 0 });
        true
    }

    fn put_in_place(&self, disk: &Disk, parts: Vec<Waiting>, keys: &[LateKey], now: Millis) -> fjall::Result<()> {
        let whole = self.seam.write();
        let look = Look::of_records(self, disk);
        let mut batch = disk.batch();
        // Samples that old have no neighbours any more.
        let oldest = now - self.settings.keep[0] + 2 * TIERS[1].chunk;
        let closed = self.closed(0);
        let mut all = Vec::with_capacity(parts.len());
        for mut part in parts {
            let count = part.samples.len();
            part.samples.retain(|(time, _)| (oldest..closed).contains(time));
            self.lost
                .fetch_add((count - part.samples.len()) as u64, Ordering::Relaxed);
            all.extend(self.put_among(&look, disk, &mut batch, part));
        }
        look.whole()?;
        batch.commit()?;
        for tier in 1..COUNT {
            let look = Look::of_records(self, disk);
            let mut batch = disk.batch();
            for touched in &all {
                self.fold_again(&look, disk, &mut batch, tier, touched);
            }
            look.whole()?;
            if tier == COUNT - 1 {
                keys.iter().for_each(|key| disk.drop_late(&mut batch, *key));
            }
            batch.commit()?;
        }
        drop(whole);
        let mut dictionary = self.dictionary.write();
        for touched in &all {
            dictionary.seen(touched.number, touched.last);
        }
        Ok(())
    }

    /// Puts samples among those of the finest tier.
    fn put_among(&self, look: &Look<'_>, disk: &Disk, batch: &mut OwnedWriteBatch, part: Waiting) -> Option<Touched> {
        let Waiting {
            number,
            series,
            mut samples,
        } = part;
        let chunk = TIERS[0].chunk;
        // Of several of one time the first that came.
        samples.sort_by_key(|(time, _)| *time);
        samples.dedup_by_key(|(time, _)| *time);
        let (first, newest) = (samples.first()?.0, samples.last()?.0);
        for samples in samples.chunk_by(|one, next| one.0.div_euclid(chunk) == next.0.div_euclid(chunk)) {
            let begin = TIERS[0].chunk_of(samples[0].0);
            let mut there = None;
            look.records(0, number, begin, begin + chunk, |times, body| {
                there = Some((times.to_vec(), body));
            });
            if let Some((times, body)) = merged(series.kind(), there, samples) {
                let made = Made {
                    series: number,
                    times,
                    body,
                };
                self.put_record(disk, batch, 0, &made, |_| true);
            }
        }
        let mut last = None;
        let mut begin = TIERS[0].chunk_of(newest);
        while last.is_none() && begin < self.closed(0) {
            look.records(0, number, begin, begin + chunk, |times, _| {
                last = last.or_else(|| times.iter().copied().find(|time| *time > newest));
            });
            begin += chunk;
        }
        Some(Touched {
            number,
            series,
            first,
            last: last.unwrap_or(newest),
        })
    }

    /// Folds what a tier's records hold of a stretch again, in the pieces in which it was folded first.
    fn fold_again(&self, look: &Look<'_>, disk: &Disk, batch: &mut OwnedWriteBatch, tier: usize, touched: &Touched) {
        let of = &TIERS[tier];
        let Touched {
            number, series, last, ..
        } = touched;
        let is_histogram = series.kind() == Kind::Histogram;
        let closed = self.closed(tier);
        let mut from = touched.first.div_euclid(of.piece) * of.piece;
        while from <= *last && from < closed {
            let begin = of.chunk_of(from);
            let end = closed.min(begin + of.chunk);
            let before = if is_histogram {
                Slots::Counts(look.counts(series, *number, tier, begin, end))
            } else {
                Slots::Rows(look.rows(series, *number, tier, begin, end))
            };
            let mut slots = before.within(begin, from);
            while from <= *last && from < end {
                let to = end.min(from + of.piece);
                let old = before.within(from, to);
                let new = if is_histogram {
                    Slots::Counts(look.folded_counts(series, *number, tier, from, to))
                } else {
                    Slots::Rows(look.folded_rows(series, *number, tier, from, to))
                };
                // Where the tier below has lost some, the old ones know more.
                slots.extend(if new.covers(&old, of.step) { new } else { old });
                from = to;
            }
            slots.extend(before.within(from, end));
            self.put_record(disk, batch, tier, &slots.into_record(*number), |_| true);
            from = from.max(end);
        }
    }
}

/// Slots of one series, whatever its kind.
enum Slots {
    Rows(Rows),
    Counts(Counts),
}

impl Slots {
    fn times(&self) -> &[Millis] {
        match self {
            Self::Rows(rows) => &rows.times,
            Self::Counts(counts) => &counts.times,
        }
    }

    /// Those within `[from, to)`.
    fn within(&self, from: Millis, to: Millis) -> Self {
        let place = |time: Millis| self.times().partition_point(|other| *other < time);
        match self {
            Self::Rows(rows) => Self::Rows(rows.clone().cut(&rows.times, place(from), place(to))),
            Self::Counts(counts) => {
                let mut counts = counts.clone();
                counts.cut_from(0, from, to);
                Self::Counts(counts)
            }
        }
    }

    fn extend(&mut self, later: Self) {
        match (self, later) {
            (Self::Rows(rows), Self::Rows(later)) => rows.extend(later),
            (Self::Counts(counts), Self::Counts(later)) => counts.extend(later),
            // A series is of one kind.
            (Self::Rows(_), Self::Counts(_)) | (Self::Counts(_), Self::Rows(_)) => {}
        }
    }

    /// Whether there is something in every slot in which others have something.
    fn covers(&self, others: &Self, step: Millis) -> bool {
        let slots: BTreeSet<i64> = self.times().iter().map(|time| time.div_euclid(step)).collect();
        others.times().iter().all(|time| slots.contains(&time.div_euclid(step)))
    }

    fn into_record(self, series: u32) -> Made {
        let (times, body) = match self {
            Self::Rows(mut rows) => (std::mem::take(&mut rows.times), Body::Rows(rows)),
            Self::Counts(counts) => (counts.times, Body::Counts(counts.all)),
        };
        Made { series, times, body }
    }
}

/// What a record holds, and samples of times that it has none of, both in order of time; `None` where there is nothing new.
fn merged(kind: Kind, there: Option<(Vec<Millis>, Body)>, samples: &[(Millis, Read)]) -> Option<(Vec<Millis>, Body)> {
    let (times, body) = there.unwrap_or_else(|| {
        let nothing = match kind {
            Kind::Histogram => Body::Counts(Distributions::default()),
            Kind::Counter | Kind::Gauge => Body::Samples(Vec::new()),
        };
        (Vec::new(), nothing)
    });
    let new: Vec<_> = samples
        .iter()
        .filter(|(time, _)| times.binary_search(time).is_err())
        .collect();
    if new.is_empty() {
        return None;
    }
    if kind == Kind::Histogram {
        let Body::Counts(old) = &body else { return None };
        let mut all: Vec<(Millis, Option<Part<'_>>)> = times.iter().copied().zip(old.iter()).collect();
        for (time, value) in new {
            if let Read::Distribution(one) = value {
                all.push((*time, one.as_deref().map(Part::from)));
            }
        }
        all.sort_by_key(|(time, _)| *time);
        let times = all.iter().map(|(time, _)| *time).collect();
        return Some((times, Body::Counts(all.into_iter().map(|(_, one)| one).collect())));
    }
    let Body::Samples(old) = body else { return None };
    let mut all: Vec<(Millis, f64)> = times.into_iter().zip(old).collect();
    for (time, value) in new {
        if let Read::Number(value) = value {
            all.push((*time, *value));
        }
    }
    all.sort_by_key(|(time, _)| *time);
    let (times, values) = all.into_iter().unzip();
    Some((times, Body::Samples(values)))
}

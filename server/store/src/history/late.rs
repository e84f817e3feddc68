//! What comes later than the rings take it: a sender's backlog.
//!
//! Such samples go to the history alone. They lie on disk by series and stretch of the finest tier until that stretch has
//! its records; then, a few series at a time, they are put among the samples there, and what the coarser tiers hold of that
//! time is folded again. Of a series all of this is seen at once, because readers wait for it. What has a sample already
//! keeps it, so doing it twice changes nothing: they are dropped last, and a death in between needs no repair. However long
//! Keiki is off then, what they are folded from is dropped only when no sample of that time waits any more.

mod queue;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use fjall::OwnedWriteBatch;
use keiki_model::histogram::Exponential;
use keiki_model::series::{Kind, Series, Value};
use keiki_model::time::{Millis, SECOND};

use super::History;
use super::disk::{Disk, LateKey, is_damage};
use super::journal::{Journal, Read, replay};
use super::piece::Made;
use super::read::Look;
use super::slots::{Slots, merged};
use super::tier::{COUNT, TIERS};
use super::work::{TRIES, Worker};
pub(crate) use queue::Late;

/// How long after a round the next begins: a backlog comes in many requests, and each round writes records again.
const PAUSE: Millis = 10 * SECOND;

/// Of how many series samples are put into their place in one call, at most, while readers wait.
const BATCH: usize = 16;

/// How many samples are put into their place in one call, but for those of one series.
const MOST_AT_ONCE: usize = 32_768;

/// How many series are asked for in one call where each is asked for by itself.
const ASKED: u32 = 256;

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
    /// How often it did not give what waits, since all could be read. Not forgotten while a part of it cannot: to find out
    /// again costs the history some seconds each time.
    withheld: u32,
}

/// Series by series, what waits is put into its place.
#[derive(Debug)]
struct Round {
    stretches: BTreeSet<i64>,
    /// The series to go on with.
    next: u32,
    /// A part cannot be read: each series is asked for by itself, for the others lie behind it.
    singly: bool,
}

/// What waits of a few series.
#[derive(Default)]
struct Gathered {
    keys: Vec<LateKey>,
    parts: Vec<Waiting>,
    series: usize,
    samples: usize,
    /// The series to go on with, if there are more.
    next: Option<u32>,
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

    /// What is there from before is not known, as not all of it can be read: some may be anywhere.
    pub(super) fn found_some(&mut self, from: Millis, now: Millis) {
        let stretch = |time: Millis| time.div_euclid(TIERS[0].chunk);
        self.waiting.extend(stretch(from)..=stretch(now));
        // More than were ever given, so that none takes the place of another.
        self.next = self.next.max(now.unsigned_abs());
    }

    /// The start of the first stretch of which some wait.
    pub(super) fn oldest(&self) -> Option<Millis> {
        let round = self.round.as_ref().and_then(|round| round.stretches.first());
        let first = self.waiting.first().into_iter().chain(round).min();
        first.map(|stretch| stretch * TIERS[0].chunk)
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
        if late.len() == 0 {
            return Ok(());
        }
        let mut parts: BTreeMap<(u32, i64), Journal> = BTreeMap::new();
        let read = late.each(|series, time, read| {
            let stretch = time.div_euclid(TIERS[0].chunk);
            let part = parts.entry((series, stretch)).or_default();
            part.push(series, time, &value(read));
        });
        if let Err(error) = read {
            self.note_corrupt("late samples", &error);
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
                    late.push_anyway(series, time, &value(read));
                }
            });
            if let Err(error) = read {
                self.note_corrupt("journal", &error);
            }
            if late.len() >= MOST_AT_ONCE as u64 {
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
        let Gathered { keys, parts, next, .. } = self.gather(disk, backlog)?;
        let count: u64 = parts.iter().map(|part| part.samples.len() as u64).sum();
        match self.put_in_place(disk, parts, &keys, now) {
            Ok(()) => {}
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
        let round = backlog.round.as_mut();
        if let (Some(next), Some(round)) = (next, round) {
            round.next = next;
            return Ok(true);
        }
        // Not before: what comes anew for series in front would else let those behind try for ever.
        backlog.unanswered = 0;
        if backlog.round.take().is_some_and(|round| !round.singly) {
            backlog.withheld = 0;
        }
        backlog.ended = now;
        self.edition.fetch_add(1, Ordering::AcqRel);
        Ok(false)
    }

    /// What waits of the next few series. What cannot be read stays where it is, and is asked for again after the next start.
    fn gather(&self, disk: &Disk, backlog: &mut Backlog) -> fjall::Result<Gathered> {
        let mut gathered = Gathered::default();
        let Some(round) = &mut backlog.round else {
            return Ok(gathered);
        };
        if !round.singly {
            match self.gather_in_a_row(disk, round, &mut gathered) {
                Ok(()) => return Ok(gathered),
                // The disk may answer another time; a part that it never gives must not hold up all else.
                Err(error) if !is_damage(&error) && backlog.withheld + 1 < TRIES => {
                    backlog.withheld += 1;
                    return Err(error);
                }
                Err(_) => {
                    round.singly = true;
                    gathered = Gathered::default();
                }
            }
        }
        self.gather_singly(disk, round, &mut gathered);
        Ok(gathered)
    }

    fn gather_in_a_row(&self, disk: &Disk, round: &Round, gathered: &mut Gathered) -> fjall::Result<()> {
        for found in disk.late_from(round.next) {
            let (key, value) = found?;
            if !self.gather_one(round, gathered, key, &value) {
                gathered.next = Some(key.0);
                break;
            }
        }
        Ok(())
    }

    fn gather_singly(&self, disk: &Disk, round: &Round, gathered: &mut Gathered) {
        let numbers = u32::try_from(self.dictionary.read().numbers()).unwrap_or(u32::MAX);
        let end = numbers.min(round.next.saturating_add(ASKED));
        gathered.next = (end < numbers).then_some(end);
        for number in round.next..end {
            for found in disk.late_of(number) {
                match found {
                    Ok((key, value)) => {
                        if !self.gather_one(round, gathered, key, &value) {
                            gathered.next = Some(number);
                            return;
                        }
                    }
                    Err(error) => {
                        self.note_corrupt("late samples", &error);
                        break;
                    }
                }
            }
        }
    }

    /// Gathers what waits under a key; `false` where enough of other series is gathered already.
    fn gather_one(&self, round: &Round, gathered: &mut Gathered, key: LateKey, value: &[u8]) -> bool {
        let (number, stretch, _) = key;
        if !round.stretches.contains(&stretch) {
            return true;
        }
        if gathered.keys.last().is_none_or(|(before, ..)| *before != number) {
            if gathered.series == BATCH || gathered.samples >= MOST_AT_ONCE {
                return false;
            }
            gathered.series += 1;
            let dictionary = self.dictionary.read();
            gathered.parts.extend(dictionary.get(number).map(|entry| Waiting {
                number,
                series: Arc::clone(&entry.series),
                samples: Vec::new(),
            }));
        }
        gathered.keys.push(key);
        if let Some(part) = gathered.parts.last_mut().filter(|part| part.number == number) {
            let before = part.samples.len();
            let read = replay(value, |_, time, value| part.samples.push((time, value)));
            gathered.samples += part.samples.len() - before;
            if let Err(error) = read {
                self.note_corrupt("late samples", &error);
            }
        }
        true
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
        backlog.round = Some(Round {
            stretches,
            next: 0,
            singly: false,
        });
        true
    }

    fn put_in_place(&self, disk: &Disk, parts: Vec<Waiting>, keys: &[LateKey], now: Millis) -> fjall::Result<()> {
        let whole = self.seam.write();
        let all = self.put_in_finest(disk, parts, now)?;
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

    /// Puts samples into the records of the finest tier, and says what the tiers above are to be folded again of.
    fn put_in_finest(&self, disk: &Disk, parts: Vec<Waiting>, now: Millis) -> fjall::Result<Vec<Touched>> {
        let look = Look::of_records(self, disk);
        let mut batch = disk.batch();
        // Samples that old have no neighbours any more.
        let oldest = now - self.settings.keep[0] + 2 * TIERS[1].chunk;
        let closed = self.closed(0);
        let mut all = Vec::with_capacity(parts.len());
        for mut part in parts {
            let count = part.samples.len();
            // What a death left between this tier and those above has its place already.
            let first = part.samples.iter().map(|(time, _)| *time).min();
            let mut there: BTreeSet<Millis> = BTreeSet::new();
            if let Some(first) = first.filter(|first| *first < oldest) {
                look.records(0, part.number, first, oldest, |times, _| there.extend(times));
            }
            let has_place = |time: &Millis| (oldest..closed).contains(time) || there.contains(time);
            part.samples.retain(|(time, _)| has_place(time));
            self.lost
                .fetch_add((count - part.samples.len()) as u64, Ordering::Relaxed);
            all.extend(self.put_among(&look, disk, &mut batch, part));
        }
        look.whole()?;
        batch.commit()?;
        Ok(all)
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
            // Keiki may have been off for months. What can't be read now is not passed over.
            match disk.next_period(0, TIERS[0].period_of(begin)).unwrap_or(Some(0)) {
                Some(period) => begin = begin.max(TIERS[0].start_of(period)),
                None => break,
            }
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

#[cfg(test)]
impl History {
    /// As far as a death in the midst of a round leaves it: the finest tier has what waits, those above do not.
    pub(super) fn merge_late_in_finest(&self, now: Millis) {
        let disk = self.disk().expect("it is open");
        let backlog = &mut self.worker.lock().late;
        assert!(self.begin_round(backlog, now), "something waits");
        let gathered = self.gather(&disk, backlog).expect("it can be read");
        let touched = self.put_in_finest(&disk, gathered.parts, now).expect("written");
        assert!(!touched.is_empty(), "something has its place");
    }
}

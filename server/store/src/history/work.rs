//! What is done in the background: writing the journal, making records, dropping what is too old, coming back after a
//! failure. Called a few times a second; each call does a bounded piece.

mod failure;

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::Ordering;
use std::time::Instant;

use fjall::OwnedWriteBatch;
use keiki_model::series::Series;
use keiki_model::time::{Millis, REVISION, SECOND};

use super::chunk::{self, Body, Times};
use super::codec::put_column;
use super::disk::{Disk, record_key, times_key};
use super::journal::Entries;
use super::late::{Backlog, Late};
use super::piece::{Made, grown};
use super::read::Look;
use super::tier::{COUNT, TIERS};
use super::{History, Journal};
use crate::state::State;

/// How long after its end a stretch of the finest tier is written: samples may come late, and clocks be a little ahead.
const SETTLED: Millis = REVISION + 15 * SECOND;

/// Of how many series records are made in one call: a few milliseconds of work, and of holding the rings.
const BATCH: usize = 64;

/// How often what is too old is looked for.
const RETENTION: Millis = 20 * SECOND;

/// How often records that the disk does not give are asked for.
pub(super) const TRIES: u32 = 5;

/// What the work remembers from call to call.
#[derive(Debug, Default)]
pub(super) struct Worker {
    /// The number of the next entry of the journal.
    pub(super) next: u64,
    /// The entries that are on disk, each with the time of its newest sample.
    pub(super) written: VecDeque<(u64, Millis)>,
    job: Option<Job>,
    pub(super) late: Backlog,
    synced: Option<Instant>,
    dropped: Millis,
    /// By what time it is decided what is too old.
    age: Option<Millis>,
    retried: Option<Instant>,
    /// From which place on the rings have yet to be written to the journal again.
    again: Option<usize>,
    /// How often the disk did not give what records are to be made of.
    unanswered: u32,
}

/// A stretch of a tier whose records are being made, or grow.
#[derive(Debug)]
struct Job {
    tier: usize,
    start: Millis,
    end: Millis,
    next: usize,
    /// How often `closed` had gone back when it began.
    rewinds: u64,
    /// Times that are written already.
    times: HashSet<u64>,
}

/// The state behind the store's lock, for the moments in which it is needed.
pub(crate) trait Rings {
    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T;
    fn journal<T>(&self, take: impl FnOnce(&mut Journal) -> T) -> T;
    /// The late samples that have yet to be written.
    fn take_late(&self) -> Late;
}

/// Rings hold a quarter of an hour: what was written before a failure that began this long ago they may have forgotten.
const OUTLIVED: Millis = 10 * 60 * SECOND;

impl History {
    /// Does what is due, in a bounded piece. `true` if there is more to do at once.
    pub(crate) fn tend(&self, now: Millis, rings: &impl Rings) -> bool {
        let mut worker = self.worker.lock();
        let Some(disk) = self.disk() else {
            self.discard(rings);
            if !self.reopen(&mut worker, now) {
                return false;
            }
            if self.is_behind(now - OUTLIVED)
                && let Some(disk) = self.disk()
                && let Err(error) = self.rescue(&mut worker.late, &disk)
            {
                drop(disk);
                self.fail(&mut worker, now, &error);
                return false;
            }
            // What came meanwhile is in the rings alone: it shall outlive the process, too.
            worker.again = Some(0);
            return self.tend_open(&mut worker, now, rings);
        };
        drop(disk);
        self.tend_open(&mut worker, now, rings)
    }

    fn tend_open(&self, worker: &mut Worker, now: Millis, rings: &impl Rings) -> bool {
        let Some(disk) = self.disk() else { return false };
        let done = self.write_appended(worker, &disk, rings).and_then(|()| {
            let more = self.journal_again(worker, &disk, rings)?
                || self.make_records(worker, &disk, now, rings)?
                || self.merge_late(worker, &disk, now)?;
            if worker
                .synced
                .is_none_or(|synced| synced.elapsed() >= self.settings.sync)
            {
                worker.synced = Some(Instant::now());
                let began = Instant::now();
                disk.sync()?;
                self.writes.note(1, began);
            }
            if (now - worker.dropped).abs() >= RETENTION {
                worker.dropped = now;
                // A date that leaps ahead may be wrong: what is kept ages on at a walk.
                let age = worker.age.map_or(now, |age| now.min(age + 3 * RETENTION));
                worker.age = Some(age);
                self.drop_old(&disk, age, worker.late.oldest(), rings)?;
            }
            Ok(more)
        });
        match done {
            Ok(more) => {
                if worker.again.is_none() && self.failing.lock().take().is_some() {
                    tracing::info!("the history is kept again");
                }
                more
            }
            Err(error) => {
                self.fail(worker, now, &error);
                false
            }
        }
    }

    /// Makes all that was appended survive even the loss of power.
    pub(crate) fn flush(&self, now: Millis, rings: &impl Rings) {
        let mut worker = self.worker.lock();
        let Some(disk) = self.disk() else { return };
        if let Err(error) = self.write_appended(&mut worker, &disk, rings).and_then(|()| {
            while self.journal_again(&mut worker, &disk, rings)? {}
            disk.sync()
        }) {
            drop(disk);
            self.fail(&mut worker, now, &error);
        }
    }

    fn write_appended(&self, worker: &mut Worker, disk: &Disk, rings: &impl Rings) -> fjall::Result<()> {
        // Before the dictionary is written: who they are must be known at least as long as they are.
        let late = rings.take_late();
        let count = late.len();
        self.lost.fetch_add(late.lost(), Ordering::Relaxed);
        self.write_journal(worker, disk, rings)
            .and_then(|()| self.write_late(&mut worker.late, disk, late))
            .inspect_err(|_| {
                self.lost.fetch_add(count, Ordering::Relaxed);
            })
    }

    fn write_journal(&self, worker: &mut Worker, disk: &Disk, rings: &impl Rings) -> fjall::Result<()> {
        let (entries, lost) = rings.journal(Journal::take);
        self.lost.fetch_add(lost, Ordering::Relaxed);
        let fresh = self.dictionary.write().take_fresh();
        if entries.is_none() && fresh.is_empty() {
            return Ok(());
        }
        let count = entries.as_ref().map_or(0, |entries| entries.count);
        self.commit_entries(worker, disk, entries, fresh).inspect_err(|_| {
            // The samples are still in the rings, from which records are made when the disk is back.
            self.lost.fetch_add(count, Ordering::Relaxed);
        })
    }

    fn commit_entries(
        &self,
        worker: &mut Worker,
        disk: &Disk,
        entries: Option<Entries>,
        fresh: Vec<(u32, Vec<u8>)>,
    ) -> fjall::Result<()> {
        let began = Instant::now();
        let mut batch = disk.batch();
        let numbers: Vec<u32> = fresh.iter().map(|(number, _)| *number).collect();
        for (number, bytes) in fresh {
            batch.insert(&disk.series, number.to_be_bytes(), bytes);
        }
        let newest = entries.as_ref().map(|entries| entries.newest);
        if let Some(entries) = entries {
            batch.insert(&disk.journal, worker.next.to_be_bytes(), entries.encoded());
        }
        match batch.commit() {
            Ok(()) => {
                if let Some(newest) = newest {
                    worker.written.push_back((worker.next, newest));
                    worker.next += 1;
                }
                self.writes.note(1, began);
                Ok(())
            }
            Err(error) => {
                self.dictionary.write().put_back(numbers.into_iter());
                Err(error)
            }
        }
    }

    /// Makes a piece of the records that are due, the finest tier's first.
    fn make_records(&self, worker: &mut Worker, disk: &Disk, now: Millis, rings: &impl Rings) -> fjall::Result<bool> {
        let rewinds = self.rewinds.load(Ordering::Acquire);
        let begun = worker.job.take().filter(|job| job.rewinds == rewinds);
        let Some(mut job) = begun.or_else(|| self.next_job(disk, now, rings)) else {
            return Ok(false);
        };
        let end = job.end;
        let mut batch = disk.batch();
        let (made, next) = if job.tier == 0 {
            self.of_rings(rings, job.next, job.start, end)
        } else {
            self.of_tier_below(worker, disk, &job)?
        };
        let began = Instant::now();
        let count = made.len() as u64;
        for made in &made {
            self.put_record(disk, &mut batch, job.tier, made, |name| job.times.insert(name));
        }
        if job.tier == 0 {
            let mut dictionary = self.dictionary.write();
            for made in &made {
                made.times
                    .last()
                    .into_iter()
                    .for_each(|time| dictionary.seen(made.series, *time));
            }
        }
        if let Some(next) = next {
            batch.commit()?;
            self.writes.note(count, began);
            job.next = next;
            worker.job = Some(job);
            return Ok(true);
        }
        disk.put_closed(&mut batch, job.tier, end);
        if job.tier == 0 {
            // One of a clock that was wrong must not keep those behind it.
            for (number, _) in worker.written.iter().filter(|(_, newest)| *newest < end) {
                batch.remove(&disk.journal, number.to_be_bytes());
            }
        }
        batch.commit()?;
        if job.tier == 0 {
            // Not before: what a write that failed left there is removed by the next.
            worker.written.retain(|(_, newest)| *newest >= end);
        }
        self.writes.note(count, began);
        self.closed[job.tier].store(end, Ordering::Release);
        Ok(true)
    }

    /// Writes a record, and its times where they have a name that is new in their stretch.
    pub(super) fn put_record(
        &self,
        disk: &Disk,
        batch: &mut OwnedWriteBatch,
        tier: usize,
        made: &Made,
        is_new: impl FnOnce(u64) -> bool,
    ) {
        let Some(first) = made.times.first() else { return };
        let begin = TIERS[tier].chunk_of(*first);
        let stretch = begin / TIERS[tier].chunk;
        let records = disk.tier(tier, TIERS[tier].period_of(begin));
        let offsets = chunk::offsets(&made.times, begin);
        let times = Times::of(&offsets);
        if let Times::Named(name) = times
            && is_new(name)
        {
            let mut bytes = Vec::new();
            put_column(&mut bytes, &offsets);
            let key = times_key(tier, stretch, name);
            self.note_written(tier, 0, key.len() + bytes.len());
            batch.insert(records, key, bytes);
        }
        let (key, bytes) = (
            record_key(tier, made.series, stretch),
            chunk::encode(&times, &made.body),
        );
        self.note_written(tier, made.times.len(), key.len() + bytes.len());
        batch.insert(records, key, bytes);
    }

    fn note_written(&self, tier: usize, rows: usize, bytes: usize) {
        let (all_rows, all_bytes) = &self.written[tier];
        all_rows.fetch_add(rows as u64, Ordering::Relaxed);
        all_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// The stretch that is due next: whole pieces that have settled, or that the tier below is written up to the end of.
    fn next_job(&self, disk: &Disk, now: Millis, rings: &impl Rings) -> Option<Job> {
        (0..COUNT).find_map(|tier| {
            let chunk = TIERS[tier].chunk;
            let mut start = self.closed(tier);
            let below = if tier == 0 {
                now - SETTLED
            } else {
                self.closed(tier - 1)
            };
            if tier == 0 && below - start > 2 * chunk {
                // Keiki was not there, or could not write: of what no ring knows there is nothing to write.
                let next = rings.read(|state| state.next_sample(start)).unwrap_or(below).min(below);
                start = start.max(TIERS[0].chunk_of(next));
            }
            if tier > 0 && below - start >= chunk {
                // Nor where the tier below has nothing.
                let finer = &TIERS[tier - 1];
                // What can't be read now is not passed over.
                let next = disk.next_period(tier - 1, finer.period_of(start)).unwrap_or(Some(0));
                let next = next.map_or(below, |period| finer.start_of(period).min(below));
                start = start.max(TIERS[tier].chunk_of(next));
            }
            let end = TIERS[tier].due(start, below)?;
            Some(Job {
                tier,
                start,
                end,
                next: 0,
                rewinds: self.rewinds.load(Ordering::Acquire),
                times: HashSet::new(),
            })
        })
    }

    /// What the rings hold of a stretch, of a bounded number of series; and where to go on.
    fn of_rings(&self, rings: &impl Rings, from: usize, start: Millis, end: Millis) -> (Vec<Made>, Option<usize>) {
        rings.read(|state| {
            let to = (from + BATCH).min(state.series.len());
            let found = state.series.get(from..to).unwrap_or_default().iter().flatten();
            let made = found.filter_map(|stored| {
                let series = stored.number()?;
                let (times, body) = Body::of_ring(stored.ring(), start, end);
                (!times.is_empty()).then_some(Made { series, times, body })
            });
            (made.collect(), (to < state.series.len()).then_some(to))
        })
    }

    /// What the tier below holds of a stretch, folded.
    fn of_tier_below(&self, worker: &mut Worker, disk: &Disk, job: &Job) -> fjall::Result<(Vec<Made>, Option<usize>)> {
        let (alive, next) = self.dictionary.read().batch(job.next, BATCH / 4, job.start);
        let look = Look::of_records(self, disk);
        let made = alive
            .iter()
            .map(|entry| grown(&look, &entry.series, entry.number, job.tier, job.start..job.end));
        let made = made.filter(|made| !made.times.is_empty()).collect();
        if let Err(error) = look.whole() {
            // The disk may answer another time; a part that it never gives must not hold up all that is to come.
            worker.unanswered += 1;
            if worker.unanswered < TRIES {
                return Err(error);
            }
            self.note_corrupt(TIERS[job.tier - 1].name, &error);
        }
        if next.is_none() {
            worker.unanswered = 0;
        }
        Ok((made, next))
    }

    /// Drops the periods that are older than their tier is kept, and the oldest ones where there is too much.
    fn drop_old(&self, disk: &Disk, now: Millis, late: Option<Millis>, rings: &impl Rings) -> fjall::Result<()> {
        for (index, tier) in TIERS.iter().enumerate() {
            let mut end = now - self.settings.keep[index];
            if index + 1 < COUNT {
                // What the tier above is yet to be made of, or again where late samples wait, stays: its next record, too,
                // begins with how much a counter grew since the newest sample here.
                let above = late.map(|late| TIERS[index + 1].chunk_of(late));
                end = end.min(above.unwrap_or(Millis::MAX).min(self.closed(index + 1)) - 1);
            }
            disk.drop_before(index, tier.period_of(end))?;
        }
        let keep = self.settings.keep;
        let longest = keep.iter().max().copied().unwrap_or_default();
        let is_gone = |series: &Series| rings.read(|state| state.find(series).is_none());
        let over = self.dictionary.read().over(now - keep[0], now - longest);
        let gone: Vec<u32> = over
            .into_iter()
            .filter(|(_, series)| is_gone(series))
            .map(|(number, _)| number)
            .collect();
        if !gone.is_empty() {
            let mut dictionary = self.dictionary.write();
            dictionary.forget(&gone);
            let numbers = dictionary.numbers();
            drop(dictionary);
            disk.forget(&gone, numbers)?;
        }
        let mut bytes = disk.size()?;
        self.bytes.store(bytes, Ordering::Relaxed);
        while bytes > self.settings.bytes {
            // Of all tiers the period that ended first, unless it is still written.
            let oldest = (0..COUNT)
                .filter_map(|tier| {
                    let period = disk.next_period(tier, 0).ok()??;
                    let end = TIERS[tier].start_of(period + 1);
                    (end <= self.closed(tier)).then_some((end, tier, period))
                })
                .min();
            let Some((_, tier, period)) = oldest else { break };
            tracing::warn!(
                "the history is larger than {} bytes: its oldest part of tier {} is dropped",
                self.settings.bytes,
                TIERS[tier].name
            );
            disk.drop_before(tier, period + 1)?;
            let left = disk.size()?;
            if left >= bytes {
                break;
            }
            bytes = left;
            self.bytes.store(bytes, Ordering::Relaxed);
        }
        Ok(())
    }
}

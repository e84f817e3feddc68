//! # The past
//!
//! What the rings forget is kept here for months, on the embedded engine [fjall](https://docs.rs/fjall), without set-up.
//! Nothing outside the store knows of it: samples go in by [`Store::append`](crate::Store::append), and come out by
//! [`Store::past`](crate::Store::past) as the same series that the rings hold.
//!
//! ## The way of a sample
//!
//! 1. With the ring, under its lock, the sample goes into the [`journal`]. A few times a second [`work`] hands it to the
//!    engine: from then on it survives the death of the process, and from the next sync on the loss of power.
//! 2. Five minutes of a series later [`work`] writes them as one compressed record ([`chunk`]) of the finest tier, taken
//!    from the ring, and drops that part of the journal.
//! 3. Every coarser tier ([`tier`]) is made of the records of the one below ([`rows`] and [`counts`] fold), piece by piece:
//!    a record that covers hours or days is written again with each piece that it grows by, until it is complete. A
//!    period that is too old is dropped with its files.
//! 4. A sample that is too late for the rings waits on disk ([`late`]) until its five minutes have a record, is put into it,
//!    and what the coarser tiers hold of that time is folded again.
//! 5. A reader ([`read`]) takes the coarsest tier that its step is a multiple of. What has no record there yet it folds
//!    from the tier below, down to the ring, by the same code that writes records: there is no seam to see.
//!
//! ## What holds
//!
//! - A tier's records are a function of the tier below, and the finest's of the ring. Writing one twice changes nothing,
//!   so a death at any moment needs no repair: `closed` is moved in the same write as the last record below it. What a
//!   record holds beyond `closed` is not written yet: readers pass over it, and it will be written again.
//! - All that is newer than the finest tier's `closed` is in the journal.
//! - Rows keep smallest, largest, sum, number and last of a gauge, the growth and the extreme rates of a counter, the
//!   whole distribution of a histogram. A quantile is never made of quantiles.
//! - A slot's time is that of its newest sample, so that a rate of slots is the rate of their samples.
//! - What can't be read is left out, counted, and told; the rest is read.
//! - A failing disk never stops the rings. The engine is closed, the status says since when, and it is opened again by
//!   itself; what the rings still hold is then written, some series at a time, and only then the status says that all is well.
//!
//! ## What is deliberately absent
//!
//! A query language, an index of labels (series are found by metric and then looked through), deletion of single
//! series, replication. Late samples do not appear in the rings, and revise no live window: only who reads the past sees
//! them, once the five minutes that they lie in have records. A sample that is there already is never changed by them.

mod budget;
mod chunk;
mod codec;
mod counts;
mod dictionary;
mod disk;
mod journal;
mod late;
mod piece;
mod read;
mod restore;
mod rows;
mod slots;
#[cfg(test)]
mod tests;
mod tier;
mod whole;
mod work;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use keiki_model::series::Series;
use keiki_model::time::{Millis, REVISION};
use parking_lot::{Mutex, RwLock};

use crate::source::SourceId;
pub use budget::Overload;
use dictionary::Dictionary;
use disk::{Disk, Shared};
pub use disk::{DiskError, EventId};
pub(crate) use journal::Journal;
pub(crate) use late::Late;
pub use read::Past;
pub(crate) use restore::Restored;
pub use tier::{TIERS, Tier};
pub(crate) use work::Rings;
use work::Worker;

/// How the past is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct HistorySettings {
    /// The folder, which must not be another process's.
    pub path: PathBuf,
    /// How often what was written is made to survive the loss of power.
    pub sync: Duration,
    /// How long each tier of [`TIERS`] is kept, milliseconds.
    pub keep: [Millis; tier::COUNT],
    /// How late a sample may be, milliseconds.
    pub late: Millis,
    /// How many bytes it may take; beyond, the oldest periods are dropped.
    pub bytes: u64,
    /// How many series it may know.
    pub series: usize,
}

impl HistorySettings {
    /// The usual ones, in a folder.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            sync: Duration::from_secs(5),
            keep: TIERS.map(|tier| tier.keep),
            late: 3_600_000,
            bytes: 4 << 30,
            series: 200_000,
        }
    }
}

/// A series of which something is kept, whether it still lives or not.
#[derive(Clone, Debug)]
pub struct Remembered {
    /// What it is.
    pub series: Arc<Series>,
    /// Who fed it last.
    pub source: SourceId,
    /// No sample that has a record is newer, Unix milliseconds; of one that ended before the start it is known to the day.
    pub last: Millis,
}

/// What the history does, since the start where it counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistoryStats {
    /// Since when nothing is kept, and why.
    pub failing: Option<(Millis, String)>,
    /// Samples that were appended and could not be kept.
    pub lost: u64,
    /// Records and journal entries that could not be read.
    pub corrupt: u64,
    /// Series that it knows.
    pub series: usize,
    /// Series that it did not take, because it knows as many as it may.
    pub refused: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Bytes on disk of each tier, as far as they have left the engine's memory.
    pub tiers: [u64; tier::COUNT],
    /// What was written into the records of each tier since the start: samples or slots, and bytes.
    pub written: [(u64, u64); tier::COUNT],
    /// Writes to the engine, and how long they took in all.
    pub writes: u64,
    /// Seconds.
    pub write_seconds: f64,
    /// Reads of records, and how long they took in all.
    pub reads: u64,
    /// Seconds.
    pub read_seconds: f64,
    /// Compactions that the engine completed.
    pub compactions: u64,
}

/// Operations of one sort: how many, and how long in all.
#[derive(Debug, Default)]
struct Timed {
    count: AtomicU64,
    nanos: AtomicU64,
}

impl Timed {
    fn note(&self, count: u64, since: Instant) {
        let nanos = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.count.fetch_add(count, Ordering::Relaxed);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    fn read(&self) -> (u64, f64) {
        (
            self.count.load(Ordering::Relaxed),
            self.nanos.load(Ordering::Relaxed) as f64 / 1e9,
        )
    }
}

/// The past of a store.
pub(crate) struct History {
    settings: HistorySettings,
    disk: Shared,
    dictionary: RwLock<Dictionary>,
    /// Up to when the records of each tier are written.
    closed: [AtomicI64; tier::COUNT],
    /// Up to when each tier's records were once written, where `closed` has gone back since: what they hold stays.
    kept: [AtomicI64; tier::COUNT],
    /// How often `closed` went back: what was being made then is given up.
    rewinds: AtomicU64,
    /// Held for writing while late samples are put into their place: a reader sees all of a series' or none.
    seam: RwLock<()>,
    edition: AtomicU64,
    worker: Mutex<Worker>,
    is_open: AtomicBool,
    failing: Mutex<Option<(Millis, String)>>,
    lost: AtomicU64,
    corrupt: AtomicU64,
    writes: Timed,
    reads: Timed,
    bytes: AtomicU64,
    /// Samples or slots in records that were written, and their bytes.
    written: [(AtomicU64, AtomicU64); tier::COUNT],
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("History")
            .field("path", &self.settings.path)
            .finish_non_exhaustive()
    }
}

impl History {
    /// The number under which a series is kept; `None` if there are too many.
    pub(crate) fn number(&self, series: &Arc<Series>, source: &SourceId) -> Option<u32> {
        self.dictionary.write().number(series, source)
    }

    pub(crate) fn stats(&self) -> HistoryStats {
        let disk = self.disk.read().clone();
        let (writes, write_seconds) = self.writes.read();
        let (reads, read_seconds) = self.reads.read();
        HistoryStats {
            failing: self.failing.lock().clone(),
            lost: self.lost.load(Ordering::Relaxed),
            corrupt: self.corrupt.load(Ordering::Relaxed),
            series: self.dictionary.read().len(),
            refused: self.dictionary.read().refused,
            bytes: self.bytes.load(Ordering::Relaxed),
            tiers: std::array::from_fn(|tier| disk.as_ref().map_or(0, |disk| disk.size_of(tier))),
            written: std::array::from_fn(|tier| {
                let (rows, bytes) = &self.written[tier];
                (rows.load(Ordering::Relaxed), bytes.load(Ordering::Relaxed))
            }),
            writes,
            write_seconds,
            reads,
            read_seconds,
            compactions: disk.as_ref().map_or(0, |disk| disk.compactions() as u64),
        }
    }

    /// The names of all metrics of which something is kept.
    pub(crate) fn names(&self) -> Vec<String> {
        self.dictionary.read().names().map(str::to_owned).collect()
    }

    /// How many series of a metric are known, and who the first so many are.
    pub(crate) fn remembered(&self, metric: &str, most: usize) -> (usize, Vec<Remembered>) {
        let dictionary = self.dictionary.read();
        let told = |entry: &dictionary::Entry| Remembered {
            series: Arc::clone(&entry.series),
            source: entry.source.clone(),
            last: entry.last,
        };
        let first = dictionary.of_metric(metric).take(most).map(told).collect();
        (dictionary.of_metric(metric).count(), first)
    }

    /// The length of the finest slots that are still kept of a time, milliseconds.
    pub(crate) fn finest(&self, time: Millis, now: Millis) -> Millis {
        let kept = TIERS
            .iter()
            .zip(self.settings.keep)
            .find(|(_, keep)| time >= now - keep);
        kept.map_or(TIERS[tier::COUNT - 1].step, |(tier, _)| tier.step)
    }

    /// From when on samples have no record yet, so that their rings must not forget them, also where the clock leaps; a
    /// disk that fails holds up no ring.
    pub(crate) fn unwritten(&self) -> Millis {
        if self.is_open.load(Ordering::Relaxed) {
            self.closed(0)
        } else {
            Millis::MAX
        }
    }

    /// The clock was wrong by more than a day, and has been set right: what comes now has its place again.
    pub(crate) fn rewind(&self, now: Millis) {
        self.rewinds.fetch_add(1, Ordering::AcqRel);
        for (tier, (closed, kept)) in TIERS.iter().zip(self.closed.iter().zip(&self.kept)) {
            let before = closed.fetch_min(tier.chunk_of(now - REVISION), Ordering::AcqRel);
            kept.fetch_max(before, Ordering::AcqRel);
        }
    }

    /// Whether samples of before a time have no record yet.
    pub(crate) fn is_behind(&self, time: Millis) -> bool {
        self.closed(0) < time
    }

    /// Keeps or drops events; `false` while the disk fails.
    pub(crate) fn put_events(&self, events: &[(EventId, Option<Vec<u8>>)]) -> bool {
        let Some(disk) = self.disk() else { return false };
        let began = Instant::now();
        let put = disk.put_events(events);
        self.writes.note(1, began);
        put.inspect_err(|error| tracing::warn!("what happened is not kept for now: {error}"))
            .is_ok()
    }

    pub(crate) fn events(&self) -> Vec<(EventId, Vec<u8>)> {
        let Some(disk) = self.disk() else { return Vec::new() };
        let (found, read) = disk.events();
        if let Err(error) = read {
            self.note_corrupt("events", &error);
        }
        found
    }

    fn closed(&self, tier: usize) -> Millis {
        self.closed[tier].load(Ordering::Acquire)
    }

    fn note_corrupt(&self, what: &str, why: &dyn std::fmt::Display) {
        if self.corrupt.fetch_add(1, Ordering::Relaxed).is_power_of_two() {
            tracing::warn!("a part of the history cannot be read and is left out: {what}: {why}");
        }
    }

    fn disk(&self) -> Option<Arc<Disk>> {
        self.disk.read().clone()
    }
}

//! The engine below: an LSM tree, and where in it what lies.
//!
//! | keyspace | key | value |
//! |---|---|---|
//! | `meta` | `format`, `closed-<tier>`, `kept-<tier>`, `numbers` | version; up to when a tier's records are written; and were, before a clock went back; how many numbers of series were given |
//! | `series` | number | who a series is |
//! | `journal` | number | samples that are in no record yet |
//! | `late` | series, stretch, number | samples that came late and are in no record yet |
//! | `events` | time, number | what happened then; the store does not know what it says |
//! | `<tier>` | period, series, stretch | a record ([`super::chunk`]) |
//! | | period, `u32::MAX`, stretch, hash | times that records share: more than a few, and not even |
//!
//! Periods of a tier lie one behind the other, so that what is too old is a range of keys at the front, which is dropped
//! by whole files, and nothing is ever rewritten for it. Within a period the records of one series lie side by side.
//!
//! A period is no keyspace of its own: the engine keeps every state of its list of keyspaces until the folder is opened
//! again, which with fifty periods a day would come to gigabytes in a month (format 1 was so).

use std::ops::{Range, RangeBounds};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use fjall::compaction::Leveled;
use fjall::config::{BlockSizePolicy, CompressionPolicy};
use fjall::{AbstractTree as _, Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode, UserValue};
use keiki_model::time::Millis;
use parking_lot::RwLock;

use super::tier::{COUNT, TIERS};

/// The version of what lies on disk. A change that an older Keiki could not read counts it up, and says in
/// [`Disk::upgrade`] how what is there becomes the new.
///
/// In format 2 records were complete when they were written: it is also one of format 3, in which they grow. Records of
/// format 3 name all their times, and their columns are floating point: they are read beside those of format 4, which take
/// their place as they grow and age. Format 5 has one make of record more.
pub(super) const FORMAT: u32 = 5;

/// The number in the place of a series' for what belongs to all.
const SHARED: u32 = u32::MAX;

/// How much is kept unsorted in memory of each keyspace, bytes: a few of them are written at a time.
const MEMTABLE: u64 = 2 << 20;

/// How large a file of a tier is, bytes: what is too old is dropped by whole files.
const TABLE: u64 = 4 << 20;

/// How many entries of an older format are copied at once.
const COPIED: usize = 4_096;

/// What is kept of blocks that were read, bytes.
const CACHE: u64 = 8 << 20;

/// Up to how many neighbouring records are fetched one by one: a range opens each file that might have a part in it, which
/// takes as long as to fetch some.
const FEW: i64 = 6;

/// Files open at a time.
const FILES: usize = 150;

/// The key under which it is written how many numbers were given.
const NUMBERS: &str = "numbers";

/// Why there is no history.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// Another process uses the folder.
    #[error("{0} is in use by another Keiki: give each a --data-dir of its own")]
    InUse(PathBuf),
    /// A newer Keiki wrote what is there.
    #[error(
        "{0} was written by a newer Keiki (format {1}, this one knows {FORMAT}): start that one, or give another --data-dir"
    )]
    Newer(PathBuf, u32),
    /// The file system, or the engine, fails.
    #[error("{0}: {1}")]
    Engine(PathBuf, fjall::Error),
}

/// An open folder.
pub(super) struct Disk {
    db: Database,
    pub(super) meta: Keyspace,
    pub(super) series: Keyspace,
    pub(super) journal: Keyspace,
    late: Keyspace,
    events: Keyspace,
    tiers: [Keyspace; COUNT],
    /// The first period of each tier that has not been dropped. Some of the older ones may still lie in a file with newer
    /// ones.
    first: [AtomicU32; COUNT],
    /// The last period of each tier of which there is anything.
    last: [AtomicU32; COUNT],
}

impl Disk {
    pub(super) fn open(path: &Path) -> Result<Self, DiskError> {
        let failed = |error| match error {
            fjall::Error::Locked => DiskError::InUse(path.to_owned()),
            error => DiskError::Engine(path.to_owned(), error),
        };
        std::fs::create_dir_all(path).map_err(|error| failed(error.into()))?;
        let builder = Database::builder(path).cache_size(CACHE).max_cached_files(Some(FILES));
        let db = builder
            .max_journaling_size(64 << 20)
            .worker_threads(1)
            .open()
            .map_err(failed)?;
        let keyspace = |name: &str| db.keyspace(name, options).map_err(failed);
        let tier = |index: usize| db.keyspace(TIERS[index].name, tier_options).map_err(failed);
        let disk = Self {
            tiers: [tier(0)?, tier(1)?, tier(2)?, tier(3)?],
            first: std::array::from_fn(|_| AtomicU32::new(u32::MAX)),
            last: Default::default(),
            meta: keyspace("meta")?,
            series: keyspace("series")?,
            journal: keyspace("journal")?,
            late: keyspace("late")?,
            events: keyspace("events")?,
            db: db.clone(),
        };
        let format = disk.number("format").map_err(failed)?;
        match format.map(|format| u32::try_from(format).unwrap_or(u32::MAX)) {
            None => disk
                .meta
                .insert("format", i64::from(FORMAT).to_le_bytes())
                .map_err(failed)?,
            Some(format) if format > FORMAT => return Err(DiskError::Newer(path.to_owned(), format)),
            Some(format) => disk.upgrade(format).map_err(failed)?,
        }
        disk.find_periods().map_err(failed)?;
        Ok(disk)
    }

    fn find_periods(&self) -> fjall::Result<()> {
        for (tier, records) in self.tiers.iter().enumerate() {
            for (found, period) in [
                (records.first_key_value(), &self.first[tier]),
                (records.last_key_value(), &self.last[tier]),
            ] {
                match found.map(fjall::Guard::key).transpose() {
                    Ok(Some(key)) => period.store(period_of(&key), Ordering::Relaxed),
                    Ok(None) => {}
                    // What is damaged there is met by those who read it; anything may lie behind it.
                    Err(error) if is_damage(&error) => {
                        self.first[tier].store(0, Ordering::Relaxed);
                        self.last[tier].store(u32::MAX, Ordering::Relaxed);
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Makes what an older Keiki wrote into what this one reads, one version after the other. Done again from the start
    /// where it was interrupted, which changes nothing.
    fn upgrade(&self, format: u32) -> fjall::Result<()> {
        if format < 2 {
            self.gather_periods()?;
        }
        if format < FORMAT {
            self.db.persist(PersistMode::SyncAll)?;
            self.meta.insert("format", i64::from(FORMAT).to_le_bytes())?;
            self.db.persist(PersistMode::SyncAll)?;
        }
        Ok(())
    }

    /// In format 1 each period of a tier was a keyspace `<tier>-<period>`, whose keys did not name it.
    fn gather_periods(&self) -> fjall::Result<()> {
        for name in self.db.list_keyspace_names() {
            let Some((tier, period)) = place_of(&name) else {
                continue;
            };
            let old = self.db.keyspace(&name, options)?;
            let mut batch = self.batch();
            let mut damage = None;
            for (place, entry) in old.iter().enumerate() {
                let (key, value) = match entry.into_inner() {
                    Ok(entry) => entry,
                    Err(error) if is_damage(&error) => {
                        damage = Some(error);
                        break;
                    }
                    Err(error) => return Err(error),
                };
                batch.insert(&self.tiers[tier], [&period.to_be_bytes(), &*key].concat(), value);
                if (place + 1) % COPIED == 0 {
                    std::mem::replace(&mut batch, self.batch()).commit()?;
                }
            }
            batch.commit()?;
            self.db.persist(PersistMode::SyncAll)?;
            if let Some(error) = damage {
                tracing::warn!("a part of the history cannot be read and is left out: {name}: {error}");
            }
            self.db.delete_keyspace(old)?;
        }
        Ok(())
    }

    fn number(&self, name: &str) -> fjall::Result<Option<i64>> {
        let value = self.meta.get(name)?;
        Ok(value.and_then(|value| Some(i64::from_le_bytes(value.as_ref().try_into().ok()?))))
    }

    /// Up to when a tier's records are written.
    pub(super) fn closed(&self, tier: usize) -> fjall::Result<Option<Millis>> {
        self.number(&format!("closed-{}", TIERS[tier].name))
    }

    pub(super) fn put_closed(&self, batch: &mut OwnedWriteBatch, tier: usize, closed: Millis) {
        let key = format!("closed-{}", TIERS[tier].name);
        batch.insert(&self.meta, key, closed.to_le_bytes());
    }

    /// Up to when a tier's records were written before the clock went back.
    pub(super) fn kept(&self, tier: usize) -> fjall::Result<Option<Millis>> {
        self.number(&format!("kept-{}", TIERS[tier].name))
    }

    pub(super) fn put_kept(&self, batch: &mut OwnedWriteBatch, tier: usize, kept: Millis) {
        let key = format!("kept-{}", TIERS[tier].name);
        batch.insert(&self.meta, key, kept.to_le_bytes());
    }

    /// Forgets series, and keeps in mind how many numbers were given: none is given twice, because records of the coarser tiers
    /// may still be there.
    pub(super) fn forget(&self, gone: &[u32], numbers: usize) -> fjall::Result<()> {
        let mut batch = self.batch();
        let numbers = i64::try_from(numbers).unwrap_or(i64::MAX);
        batch.insert(&self.meta, NUMBERS, numbers.to_le_bytes());
        for number in gone {
            batch.remove(&self.series, number.to_be_bytes());
        }
        batch.commit()
    }

    /// How many numbers were given when series were last forgotten.
    pub(super) fn numbers(&self) -> fjall::Result<usize> {
        let numbers = self.number(NUMBERS)?;
        Ok(numbers
            .and_then(|numbers| usize::try_from(numbers).ok())
            .unwrap_or_default())
    }

    /// Keeps events or, where they have no body, drops them, and waits until that would survive the loss of power: they are
    /// rare.
    pub(super) fn put_events(&self, events: &[(EventId, Option<Vec<u8>>)]) -> fjall::Result<()> {
        let mut batch = self.batch();
        for (at, body) in events {
            match body {
                Some(body) => batch.insert(&self.events, event_key(*at), body.as_slice()),
                None => batch.remove(&self.events, event_key(*at)),
            }
        }
        batch.commit()?;
        self.sync()
    }

    /// All events, in order of time. One that cannot be read ends them, and comes with those before it.
    pub(super) fn events(&self) -> (Vec<(EventId, Vec<u8>)>, fjall::Result<()>) {
        let mut found = Vec::new();
        for event in self.events.iter() {
            match event.into_inner() {
                Ok((key, body)) => found.extend(event_of(&key).map(|at| (at, body.to_vec()))),
                Err(error) => return (found, Err(error)),
            }
        }
        (found, Ok(()))
    }

    pub(super) fn put_late(&self, batch: &mut OwnedWriteBatch, key: LateKey, bytes: Vec<u8>) {
        batch.insert(&self.late, late_key(key), bytes);
    }

    pub(super) fn drop_late(&self, batch: &mut OwnedWriteBatch, key: LateKey) {
        batch.remove(&self.late, late_key(key));
    }

    /// The samples that came late, of each series from a number on.
    pub(super) fn late_from(&self, series: u32) -> impl Iterator<Item = fjall::Result<(LateKey, UserValue)>> {
        self.late_within(series.to_be_bytes()..)
    }

    /// Those of one series.
    pub(super) fn late_of(&self, series: u32) -> impl Iterator<Item = fjall::Result<(LateKey, UserValue)>> {
        self.late_within(late_key((series, 0, 0))..=late_key((series, i64::MAX, u64::MAX)))
    }

    fn late_within<K: AsRef<[u8]>, R: RangeBounds<K>>(
        &self,
        keys: R,
    ) -> impl Iterator<Item = fjall::Result<(LateKey, UserValue)>> + use<K, R> {
        self.late.range(keys).filter_map(|found| match found.into_inner() {
            Ok((key, value)) => Some(Ok((late_of(&key)?, value))),
            Err(error) => Some(Err(error)),
        })
    }

    pub(super) fn batch(&self) -> OwnedWriteBatch {
        self.db.batch()
    }

    /// Waits until all that was written would survive the loss of power.
    pub(super) fn sync(&self) -> fjall::Result<()> {
        self.db.persist(PersistMode::SyncData)
    }

    /// Bytes on disk.
    pub(super) fn size(&self) -> fjall::Result<u64> {
        self.db.disk_space()
    }

    pub(super) fn compactions(&self) -> usize {
        self.db.compactions_completed()
    }

    /// Bytes on disk of one tier.
    pub(super) fn size_of(&self, tier: usize) -> u64 {
        self.tiers[tier].disk_space()
    }

    /// Where the records of a tier lie. What is about to be written there counts as not dropped: a date that was wrong may
    /// have been ahead.
    pub(super) fn tier(&self, tier: usize, period: u32) -> &Keyspace {
        self.first[tier].fetch_min(period, Ordering::Relaxed);
        self.last[tier].fetch_max(period, Ordering::Relaxed);
        &self.tiers[tier]
    }

    /// The first period of a tier, from one on, of which there is anything.
    pub(super) fn next_period(&self, tier: usize, from: u32) -> fjall::Result<Option<u32>> {
        let from = from.max(self.first[tier].load(Ordering::Relaxed));
        let next = self.tiers[tier].range(from.to_be_bytes()..).next();
        let key = next.map(fjall::Guard::key).transpose()?;
        Ok(key.map(|key| period_of(&key)))
    }

    /// Drops all before a period.
    pub(super) fn drop_before(&self, tier: usize, period: u32) -> fjall::Result<()> {
        if self.first[tier].fetch_max(period, Ordering::Relaxed) < period {
            self.tiers[tier].tree.drop_range(..period.to_be_bytes())?;
        }
        Ok(())
    }

    /// The periods of a tier that a time from one to another lies in, each with its first and its last stretch.
    fn periods(&self, tier: usize, from: Millis, to: Millis) -> impl Iterator<Item = (i64, i64)> + use<> {
        let of = TIERS[tier];
        let (first, last) = (from.div_euclid(of.chunk), (to - 1).div_euclid(of.chunk));
        let oldest = of.period_of(from).max(self.first[tier].load(Ordering::Relaxed));
        let newest = of.period_of(to - 1).min(self.last[tier].load(Ordering::Relaxed));
        (oldest..=newest)
            .map(move |period| {
                (
                    first.max(of.first_chunk(period)),
                    last.min(of.first_chunk(period + 1) - 1),
                )
            })
            .filter(|(first, last)| first <= last)
    }

    /// The records of many series, by their numbers, that have a part in `[from, to)`, each with the start of its stretch:
    /// of each series in order of time. To look for each series by itself takes longer than to pass over what is not asked
    /// for; but the first record that cannot be read ends it.
    pub(super) fn scan(
        &self,
        tier: usize,
        series: Range<u32>,
        from: Millis,
        to: Millis,
        mut take: impl FnMut(u32, Millis, &[u8]),
    ) -> fjall::Result<()> {
        for (first, last) in self.periods(tier, from, to) {
            let keys = record_key(tier, series.start, first)..record_key(tier, series.end, first);
            for found in self.tiers[tier].range(keys) {
                let (key, value) = found.into_inner()?;
                let stretch = stretch_of(&key);
                if let (true, Some(series)) = ((first..=last).contains(&stretch), series_of(&key)) {
                    take(series, stretch * TIERS[tier].chunk, &value);
                }
            }
        }
        Ok(())
    }

    /// The records of a series that begin within `[from, to)`, each with the start of its stretch, in order of time.
    pub(super) fn records(
        &self,
        tier: usize,
        series: u32,
        from: Millis,
        to: Millis,
        mut take: impl FnMut(Millis, fjall::Result<&[u8]>),
    ) {
        let records = &self.tiers[tier];
        for (first, last) in self.periods(tier, from, to) {
            let start = |stretch: i64| stretch * TIERS[tier].chunk;
            if last - first < FEW {
                for stretch in first..=last {
                    match records.get(record_key(tier, series, stretch)) {
                        Ok(Some(value)) => take(start(stretch), Ok(&value)),
                        Ok(None) => {}
                        Err(error) => take(start(stretch), Err(error)),
                    }
                }
                continue;
            }
            for found in records.range(record_key(tier, series, first)..=record_key(tier, series, last)) {
                match found.into_inner() {
                    Ok((key, value)) => take(start(stretch_of(&key)), Ok(&value)),
                    Err(error) => {
                        // The engine might say so for ever.
                        take(from, Err(error));
                        break;
                    }
                }
            }
        }
    }

    /// The times of this name in a stretch.
    pub(super) fn times(&self, tier: usize, start: Millis, name: u64) -> fjall::Result<Option<fjall::Slice>> {
        self.tiers[tier].get(times_key(tier, start.div_euclid(TIERS[tier].chunk), name))
    }
}

/// The key of a record.
pub(super) fn record_key(tier: usize, series: u32, stretch: i64) -> [u8; 16] {
    let period = TIERS[tier].period_of(stretch * TIERS[tier].chunk);
    let mut key = [0; 16];
    key[..4].copy_from_slice(&period.to_be_bytes());
    key[4..8].copy_from_slice(&series.to_be_bytes());
    // No time before 1970 is kept, so that the order of the bytes is that of time.
    key[8..].copy_from_slice(&stretch.to_be_bytes());
    key
}

/// When an event happened, Unix milliseconds, and its number among those of that time.
pub type EventId = (Millis, u32);

fn event_key((time, number): EventId) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&time.to_be_bytes());
    key[8..].copy_from_slice(&number.to_be_bytes());
    key
}

fn event_of(key: &[u8]) -> Option<EventId> {
    let (time, number) = key.split_first_chunk()?;
    Some((i64::from_be_bytes(*time), u32::from_be_bytes(number.try_into().ok()?)))
}

/// Late samples on disk: their series, their stretch of the finest tier, and the number of the part that they came in.
pub(super) type LateKey = (u32, i64, u64);

fn late_key((series, stretch, number): LateKey) -> [u8; 20] {
    let mut key = [0; 20];
    key[..4].copy_from_slice(&series.to_be_bytes());
    key[4..12].copy_from_slice(&stretch.to_be_bytes());
    key[12..].copy_from_slice(&number.to_be_bytes());
    key
}

fn late_of(key: &[u8]) -> Option<LateKey> {
    let (series, key) = key.split_first_chunk()?;
    let (stretch, number) = key.split_first_chunk()?;
    Some((
        u32::from_be_bytes(*series),
        i64::from_be_bytes(*stretch),
        u64::from_be_bytes(number.try_into().ok()?),
    ))
}

fn period_of(key: &[u8]) -> u32 {
    key.first_chunk().map_or(0, |period| u32::from_be_bytes(*period))
}

fn series_of(key: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(key.get(4..8)?.try_into().ok()?))
}

fn stretch_of(key: &[u8]) -> i64 {
    key.get(8..16)
        .and_then(|bytes| Some(i64::from_be_bytes(bytes.try_into().ok()?)))
        .unwrap_or_default()
}

pub(super) fn times_key(tier: usize, stretch: i64, name: u64) -> [u8; 24] {
    let mut key = [0; 24];
    key[..16].copy_from_slice(&record_key(tier, SHARED, stretch));
    key[16..].copy_from_slice(&name.to_be_bytes());
    key
}

/// The tier and the period of a keyspace of format 1.
fn place_of(name: &str) -> Option<(usize, u32)> {
    let (tier, number) = name.split_once('-')?;
    let tier = (0..COUNT).find(|index| TIERS[*index].name == tier)?;
    Some((tier, number.parse().ok()?))
}

fn tier_options() -> KeyspaceCreateOptions {
    options().compaction_strategy(Arc::new(Leveled::default().with_table_target_size(TABLE)))
}

fn options() -> KeyspaceCreateOptions {
    KeyspaceCreateOptions::default()
        .max_memtable_size(MEMTABLE)
        // Records are compressed already.
        .data_block_compression_policy(CompressionPolicy::disabled())
        .data_block_size_policy(BlockSizePolicy::all(16 * 1_024))
}

/// Handles to it, which a failure closes and a recovery opens again.
pub(super) type Shared = RwLock<Option<Arc<Disk>>>;

/// Whether what lies there is broken, not the way to it.
pub(super) fn is_damage(error: &fjall::Error) -> bool {
    use fjall::{Error, LsmError};
    use std::io::ErrorKind::{AlreadyExists, InvalidData, UnexpectedEof};

    match error {
        Error::Io(error) | Error::Storage(LsmError::Io(error)) => {
            // The engine does not go on with a folder whose making was broken off: of what it makes first it says that
            // it is there already, and would say so for ever.
            matches!(error.kind(), UnexpectedEof | InvalidData | AlreadyExists)
        }
        // A newer engine's data are not broken, and what is locked or closed is not looked at.
        Error::Locked
        | Error::Poisoned
        | Error::KeyspaceDeleted
        | Error::InvalidVersion(Some(_))
        | Error::Storage(LsmError::InvalidVersion(_)) => false,
        _ => true,
    }
}

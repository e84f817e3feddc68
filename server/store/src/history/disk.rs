//! The engine below: an LSM tree, and where in it what lies.
//!
//! | keyspace | key | value |
//! |---|---|---|
//! | `meta` | `format`, `closed-<tier>` | version; up to when a tier's records are written |
//! | `series` | number | who a series is |
//! | `journal` | number | samples that are in no record yet |
//! | `<tier>-<period>` | series, stretch | a record ([`super::chunk`]) |
//! | | `u32::MAX`, stretch, hash | the times that records share |
//!
//! A period of a tier has a keyspace of its own: what is too old is dropped whole, files and all, and nothing is ever
//! rewritten for it. Within a period the records of one series lie side by side.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fjall::config::{BlockSizePolicy, CompressionPolicy};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode};
use keiki_model::time::Millis;
use parking_lot::RwLock;

use super::tier::{COUNT, TIERS};

/// The version of what lies on disk. A change that an older Keiki could not read counts it up, and says in
/// [`Disk::upgrade`] how what is there becomes the new.
pub(super) const FORMAT: u32 = 1;

/// The number in the place of a series' for what belongs to all.
const SHARED: u32 = u32::MAX;

/// How much is kept unsorted in memory of each keyspace, bytes: a few of them are written at a time.
const MEMTABLE: u64 = 2 << 20;

/// What is kept of blocks that were read, bytes.
const CACHE: u64 = 8 << 20;

/// Files open at a time.
const FILES: usize = 150;

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
    periods: RwLock<BTreeMap<(usize, i64), Keyspace>>,
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
        let disk = Self {
            meta: keyspace("meta")?,
            series: keyspace("series")?,
            journal: keyspace("journal")?,
            periods: RwLock::default(),
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
        for name in db.list_keyspace_names() {
            if let Some(place) = place_of(&name) {
                disk.periods.write().insert(place, keyspace(&name)?);
            }
        }
        Ok(disk)
    }

    /// Makes what an older Keiki wrote into what this one reads, one version after the other.
    fn upgrade(&self, format: u32) -> fjall::Result<()> {
        if format < FORMAT {
            self.meta.insert("format", i64::from(FORMAT).to_le_bytes())?;
            self.db.persist(PersistMode::SyncAll)?;
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
        let periods = self.periods.read();
        periods
            .range((tier, i64::MIN)..=(tier, i64::MAX))
            .map(|(_, period)| period.disk_space())
            .sum()
    }

    /// The keyspace of a period, made if it is not there.
    pub(super) fn period(&self, tier: usize, number: i64) -> fjall::Result<Keyspace> {
        if let Some(found) = self.periods.read().get(&(tier, number)) {
            return Ok(found.clone());
        }
        let made = self.db.keyspace(&format!("{}-{number}", TIERS[tier].name), options)?;
        self.periods.write().insert((tier, number), made.clone());
        Ok(made)
    }

    /// The periods of a tier that there are, the oldest first.
    pub(super) fn periods(&self, tier: usize) -> Vec<i64> {
        let periods = self.periods.read();
        periods
            .range((tier, i64::MIN)..=(tier, i64::MAX))
            .map(|((_, number), _)| *number)
            .collect()
    }

    /// Drops a period with its files.
    pub(super) fn drop_period(&self, tier: usize, number: i64) -> fjall::Result<()> {
        let found = self.periods.write().remove(&(tier, number));
        found.map_or(Ok(()), |found| self.db.delete_keyspace(found))
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
        let Tier { chunk, .. } = TIERS[tier];
        let (first, end) = (from.div_euclid(chunk), (to - 1).div_euclid(chunk));
        let (oldest, newest) = (TIERS[tier].period_of(from), TIERS[tier].period_of(to - 1));
        let periods: Vec<_> = {
            let periods = self.periods.read();
            periods
                .range((tier, oldest)..=(tier, newest))
                .map(|(_, period)| period.clone())
                .collect()
        };
        for period in periods {
            for found in period.range(record_key(series, first)..=record_key(series, end)) {
                match found.into_inner() {
                    Ok((key, value)) => take(stretch_of(&key) * chunk, Ok(&value)),
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
        let number = TIERS[tier].period_of(start);
        let Some(period) = self.periods.read().get(&(tier, number)).cloned() else {
            return Ok(None);
        };
        period.get(times_key(start.div_euclid(TIERS[tier].chunk), name))
    }
}

use super::tier::Tier;

/// The key of a record.
pub(super) fn record_key(series: u32, stretch: i64) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&series.to_be_bytes());
    // No time before 1970 is kept, so that the order of the bytes is that of time.
    key[4..].copy_from_slice(&stretch.to_be_bytes());
    key
}

fn stretch_of(key: &[u8]) -> i64 {
    key.get(4..12)
        .and_then(|bytes| Some(i64::from_be_bytes(bytes.try_into().ok()?)))
        .unwrap_or_default()
}

pub(super) fn times_key(stretch: i64, name: u64) -> [u8; 20] {
    let mut key = [0; 20];
    key[..12].copy_from_slice(&record_key(SHARED, stretch));
    key[12..].copy_from_slice(&name.to_be_bytes());
    key
}

fn place_of(name: &str) -> Option<(usize, i64)> {
    let (tier, number) = name.split_once('-')?;
    let tier = (0..COUNT).find(|index| TIERS[*index].name == tier)?;
    Some((tier, number.parse().ok()?))
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

//! Opening: who there is, and what the rings held before.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use fjall::{Guard, UserKey, UserValue};
use keiki_model::histogram::{Distribution, Exponential};
use keiki_model::series::{Sample, Value};
use keiki_model::time::{Millis, REVISION};
use parking_lot::{Mutex, RwLock};

use super::chunk::Body;
use super::dictionary::{self, Dictionary, Entry};
use super::disk::{Disk, DiskError, is_damage};
use super::journal::{Read, replay};
use super::read::Look;
use super::tier::TIERS;
use super::work::Worker;
use super::{History, HistorySettings, Timed};
use crate::source::SourceId;
use crate::state::LEAP;

/// A sample of before, and who had sent it.
pub(crate) struct Restored {
    pub(crate) sample: Sample,
    pub(crate) source: SourceId,
}

impl History {
    /// Opens the folder, and hands over what belongs into the rings: of each series in order of time. `window` is how
    /// far back they reach.
    ///
    /// A folder that the engine cannot open is put aside, under a name that says so, and a new one begun.
    pub(crate) fn open(
        settings: HistorySettings,
        now: Millis,
        window: Millis,
        take: &mut dyn FnMut(Restored),
    ) -> Result<Self, DiskError> {
        let disk = match Disk::open(&settings.path) {
            Err(DiskError::Engine(path, error)) if is_damage(&error) => {
                put_aside(&path, now, &error).map_err(|error| DiskError::Engine(path.clone(), error.into()))?;
                Disk::open(&path)?
            }
            opened => opened?,
        };
        let history = Self {
            dictionary: RwLock::new(Dictionary::new(settings.series)),
            disk: RwLock::default(),
            closed: std::array::from_fn(|_| AtomicI64::new(0)),
            rewinds: 0.into(),
            worker: Mutex::new(Worker::default()),
            is_open: true.into(),
            failing: Mutex::new(None),
            lost: 0.into(),
            corrupt: 0.into(),
            writes: Timed::default(),
            reads: Timed::default(),
            bytes: 0.into(),
            written: Default::default(),
            settings,
        };
        let engine = |error| DiskError::Engine(history.settings.path.clone(), error);
        history.read_closed(&disk, now).map_err(engine)?;
        history.read_dictionary(&disk).map_err(engine)?;
        history.read_records(&disk, now - window, take);
        history.read_journal(&disk, take).map_err(engine)?;
        history.bytes.store(disk.size().map_err(engine)?, Ordering::Relaxed);
        *history.disk.write() = Some(Arc::new(disk));
        Ok(history)
    }

    /// Up to when records are written. In a new folder that is the start of the present stretch.
    fn read_closed(&self, disk: &Disk, now: Millis) -> fjall::Result<()> {
        let mut below = now - REVISION;
        for (index, tier) in TIERS.iter().enumerate() {
            let closed = match disk.closed(index)? {
                // Written by a clock that was wrong, and since set right: what comes now has its place again.
                Some(closed) if closed <= now + LEAP => closed,
                _ => {
                    let closed = tier.chunk_of(below);
                    let mut batch = disk.batch();
                    disk.put_closed(&mut batch, index, closed);
                    batch.commit()?;
                    closed
                }
            };
            self.closed[index].store(closed, Ordering::Release);
            below = closed;
        }
        Ok(())
    }

    fn read_dictionary(&self, disk: &Disk) -> fjall::Result<()> {
        let newest = self.closed(0) + TIERS[0].chunk;
        // No tier keeps anything older: what had this number is gone before another series gets it.
        let kept = TIERS
            .iter()
            .zip(self.settings.keep)
            .map(|(tier, keep)| keep + 2 * tier.period);
        let oldest = newest - kept.max().unwrap_or_default();
        let mut dictionary = self.dictionary.write();
        let (mut gone, mut highest) = (Vec::new(), None);
        for found in disk.series.iter() {
            let Some((key, value)) = self.found("series", found)? else {
                break;
            };
            let read = keyed(&key).and_then(|key| {
                let number = u32::from_be_bytes(key);
                highest = highest.max(Some(number));
                dictionary::decode(number, &value, newest).map_err(|error| error.to_string())
            });
            match read {
                Ok(entry) if entry.last < oldest => gone.push(entry.number),
                Ok(entry) => dictionary.insert(entry),
                Err(error) => self.note_corrupt("series", &error),
            }
        }
        // The largest number stays known, so that no number is ever another series'. It is also that of a part which
        // cannot be read.
        if let Some(last) = disk.series.last_key_value() {
            let last = keyed(&last.key()?);
            highest = highest.max(last.ok().map(u32::from_be_bytes));
        }
        gone.retain(|number| Some(*number) != highest);
        dictionary.begin_after(highest);
        for number in gone {
            if let Err(error) = disk.series.remove(number.to_be_bytes()) {
                self.note_corrupt("series", &error);
            }
        }
        Ok(())
    }

    /// What records of the finest tier hold since a time.
    fn read_records(&self, disk: &Disk, from: Millis, take: &mut dyn FnMut(Restored)) {
        let closed = self.closed(0);
        if closed <= from {
            return;
        }
        let look = Look::of_records(self, disk);
        for entry in self.dictionary.read().iter().filter(|entry| entry.last >= from) {
            look.records(0, entry.number, from, closed, |times, body| {
                let times = times.iter().copied();
                let mut give = |time: Millis, value: Value| {
                    if time >= from {
                        take(restored(entry, time, value));
                    }
                };
                match body {
                    Body::Samples(values) => times
                        .zip(values)
                        .for_each(|(time, value)| give(time, Value::Number(value))),
                    Body::Counts(all) => times
                        .zip(all.iter())
                        .for_each(|(time, one)| give(time, distribution(one.map(Distribution::from)))),
                    Body::Rows(_) => self.note_corrupt("records", &"slots where samples belong"),
                }
            });
        }
        // The rings do without it: on disk it stays.
        if let Err(error) = look.whole() {
            self.note_corrupt("records", &error);
        }
    }

    /// What was appended after the newest record.
    fn read_journal(&self, disk: &Disk, take: &mut dyn FnMut(Restored)) -> fjall::Result<()> {
        let closed = self.closed(0);
        let mut worker = self.worker.lock();
        let dictionary = self.dictionary.read();
        for found in disk.journal.iter() {
            let Some((key, value)) = self.found("journal", found)? else {
                break;
            };
            let read = keyed(&key).and_then(|key| {
                let number = u64::from_be_bytes(key);
                worker.next = worker.next.max(number + 1);
                let newest = replay(&value, |series, time, value| {
                    let Some(entry) = dictionary.get(series).filter(|_| time >= closed) else {
                        return;
                    };
                    let value = match value {
                        Read::Number(value) => Value::Number(value),
                        Read::Distribution(value) => distribution(value),
                    };
                    take(restored(entry, time, value));
                });
                Ok((number, newest.map_err(|error| error.to_string())?))
            });
            match read {
                Ok(written) => worker.written.push_back(written),
                Err(error) => self.note_corrupt("journal", &error),
            }
        }
        Ok(())
    }

    /// What an iterator of the engine's found; `None` where it is broken: what comes after is not to be had, and the
    /// engine might say so for ever. A disk that only does not answer is an error: what it holds is not to be lost.
    fn found(&self, what: &str, found: Guard) -> fjall::Result<Option<(UserKey, UserValue)>> {
        match found.into_inner() {
            Ok(found) => Ok(Some(found)),
            Err(error) if is_damage(&error) => {
                self.note_corrupt(what, &error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// A key of this length.
fn keyed<const N: usize>(key: &[u8]) -> Result<[u8; N], String> {
    key.try_into().map_err(|_| "a number of another length".to_owned())
}

fn restored(entry: &Entry, time: Millis, value: Value) -> Restored {
    Restored {
        sample: Sample {
            series: Arc::clone(&entry.series),
            time,
            value,
        },
        source: entry.source.clone(),
    }
}

fn distribution(one: Option<Distribution>) -> Value {
    Value::Distribution(Box::new(one.unwrap_or_else(|| Exponential::new().into())))
}

/// Renames a folder that cannot be opened: nothing is deleted that somebody might still read.
fn put_aside(path: &Path, now: Millis, error: &fjall::Error) -> std::io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".damaged-{now}"));
    tracing::error!(
        "the history in {} cannot be opened ({error}); it is put aside as {} and a new one begun",
        path.display(),
        name.display()
    );
    std::fs::rename(path, name)
}

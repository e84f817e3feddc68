//! Opening: who there is, and what the rings held before.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use fjall::{Guard, UserKey, UserValue};
use keiki_model::histogram::{Distribution, Exponential};
use keiki_model::series::{Kind, Series};
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
use crate::stored::Ring;

/// Of how many series one thread reads the records at a time: a few milliseconds' worth.
const PART: usize = 64;

/// How many samples of the journal are put into the rings at once, some thirty megabytes: a hundred of each of ten thousand
/// series.
const BLOCK: usize = 1 << 20;

/// A series of before, who had sent it, and what its ring held.
pub(crate) struct Restored {
    pub(crate) series: Arc<Series>,
    pub(crate) source: SourceId,
    pub(crate) ring: Ring,
}

/// The ring of a series, which is filled again if anything belongs into it.
struct Refilled {
    number: u32,
    kind: Kind,
    ring: Option<Ring>,
}

/// The rings of some neighbours in the order of their numbers, of which one thread reads the records.
struct PartOfRings<'a> {
    history: &'a History,
    rings: &'a mut [Refilled],
    /// How far back they reach.
    from: Millis,
}

/// A sample of the journal.
struct Journaled {
    series: u32,
    time: Millis,
    value: Read,
}

impl History {
    /// Opens the folder, and hands over what belongs into the rings. `window` is how far back they reach.
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
            kept: std::array::from_fn(|_| AtomicI64::new(Millis::MIN)),
            rewinds: 0.into(),
            seam: RwLock::default(),
            edition: 0.into(),
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
        let empty = |entry: &Entry| Refilled {
            number: entry.number,
            kind: entry.series.kind(),
            ring: None,
        };
        let mut rings: Vec<Refilled> = history.dictionary.read().entries().map(empty).collect();
        history.read_records(&disk, now - window, &mut rings);
        history.read_journal(&disk, &mut rings).map_err(engine)?;
        history.find_late(&disk, now);
        on_two_threads(rings.chunks_mut(PART), |part| {
            let rings = part.iter_mut().filter_map(|one| one.ring.as_mut());
            rings.for_each(Ring::complete);
        });
        for (entry, Refilled { ring, .. }) in history.dictionary.read().entries().zip(rings) {
            if let Some(ring) = ring {
                take(Restored {
                    series: Arc::clone(&entry.series),
                    source: entry.source.clone(),
                    ring,
                });
            }
        }
        history.bytes.store(disk.size().map_err(engine)?, Ordering::Relaxed);
        *history.disk.write() = Some(Arc::new(disk));
        Ok(history)
    }

    /// Up to when records are written. In a new folder that is the start of the present stretch.
    fn read_closed(&self, disk: &Disk, now: Millis) -> fjall::Result<()> {
        let mut below = now - REVISION;
        for (index, tier) in TIERS.iter().enumerate() {
            let mut kept = disk.kept(index)?;
            let closed = match disk.closed(index)? {
                // Else the clock was wrong and has since been set right, or is wrong now: what comes now has its place again.
                Some(closed) if closed <= now + LEAP => closed,
                before => {
                    let closed = tier.chunk_of(below);
                    let mut batch = disk.batch();
                    if before > kept {
                        kept = before;
                        disk.put_kept(&mut batch, index, before.unwrap_or_default());
                    }
                    disk.put_closed(&mut batch, index, closed);
                    batch.commit()?;
                    closed
                }
            };
            self.closed[index].store(closed, Ordering::Release);
            self.kept[index].store(kept.unwrap_or(Millis::MIN), Ordering::Release);
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
        dictionary.begin_at(disk.numbers()?);
        for number in gone {
            if let Err(error) = disk.series.remove(number.to_be_bytes()) {
                self.note_corrupt("series", &error);
            }
        }
        Ok(())
    }

    /// What records of the finest tier hold since a time.
    fn read_records(&self, disk: &Disk, from: Millis, rings: &mut [Refilled]) {
        let closed = self.closed(0);
        if closed <= from {
            return;
        }
        on_two_threads(rings.chunks_mut(PART), |rings| {
            let mut part = PartOfRings {
                history: self,
                rings,
                from,
            };
            let look = Look::of_records(self, disk);
            part.read(&look, closed);
            // The rings do without what is missing: on disk it stays.
            if let Err(error) = look.whole() {
                self.note_corrupt("records", &error);
            }
        });
    }

    /// What was appended after the newest record.
    fn read_journal(&self, disk: &Disk, rings: &mut [Refilled]) -> fjall::Result<()> {
        let closed = self.closed(0);
        let mut worker = self.worker.lock();
        let mut block = Vec::new();
        for found in disk.journal.iter() {
            let Some((key, value)) = self.found("journal", found)? else {
                break;
            };
            let read = keyed(&key).and_then(|key| {
                let number = u64::from_be_bytes(key);
                worker.next = worker.next.max(number + 1);
                let newest = replay(&value, |series, time, value| {
                    if time >= closed {
                        block.push(Journaled { series, time, value });
                    }
                });
                Ok((number, newest.map_err(|error| error.to_string())?))
            });
            match read {
                Ok(written) => worker.written.push_back(written),
                Err(error) => self.note_corrupt("journal", &error),
            }
            if block.len() >= BLOCK {
                put_block(&mut block, rings);
            }
        }
        put_block(&mut block, rings);
        Ok(())
    }

    /// Where late samples wait for their place. Those that cannot be read now are no reason not to start: they are met
    /// again by who puts them there.
    fn find_late(&self, disk: &Disk, now: Millis) {
        let mut worker = self.worker.lock();
        for found in disk.late_from(0) {
            let Ok(((_, stretch, number), _)) = found else {
                worker.late.found_some(now - self.settings.keep[0], now);
                break;
            };
            worker.late.found(stretch, number);
        }
    }

    /// What an iterator of the engine's found; `None` where it is broken: what comes after is not to be had, and the
    /// engine might say so for ever. A disk that only does not answer is an error: what it holds is not to be lost.
    pub(super) fn found(&self, what: &str, found: Guard) -> fjall::Result<Option<(UserKey, UserValue)>> {
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

impl PartOfRings<'_> {
    fn read(&mut self, look: &Look<'_>, closed: Millis) {
        let (Some(first), Some(last)) = (self.rings.first(), self.rings.last()) else {
            return;
        };
        let numbers = first.number..last.number.saturating_add(1);
        let scanned = look.scan(numbers, self.from, closed, |number, times, body| {
            if let Ok(place) = self.rings.binary_search_by_key(&number, |one| one.number) {
                self.put(place, times, body);
            }
        });
        if scanned.is_err() {
            // All but what is broken: the others lie behind it.
            for place in 0..self.rings.len() {
                self.rings[place].ring = None;
                let number = self.rings[place].number;
                look.records(0, number, self.from, closed, |times, body| self.put(place, times, body));
            }
        }
    }

    fn put(&mut self, place: usize, times: &[Millis], body: Body) {
        let Refilled { kind, ring, .. } = &mut self.rings[place];
        let first = times.partition_point(|time| *time < self.from);
        let ring = ring.get_or_insert_with(|| Ring::new(*kind));
        match body {
            Body::Samples(values) => ring.put_numbers(&times[first..], &values[first..]),
            Body::Counts(all) => {
                for (time, one) in times.iter().zip(all.iter()).skip(first) {
                    ring.put_distribution(*time, boxed(one.map(|one| Box::new(one.into()))));
                }
            }
            Body::Rows(_) => self.history.note_corrupt("records", &"slots where samples belong"),
        }
    }
}

/// Does a piece of work for each of these: either of two threads takes what comes next.
fn on_two_threads<T: Send>(all: impl Iterator<Item = T> + Send, work: impl Fn(T) + Sync) {
    let all = Mutex::new(all);
    let next = || all.lock().next();
    let run = || {
        while let Some(one) = next() {
            work(one);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(run);
        run();
    });
}

/// Puts what was read of the journal into the rings, series by series: it came second by second, and to go from ring to ring
/// for each sample would take most of the time of opening.
fn put_block(block: &mut Vec<Journaled>, rings: &mut [Refilled]) {
    // Each second is in the order of series already, and equal ones stay in the order of time.
    block.sort_by_key(|one| one.series);
    let middle = block.get(block.len() / 2).map_or(0, |one| one.series);
    let later = block.split_off(block.partition_point(|one| one.series < middle));
    let (low, high) = rings.split_at_mut(rings.partition_point(|one| one.number < middle));
    std::thread::scope(|scope| {
        scope.spawn(|| put_sorted(later.into_iter(), high));
        put_sorted(block.drain(..), low);
    });
}

/// Puts samples in the order of their series into the rings of these.
fn put_sorted(samples: impl Iterator<Item = Journaled>, rings: &mut [Refilled]) {
    let mut rings = rings.iter_mut().peekable();
    let (mut times, mut values) = (Vec::new(), Vec::new());
    let mut samples = samples.peekable();
    while let Some(Journaled { series, time, value }) = samples.next() {
        while rings.next_if(|one| one.number < series).is_some() {}
        let Some(Refilled { kind, ring, .. }) = rings.peek_mut().filter(|one| one.number == series) else {
            continue;
        };
        let ring = ring.get_or_insert_with(|| Ring::new(*kind));
        match value {
            Read::Number(value) => {
                times.push(time);
                values.push(value);
            }
            Read::Distribution(value) => ring.put_distribution(time, boxed(value)),
        }
        if samples.peek().is_none_or(|next| next.series != series) {
            ring.put_numbers(&times, &values);
            times.clear();
            values.clear();
        }
    }
}

/// Of one in which nothing happened the make is not kept.
fn boxed(one: Option<Box<Distribution>>) -> Box<Distribution> {
    one.unwrap_or_else(|| Box::new(Exponential::new().into()))
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

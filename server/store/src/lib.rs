//! The store: the newest quarter of an hour of every series in memory, and months of it on disk.
//!
//! It knows no metric by name. Sources append samples through the [`Store`] handle; the query engine reads the newest
//! through [`Store::read`] and the past through [`Store::past`], both as the same [`Stored`] series. That is the whole
//! interface. What is on disk, and why it lies as it does: [`history`].

mod changes;
mod distributions;
mod histogram;
pub mod history;
mod reject;
mod scalar;
mod slide;
mod source;
mod state;
mod stored;
mod stretch;
mod times;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use keiki_model::series::{HOST_NAME, SERVICE_NAME, Sample};
use keiki_model::time::{Millis, SECOND};

pub use changes::Changes;
pub use histogram::Histograms;
use history::{DiskError, EventId, History, HistorySettings, HistoryStats, Journal, Overload, Past, Remembered};
pub use reject::{Reason, Rejections};
pub use scalar::{Folds, Scalars};
use source::Ranks;
pub use source::{SourceClass, SourceId};
use state::State;
pub use stored::{Ring, Stored};
pub use stretch::STRETCH;
use times::Times;

/// The `service_name` under which Keiki reports itself.
pub const KEIKI: &str = "keiki";

/// How far in the future a sample may be, milliseconds: clocks of other machines are never quite the same.
pub const FUTURE: Millis = 5 * SECOND;

/// How often ended series are looked for, milliseconds.
const SWEEP: Millis = 10 * SECOND;

/// How many samples are appended under one hold of the lock, about a millisecond's worth: readers wait no longer.
const BATCH: usize = 4_096;

/// The bounds that keep a runaway sender from taking all memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many series there may be.
    pub series: usize,
    /// How many series one metric may have.
    pub series_per_metric: usize,
    /// How many labels a series may have.
    pub labels: usize,
    /// How long a name or a value may be, bytes.
    pub label_bytes: usize,
    /// How far back samples are kept, milliseconds.
    pub window_ms: Millis,
    /// Whether the clock of [`Store::append`] is one that only goes on. Where it is set back all the same, what was
    /// stored stays, and samples are refused until it has caught up; without this, it begins anew.
    pub one_clock: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            series: 50_000,
            series_per_metric: 10_000,
            labels: 32,
            label_bytes: 1_024,
            window_ms: 900 * SECOND,
            one_clock: false,
        }
    }
}

/// What became of appended samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// How many were kept.
    pub accepted: u64,
    /// How many were not, and why.
    pub rejected: Rejections,
}

/// How full the store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreStats {
    /// Series that have samples.
    pub series: usize,
    /// Samples kept since the start.
    pub samples_total: u64,
    /// Samples not kept since the start.
    pub rejected: Rejections,
    /// An estimate of the memory taken, bytes; renewed every ten seconds.
    pub bytes_estimate: usize,
}

/// Two sources that tell of the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contest {
    /// The metric.
    pub metric: String,
    /// Of whom.
    pub subject: String,
    /// Who is believed.
    pub winner: SourceId,
    /// Who is not.
    pub loser: SourceId,
}

/// The samples of all series. Cheap to clone; all clones are one store.
#[derive(Clone, Debug)]
pub struct Store {
    // One lock over everything. A lock per series would cost every sample two atomic operations and give a reader
    // series of different moments; a writer holds this one for a batch, a reader for one panel, both about a
    // millisecond at the most. The standard lock lets waiting writers pass new readers, so that viewers can't stop the
    // sources.
    state: Arc<RwLock<State>>,
    history: Option<Arc<History>>,
}

impl history::Rings for Arc<RwLock<State>> {
    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&RwLock::read(self).unwrap_or_else(PoisonError::into_inner))
    }

    fn take_late(&self) -> history::Late {
        self.write().unwrap_or_else(PoisonError::into_inner).take_late()
    }

    fn journal<T>(&self, take: impl FnOnce(&mut Journal) -> T) -> T {
        let mut state = self.write().unwrap_or_else(PoisonError::into_inner);
        match state.journal() {
            Some(journal) => take(journal),
            None => take(&mut Journal::default()),
        }
    }
}

impl Store {
    /// An empty store that believes sources in the usual order.
    pub fn new(limits: Limits) -> Self {
        Self::with_priority(limits, &SourceClass::BY_TRUST)
    }

    /// An empty store that believes sources in this order. Classes that it leaves out come last.
    pub fn with_priority(limits: Limits, priority: &[SourceClass]) -> Self {
        Self {
            state: Arc::new(RwLock::new(State::new(limits, Ranks::new(priority)))),
            history: None,
        }
    }

    /// A store with a past: what its folder holds of the newest quarter of an hour is in memory again.
    ///
    /// # Errors
    /// The folder is another process's, of a newer Keiki, or cannot be read or written.
    pub fn open(
        limits: Limits,
        priority: &[SourceClass],
        settings: HistorySettings,
        now: Millis,
    ) -> Result<Self, DiskError> {
        let mut store = Self::with_priority(limits, priority);
        let window = limits.window_ms + stored::SLACK;
        let history = {
            let mut state = store.write();
            let history = History::open(settings, now, window, &mut |restored| state.restore(restored))?;
            let history = Arc::new(history);
            state.keep_in(&history);
            history
        };
        store.history = Some(Arc::clone(&history));
        // What the rings are about to forget is written first.
        while history.is_behind(now - limits.window_ms) && history.tend(now, &store.state) {}
        store.sweep(now);
        Ok(store)
    }

    /// Writes what has been appended, and does a bounded piece of what else is due for the history: to be called a few
    /// times a second, by one thread that may wait for a disk. `true` if there is more to do at once.
    pub fn tend(&self, now: Millis) -> bool {
        self.history
            .as_ref()
            .is_some_and(|history| history.tend(now, &self.state))
    }

    /// Makes all that has been appended survive even the loss of power: before the process ends.
    pub fn flush(&self, now: Millis) {
        if let Some(history) = &self.history {
            history.flush(now, &self.state);
        }
    }

    /// The series of these metrics over any stretch of time; a store without a history has only its newest samples.
    /// Reads from disk: not for a thread that must not wait.
    ///
    /// # Errors
    /// More would be read than `past` allows.
    pub fn past(&self, metrics: &[&str], past: &Past<'_>) -> Result<Reader<'static>, Overload> {
        let series = match &self.history {
            Some(history) => history.past(metrics, past, &self.state)?,
            None => BTreeMap::new(),
        };
        let reader = self.read();
        let View::Live(state) = &reader.view else {
            unreachable!("a store is read as it is now")
        };
        let about = |metric: &&str| {
            let source = state.metrics.get(*metric).map(|metric| metric.source.clone());
            (Box::from(*metric), source)
        };
        Ok(Reader {
            view: View::Past {
                series,
                sources: metrics.iter().map(about).collect(),
                ranks: state.ranks,
            },
        })
    }

    /// The length of the finest slots that are still kept of a time, milliseconds; `None` where only the newest quarter
    /// of an hour is.
    pub fn finest(&self, time: Millis, now: Millis) -> Option<Millis> {
        self.history.as_ref().map(|history| history.finest(time, now))
    }

    /// Counts the changes of the past: late samples were put into their place.
    pub fn edition(&self) -> u64 {
        self.history.as_ref().map_or(0, |history| history.edition())
    }

    /// Keeps events for good, or drops those that have no body; `false` where there is no history or its disk fails. What
    /// an event says is not the store's business. Waits for the disk.
    pub fn put_events(&self, events: &[(EventId, Option<Vec<u8>>)]) -> bool {
        self.history.as_ref().is_some_and(|history| history.put_events(events))
    }

    /// The events that are kept, in order of time.
    pub fn events(&self) -> Vec<(EventId, Vec<u8>)> {
        self.history.as_ref().map_or_else(Vec::new, |history| history.events())
    }

    /// The names of all metrics of which the history keeps something, in no order.
    pub fn remembered_names(&self) -> Vec<String> {
        self.history.as_ref().map_or_else(Vec::new, |history| history.names())
    }

    /// How many series of a metric the history knows, and the first so many of them.
    pub fn remembered(&self, metric: &str, most: usize) -> (usize, Vec<Remembered>) {
        self.history
            .as_ref()
            .map_or_else(Default::default, |history| history.remembered(metric, most))
    }

    /// What the history does; `None` without one.
    pub fn history(&self) -> Option<HistoryStats> {
        self.history.as_ref().map(|history| history.stats())
    }

    /// Keeps samples, and counts those it cannot keep. `now` is the wall clock: samples up to [`FUTURE`] ahead and up to
    /// [`REVISION`](keiki_model::time::REVISION) back are taken in their place; one of the same time replaces the older.
    /// What is later than that, up to [`HistorySettings::late`], goes to the history alone, where what is there stays.
    pub fn append(&self, source: &SourceId, samples: Vec<Sample>, now: Millis) -> Appended {
        let mut appended = Appended::default();
        let mut samples = samples.into_iter();
        while samples.len() > 0 {
            let mut state = self.write();
            let mut rejected = Rejections::default();
            for sample in samples.by_ref().take(BATCH) {
                match state.append(source, sample, now) {
                    Ok(()) => appended.accepted += 1,
                    Err(reason) => rejected.count(reason),
                }
            }
            state.rejected.add(&rejected);
            appended.rejected.add(&rejected);
        }
        self.write().sweep(now, SWEEP);
        appended
    }

    /// Drops the series that have ended. [`Store::append`] does so by itself; this is for when nothing is appended.
    pub fn sweep(&self, now: Millis) {
        self.write().sweep(now, 0);
    }

    /// The series at this moment. Writers wait until the reader is dropped: keep it for one panel, never across an await.
    pub fn read(&self) -> Reader<'_> {
        // Nothing is left half-done by a panic between two samples, so a poisoned lock guards a sound state.
        Reader {
            view: View::Live(self.state.read().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The values that a label has, sorted.
    pub fn label_values(&self, label: &str) -> Vec<String> {
        let state = self.state();
        let index = match label {
            SERVICE_NAME => &state.services,
            HOST_NAME => &state.hosts,
            _ => {
                let values = state
                    .series
                    .iter()
                    .flatten()
                    .filter_map(|stored| stored.series.labels().get(label));
                let values: std::collections::BTreeSet<_> = values.collect();
                return values.into_iter().map(str::to_owned).collect();
            }
        };
        index.keys().map(|value| value.clone().into_string()).collect()
    }

    /// What several classes of sources tell of one subject: the metric, the subject, who is believed and who is not. `subject`
    /// names the label that tells of whom a metric is.
    pub fn contests(&self, subject: impl Fn(&str) -> &'static str) -> Vec<Contest> {
        let state = self.state();
        let mut found = Vec::new();
        for (name, metric) in state.contested() {
            let label = subject(name);
            let mut by_subject: BTreeMap<&str, BTreeMap<u8, &SourceId>> = BTreeMap::new();
            for stored in metric.ids.iter().filter_map(|&id| state.series[id as usize].as_ref()) {
                let of = stored.series().labels().get(label).unwrap_or_default();
                let rank = state.ranks.of(stored.source().class());
                by_subject.entry(of).or_default().insert(rank, stored.source());
            }
            for (of, sources) in by_subject {
                let mut sources = sources.into_values();
                let Some(winner) = sources.next() else { continue };
                found.extend(sources.map(|loser| Contest {
                    metric: name.to_owned(),
                    subject: of.to_owned(),
                    winner: winner.clone(),
                    loser: loser.clone(),
                }));
            }
        }
        found
    }

    /// How full the store is.
    pub fn stats(&self) -> StoreStats {
        let state = self.state();
        StoreStats {
            series: state.len(),
            samples_total: state.samples_total,
            rejected: state.rejected,
            bytes_estimate: state.bytes,
        }
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The series at one moment, or of a stretch of the past.
pub struct Reader<'a> {
    view: View<'a>,
}

enum View<'a> {
    Live(RwLockReadGuard<'a, State>),
    Past {
        series: BTreeMap<Box<str>, Vec<Stored>>,
        /// The source that last began a series of each metric.
        sources: BTreeMap<Box<str>, Option<SourceId>>,
        ranks: Ranks,
    },
}

impl Reader<'static> {
    /// A past in which nothing was.
    pub fn empty() -> Self {
        Self {
            view: View::Past {
                series: BTreeMap::new(),
                sources: BTreeMap::new(),
                ranks: Ranks::new(&[]),
            },
        }
    }
}

impl Reader<'_> {
    /// All series of a metric, in order of birth: those that bear its name, and those that came under it and are read
    /// by another.
    pub fn series(&self, metric: &str) -> impl Iterator<Item = &Stored> {
        let (live, past) = match &self.view {
            View::Live(state) => {
                let ids = state.metrics.get(metric).map_or(&[][..], |metric| &metric.ids);
                let others = state.origins.get(metric).map_or(&[][..], Vec::as_slice);
                let all = ids.iter().chain(others);
                (Some(all.filter_map(|&id| state.series[id as usize].as_ref())), None)
            }
            View::Past { series, .. } => (None, series.get(metric)),
        };
        live.into_iter().flatten().chain(past.into_iter().flatten())
    }

    /// The names of all metrics, sorted: those that series bear, and those that they came under.
    pub fn names(&self) -> std::collections::BTreeSet<&str> {
        match &self.view {
            View::Live(state) => {
                let own = state.metrics.iter().filter(|(_, metric)| !metric.ids.is_empty());
                let own = own.map(|(name, _)| &**name);
                own.chain(state.origins.keys().map(|name| &**name)).collect()
            }
            View::Past { series, .. } => series.keys().map(|name| &**name).collect(),
        }
    }

    /// Whether a metric has a series of another service than Keiki itself.
    pub fn has_foreign(&self, metric: &str) -> bool {
        match &self.view {
            View::Live(state) => state.has_foreign(metric),
            View::Past { .. } => self.series(metric).any(|stored| state::is_foreign(stored.series())),
        }
    }

    /// When the distributions of a metric changed; `None` for a metric that has none, for one that several classes
    /// of sources feed, of which a query takes now these and now those, and for the past.
    pub fn changes(&self, metric: &str) -> Option<&Changes> {
        match &self.view {
            View::Live(state) => state.metrics.get(metric)?.changes(),
            View::Past { .. } => None,
        }
    }

    /// The source that last began a series of a metric, also after that series ended.
    pub fn last_source(&self, metric: &str) -> Option<&SourceId> {
        match &self.view {
            View::Live(state) => state.metrics.get(metric).map(|metric| &metric.source),
            View::Past { sources, .. } => sources.get(metric)?.as_ref(),
        }
    }

    /// How far a class is believed; 0 comes first.
    pub fn rank(&self, class: SourceClass) -> u8 {
        match &self.view {
            View::Live(state) => state.ranks.of(class),
            View::Past { ranks, .. } => ranks.of(class),
        }
    }
}

/// What of a ring to forget.
#[derive(Clone, Copy, Debug)]
struct Trim {
    /// Samples before this have left the window.
    before: Millis,
    /// Samples after this are of a clock that has since been set back.
    after: Millis,
}

impl Trim {
    const NOTHING: Self = Self {
        before: Millis::MIN,
        after: Millis::MAX,
    };

    /// How many of all samples to keep at first, and how many of those then to drop at the front; `None` if there is
    /// nothing to do, as nearly always but once per sample of a full ring.
    fn bounds(&self, times: &Times) -> Option<(usize, usize)> {
        let (first, last) = (times.first()?, times.last()?);
        if first >= self.before && last <= self.after {
            return None;
        }
        let kept = if last > self.after {
            times.lower_bound(self.after + 1)
        } else {
            times.len()
        };
        Some((kept, times.lower_bound(self.before).min(kept)))
    }
}

#[cfg(test)]
mod tests;

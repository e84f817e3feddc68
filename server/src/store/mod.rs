//! The store: the newest quarter of an hour of every series, in memory.
//!
//! It knows no metric by name. Sources append samples through the [`Store`] handle; the query engine reads series through
//! [`Store::read`]. That is the whole interface: what makes samples durable comes behind it.

mod changes;
mod histogram;
mod reject;
mod scalar;
mod slide;
mod source;
mod state;
mod stored;
mod stretch;
mod times;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use keiki_model::series::{HOST_NAME, SERVICE_NAME, Sample};
use keiki_model::time::{Millis, SECOND};

pub use changes::Changes;
pub use histogram::Histograms;
pub use reject::{Reason, Rejections};
pub use scalar::Scalars;
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
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            series: 50_000,
            series_per_metric: 10_000,
            labels: 32,
            label_bytes: 1_024,
            window_ms: 900 * SECOND,
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

/// The samples of all series. Cheap to clone; all clones are one store.
#[derive(Clone, Debug)]
pub struct Store {
    // One lock over everything. A lock per series would cost every sample two atomic operations and give a reader
    // series of different moments; a writer holds this one for a batch, a reader for one panel, both about a
    // millisecond at the most. The standard lock lets waiting writers pass new readers, so that viewers can't stop the
    // sources.
    state: Arc<RwLock<State>>,
}

impl Store {
    /// An empty store that believes sources in the usual order.
    pub fn new(limits: Limits) -> Self {
        Self::with_priority(limits, &SourceClass::ALL)
    }

    /// An empty store that believes sources in this order. Classes that it leaves out come last.
    pub fn with_priority(limits: Limits, priority: &[SourceClass]) -> Self {
        Self {
            state: Arc::new(RwLock::new(State::new(limits, Ranks::new(priority)))),
        }
    }

    /// Keeps samples, and counts those it cannot keep. `now` is the wall clock: samples up to [`FUTURE`] ahead and up to
    /// [`REVISION`](keiki_model::time::REVISION) back are taken in their place; one of the same time replaces the older.
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
            state: self.state.read().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// The values that a label has, sorted.
    pub fn label_values(&self, label: &str) -> Vec<String> {
        let reader = self.read();
        let state = &*reader.state;
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

    /// How full the store is.
    pub fn stats(&self) -> StoreStats {
        let reader = self.read();
        let state = &*reader.state;
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

/// The series at one moment.
pub struct Reader<'a> {
    state: RwLockReadGuard<'a, State>,
}

impl Reader<'_> {
    /// All series of a metric, in order of birth.
    pub fn series(&self, metric: &str) -> impl Iterator<Item = &Stored> {
        let ids = self.state.metrics.get(metric).map_or(&[][..], |metric| &metric.ids);
        ids.iter().filter_map(|&id| self.state.series[id as usize].as_ref())
    }

    /// Whether a metric has a series of another service than Keiki itself.
    pub fn has_foreign(&self, metric: &str) -> bool {
        self.state.has_foreign(metric)
    }

    /// When the distributions of a metric changed; `None` for a metric that has none, and for one that several classes
    /// of sources feed, of which a query takes now these and now those.
    pub fn changes(&self, metric: &str) -> Option<&Changes> {
        self.state.metrics.get(metric)?.changes()
    }

    /// The source that last began a series of a metric, also after that series ended.
    pub fn last_source(&self, metric: &str) -> Option<&SourceId> {
        self.state.metrics.get(metric).map(|metric| &metric.source)
    }

    /// How far a class is believed; 0 comes first.
    pub fn rank(&self, class: SourceClass) -> u8 {
        self.state.ranks.of(class)
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

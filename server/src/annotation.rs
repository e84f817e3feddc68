//! What happened: deployments, runs and notes that people and their programs tell, Keiki's own starts, and where the
//! machine's clock was set. Drawn as marks through all charts.
//!
//! They are few, and all in memory; the store's history keeps them over a restart.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use keiki_model::frame::{Annotation, AnnotationKind};
use keiki_model::time::{Millis, SECOND};
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};

use crate::clock::{Clock, SystemClock};
use crate::store::Store;
use crate::store::history::EventId;

/// The longest text, characters.
pub const LONGEST_TEXT: usize = 200;
/// The most that one view shows, the newest ones, and what was told before what Keiki found: of more, charts would show
/// nothing else.
const MOST_SHOWN: usize = 100;
/// How many are written at once.
const WRITTEN: usize = 1_000;
/// A clock that moved by so much against the time since the machine's start was set. Less is the slewing of a time service.
const LEAP: Millis = 2 * SECOND;
/// How often the clock is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What is told of a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// Of what kind it is.
    pub kind: AnnotationKind,
    /// In its author's words.
    #[serde(default)]
    pub text: Arc<str>,
    /// Of which service; of none in particular where it is empty.
    #[serde(default)]
    pub service: String,
}

impl Told {
    /// Whether somebody told it, and Keiki did not find it by itself.
    fn is_told(&self) -> bool {
        AnnotationKind::TOLD.contains(&self.kind)
    }
}

/// All that is told. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Annotations(Arc<Inner>);

struct Inner {
    store: Store,
    limit: usize,
    all: RwLock<BTreeMap<EventId, Told>>,
    /// Those whose keeping or dropping the disk has not taken yet.
    unsaved: Mutex<BTreeSet<EventId>>,
    /// Held while they are written.
    saving: Mutex<()>,
    edition: AtomicU64,
    dropped: AtomicU64,
}

impl Annotations {
    /// What a store's history holds; at most `limit` are kept, the newest.
    pub fn open(store: Store, limit: usize) -> Self {
        let read = |(at, body): (EventId, Vec<u8>)| match serde_json::from_slice(&body) {
            Ok(told) => Some((at, told)),
            Err(error) => {
                tracing::warn!("an annotation cannot be read and is left out: {error}");
                None
            }
        };
        let all = store.events().into_iter().filter_map(read).collect();
        Self(Arc::new(Inner {
            store,
            limit,
            all: RwLock::new(all),
            unsaved: Mutex::default(),
            saving: Mutex::default(),
            edition: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        }))
    }

    /// Adds one; whether it outlives the process already is the answer's second part. `None` where there are as many as may
    /// be, all of them newer. May wait for the disk.
    pub fn add(&self, time: Millis, told: Told) -> Option<(EventId, bool)> {
        let mut changed = Vec::new();
        let (at, is_kept) = {
            let mut all = self.0.all.write();
            let last = all.range((time, 0)..=(time, u32::MAX)).next_back();
            let at = (time, last.map_or(0, |((_, number), _)| number + 1));
            all.insert(at, told);
            changed.push(at);
            while all.len() > self.0.limit {
                // A server that starts again and again must not displace what people told.
                let found = all.iter().find(|(_, told)| !told.is_told()).map(|(at, _)| *at);
                let Some(gone) = found.or_else(|| all.keys().next().copied()) else {
                    break;
                };
                all.remove(&gone);
                self.0.dropped.fetch_add(1, Ordering::Relaxed);
                changed.push(gone);
            }
            (at, all.contains_key(&at))
        };
        let is_saved = self.change(changed);
        is_kept.then_some((at, is_saved))
    }

    /// Takes one back; `None` where there is none that was told, else whether it stays so after the process.
    pub fn remove(&self, at: EventId) -> Option<bool> {
        {
            let mut all = self.0.all.write();
            all.get(&at).filter(|told| told.is_told())?;
            all.remove(&at);
        }
        Some(self.change(vec![at]))
    }

    fn change(&self, changed: Vec<EventId>) -> bool {
        self.0.edition.fetch_add(1, Ordering::Release);
        if self.0.store.history().is_none() {
            return false;
        }
        self.0.unsaved.lock().extend(changed);
        // While a disk hangs nobody else waits for it.
        self.0.saving.try_lock().is_some_and(|_alone| self.save())
    }

    /// Those of a stretch of time, oldest first.
    pub fn list(&self, stretch: Range<Millis>) -> Vec<(EventId, Told)> {
        let all = self.0.all.read();
        let found = all.range((stretch.start, 0)..(stretch.end.max(stretch.start), 0));
        found.map(|(at, told)| (*at, told.clone())).collect()
    }

    /// Those of a stretch of time that concern these services, or all where none is named.
    pub fn within(&self, stretch: Range<Millis>, services: &[String]) -> Vec<Annotation> {
        let mut found = self.list(stretch);
        found.retain(|(_, told)| services.is_empty() || told.service.is_empty() || services.contains(&told.service));
        if found.len() > MOST_SHOWN {
            found.sort_by_key(|(at, told)| (told.is_told(), *at));
            found.drain(..found.len() - MOST_SHOWN);
            found.sort_by_key(|(at, _)| *at);
        }
        let shown = found.into_iter();
        shown
            .map(|((time, number), told)| Annotation {
                time,
                number,
                kind: told.kind,
                text: told.text,
            })
            .collect()
    }

    /// Changes with each that comes or goes.
    pub fn edition(&self) -> u64 {
        self.0.edition.load(Ordering::Acquire)
    }

    /// How many there are, and how many gave way to newer ones.
    pub fn counts(&self) -> (usize, u64) {
        (self.0.all.read().len(), self.0.dropped.load(Ordering::Relaxed))
    }

    /// Gives the disk what it has not taken yet; `false` where it does not take all.
    fn save(&self) -> bool {
        loop {
            let due: Vec<EventId> = self.0.unsaved.lock().iter().take(WRITTEN).copied().collect();
            if due.is_empty() {
                return true;
            }
            let body = |at: &EventId| {
                let told = self.0.all.read().get(at).cloned();
                // Of plain fields; there is always a JSON form.
                told.and_then(|told| serde_json::to_vec(&told).ok())
            };
            let events: Vec<_> = due.iter().map(|at| (*at, body(at))).collect();
            if !self.0.store.put_events(&events) {
                return false;
            }
            // What changed meanwhile is written again.
            let mut unsaved = self.0.unsaved.lock();
            for (at, written) in events {
                if written.is_some() == self.0.all.read().contains_key(&at) {
                    unsaved.remove(&at);
                }
            }
        }
    }

    /// Marks where the clock is set, and keeps what a failing disk did not take, until it is aborted.
    pub async fn watch(self) {
        let mut clock = Hands::now();
        loop {
            tokio::time::sleep(LOOK).await;
            let now = Hands::now();
            let moved = now.moved(&clock);
            clock = now;
            let this = self.clone();
            let work = move || {
                if let Some(moved) = moved {
                    this.note_leap(clock.wall, moved);
                }
                if let Some(_alone) = this.0.saving.try_lock() {
                    this.save();
                }
            };
            // The disk may take its time. A panic in it has been told already.
            let _ = tokio::task::spawn_blocking(work).await;
        }
    }

    fn note_leap(&self, now: Millis, moved: Millis) {
        let seconds = moved as f64 / SECOND as f64;
        let text = format!("{seconds:+.0} s").replace('-', "\u{2212}");
        tracing::warn!("the machine's clock was set by {seconds:.1} s");
        self.add(
            now,
            Told {
                kind: AnnotationKind::ClockSet,
                text: text.into(),
                service: String::new(),
            },
        );
    }
}

/// Both of the machine's clocks at one moment.
#[derive(Clone, Copy)]
struct Hands {
    wall: Millis,
    /// The time since the machine started, while it slept, too.
    since_start: Millis,
}

impl Hands {
    fn now() -> Self {
        Self {
            wall: SystemClock.now(),
            since_start: since_start(),
        }
    }

    /// By how much the wall clock was set since an earlier moment.
    fn moved(&self, earlier: &Self) -> Option<Millis> {
        let moved = self.wall - earlier.wall - (self.since_start - earlier.since_start);
        (moved.abs() >= LEAP).then_some(moved)
    }
}

#[cfg(target_os = "linux")]
fn since_start() -> Millis {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    time.tv_sec * SECOND + time.tv_nsec / 1_000_000
}

/// Elsewhere a machine that slept looks as if its clock had been set.
#[cfg(not(target_os = "linux"))]
fn since_start() -> Millis {
    static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    Millis::try_from(START.elapsed().as_millis()).unwrap_or(Millis::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::history::HistorySettings;
    use crate::store::{Limits, SourceClass};

    const NOW: Millis = 1_763_800_000_000;

    fn note(text: &str, service: &str) -> Told {
        Told {
            kind: AnnotationKind::Note,
            text: text.into(),
            service: service.to_owned(),
        }
    }

    fn texts(annotations: &Annotations, services: &[&str]) -> Vec<String> {
        let services: Vec<_> = services.iter().map(|name| (*name).to_owned()).collect();
        let found = annotations.within(0..NOW * 2, &services);
        found.iter().map(|one| one.text.to_string()).collect()
    }

    #[test]
    fn they_outlive_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || {
            let settings = HistorySettings::new(folder.path());
            Store::open(Limits::default(), &SourceClass::ALL, settings, NOW).expect("a store")
        };
        let annotations = Annotations::open(open(), 10);
        assert_eq!(annotations.add(NOW, note("one", "")), Some(((NOW, 0), true)));
        assert_eq!(annotations.add(NOW, note("two", "shop")), Some(((NOW, 1), true)));
        annotations.add(NOW - SECOND, note("zero", "blog"));
        assert_eq!(texts(&annotations, &[]), ["zero", "one", "two"]);
        assert_eq!(texts(&annotations, &["shop"]), ["one", "two"]);
        assert_eq!(
            [annotations.remove((NOW, 0)), annotations.remove((NOW, 0))],
            [Some(true), None]
        );
        drop(annotations);
        let again = Annotations::open(open(), 10);
        assert_eq!(texts(&again, &[]), ["zero", "two"]);
    }

    #[test]
    fn what_was_told_stays_longest() {
        let annotations = Annotations::open(Store::new(Limits::default()), 3);
        let add = |time, told| annotations.add(time, told).map(|(_, is_durable)| is_durable);
        assert_eq!(add(NOW, note("0", "")), Some(false), "there is no history");
        for start in 1..20 {
            annotations.note_leap(NOW + start, start * 60_000);
        }
        add(NOW + 30, note("30", ""));
        assert_eq!(texts(&annotations, &[]), ["0", "+1140 s", "30"]);
        add(NOW + 40, note("40", ""));
        add(NOW + 50, note("50", ""));
        assert_eq!(texts(&annotations, &[]), ["30", "40", "50"]);
        assert_eq!(add(NOW + 10, note("10", "")), None, "all that are kept are newer");
        assert_eq!(annotations.counts(), (3, 21));
        // A mark of a wrong date does not age what is right.
        annotations.note_leap(NOW * 3, 5_000);
        assert_eq!(texts(&annotations, &[]), ["30", "40", "50"]);
    }

    #[test]
    fn a_hundred_are_shown_and_those_that_were_told_first() {
        let annotations = Annotations::open(Store::new(Limits::default()), 1_000);
        annotations.add(NOW, note("told", ""));
        for start in 1..300 {
            annotations.note_leap(NOW + start, 5_000);
        }
        let found = texts(&annotations, &[]);
        assert_eq!((found.len(), found[0].as_str()), (100, "told"));
    }

    #[test]
    fn what_keiki_found_is_not_taken_back() {
        let annotations = Annotations::open(Store::new(Limits::default()), 3);
        annotations.note_leap(NOW, -300_000);
        let found = annotations.within(0..NOW + 1, &[]);
        assert_eq!(
            (found[0].kind, &*found[0].text),
            (AnnotationKind::ClockSet, "\u{2212}300 s")
        );
        assert_eq!(annotations.remove((NOW, 0)), None);
    }

    #[test]
    fn a_clock_that_is_set_is_seen() {
        let at = |wall, seconds| Hands {
            wall,
            since_start: seconds * SECOND,
        };
        assert_eq!(at(NOW + 60_500, 60).moved(&at(NOW, 0)), None);
        assert_eq!(at(NOW - 299_000, 1).moved(&at(NOW, 0)), Some(-300_000));
        assert_eq!(at(NOW + 3_600_000, 0).moved(&at(NOW, 0)), Some(3_600_000));
    }
}

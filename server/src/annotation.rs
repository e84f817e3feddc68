//! What happened: deployments, runs and notes that people and their programs tell, Keiki's own starts, and where the
//! machine's clock was set. Drawn as marks through all charts.
//!
//! They are few, and all in memory; the store's history keeps them over a restart.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use keiki_model::frame::{Annotation, AnnotationKind};
use keiki_model::time::{Millis, SECOND};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

use crate::clock::{Clock, SystemClock};
use crate::store::Store;
use crate::store::history::EventId;

/// The longest text, characters.
pub const LONGEST_TEXT: usize = 200;
/// How long they are kept: as long as the coarsest figures beside which they stand.
const KEPT: Millis = 90 * 86_400 * SECOND;
/// The most that one view shows, the newest ones: of more, charts would show nothing else.
const MOST_SHOWN: usize = 100;
/// A clock that moved by so much against the machine's monotonic one was set. Less is the slewing of a time service.
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

/// All that is told. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Annotations(Arc<Inner>);

struct Inner {
    store: Store,
    limit: usize,
    all: RwLock<BTreeMap<EventId, Told>>,
    /// Those whose keeping or dropping the disk has not taken yet.
    unsaved: RwLock<BTreeSet<EventId>>,
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
            unsaved: RwLock::default(),
            edition: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        }))
    }

    /// Adds one; whether it outlives the process is the answer's second part. Waits for the disk.
    pub fn add(&self, time: Millis, told: Told) -> (EventId, bool) {
        let at = {
            let mut all = self.0.all.write();
            let last = all.range((time, 0)..=(time, u32::MAX)).next_back();
            let number = last.map_or(0, |((_, number), _)| number + 1);
            all.insert((time, number), told);
            (time, number)
        };
        self.0.unsaved.write().insert(at);
        self.drop_old();
        self.0.edition.fetch_add(1, Ordering::Release);
        (at, self.save())
    }

    /// Takes one back; `false` where there is none that was told.
    pub fn remove(&self, at: EventId) -> bool {
        let mut all = self.0.all.write();
        if !all
            .get(&at)
            .is_some_and(|told| AnnotationKind::TOLD.contains(&told.kind))
        {
            return false;
        }
        all.remove(&at);
        drop(all);
        self.0.unsaved.write().insert(at);
        self.0.edition.fetch_add(1, Ordering::Release);
        self.save();
        true
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
        let surplus = found.len().saturating_sub(MOST_SHOWN);
        let shown = found.into_iter().skip(surplus);
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

    fn drop_old(&self) {
        let mut all = self.0.all.write();
        let newest = all.keys().next_back().map_or(0, |(time, _)| *time);
        let mut gone = Vec::new();
        while let Some((at, _)) = all.first_key_value().map(|(at, told)| (*at, told.kind)) {
            let is_too_many = all.len() > self.0.limit;
            if !is_too_many && at.0 >= newest - KEPT {
                break;
            }
            if is_too_many {
                self.0.dropped.fetch_add(1, Ordering::Relaxed);
            }
            all.remove(&at);
            gone.push(at);
        }
        drop(all);
        self.0.unsaved.write().extend(gone);
    }

    /// Gives the disk what it has not taken yet; `false` where it does not take all.
    fn save(&self) -> bool {
        let mut unsaved = self.0.unsaved.write();
        while let Some(at) = unsaved.first().copied() {
            let told = self.0.all.read().get(&at).cloned();
            // Of plain fields; there is always a JSON form.
            let body = told.and_then(|told| serde_json::to_vec(&told).ok());
            if !self.0.store.put_event(at, body.as_deref()) {
                return false;
            }
            unsaved.remove(&at);
        }
        true
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
                let is_behind = !this.0.unsaved.read().is_empty() && this.0.store.history().is_some();
                if is_behind {
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
    monotonic: Instant,
}

impl Hands {
    fn now() -> Self {
        Self {
            wall: SystemClock.now(),
            monotonic: Instant::now(),
        }
    }

    /// By how much the wall clock was set since an earlier moment.
    fn moved(&self, earlier: &Self) -> Option<Millis> {
        let passed = self.monotonic.duration_since(earlier.monotonic).as_millis();
        let moved = self.wall - earlier.wall - Millis::try_from(passed).unwrap_or(Millis::MAX);
        (moved.abs() >= LEAP).then_some(moved)
    }
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
        assert_eq!(annotations.add(NOW, note("one", "")), ((NOW, 0), true));
        assert_eq!(annotations.add(NOW, note("two", "shop")), ((NOW, 1), true));
        annotations.add(NOW - SECOND, note("zero", "blog"));
        assert_eq!(texts(&annotations, &[]), ["zero", "one", "two"]);
        assert_eq!(texts(&annotations, &["shop"]), ["one", "two"]);
        assert!(annotations.remove((NOW, 0)) && !annotations.remove((NOW, 0)));
        drop(annotations);
        let again = Annotations::open(open(), 10);
        assert_eq!(texts(&again, &[]), ["zero", "two"]);
    }

    #[test]
    fn the_oldest_give_way() {
        let annotations = Annotations::open(Store::new(Limits::default()), 3);
        for place in 0..5 {
            let (_, kept) = annotations.add(NOW + place, note(&place.to_string(), ""));
            assert!(!kept, "there is no history");
        }
        assert_eq!(texts(&annotations, &[]), ["2", "3", "4"]);
        assert_eq!(annotations.counts(), (3, 2));
        annotations.add(NOW + KEPT + 3, note("later", ""));
        assert_eq!(texts(&annotations, &[]), ["3", "4", "later"]);
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
        assert!(!annotations.remove((NOW, 0)));
    }

    #[test]
    fn a_clock_that_is_set_is_seen() {
        let monotonic = Instant::now();
        let at = |wall, seconds| Hands {
            wall,
            monotonic: monotonic + Duration::from_secs(seconds),
        };
        assert_eq!(at(NOW + 60_500, 60).moved(&at(NOW, 0)), None);
        assert_eq!(at(NOW - 299_000, 1).moved(&at(NOW, 0)), Some(-300_000));
        assert_eq!(at(NOW + 3_600_000, 0).moved(&at(NOW, 0)), Some(3_600_000));
    }
}

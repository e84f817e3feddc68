//! What the store's lock guards: the series, and the ways to find them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use hashbrown::HashTable;
use keiki_model::series::{HOST_NAME, Kind, SERVICE_NAME, Sample, Series, Value};
use keiki_model::time::{Millis, REVISION, SECOND, is_stale};

use super::changes::Changes;
use super::history::{History, Journal, Late, Restored};
use super::reject::{Reason, Rejections};
use super::source::{Ranks, SourceClass, SourceId};
use super::{FUTURE, KEIKI, Limits, Ring, Stored, Trim, stored};

/// How many names of metrics are remembered after their last series ended, so that a panel without data can still tell
/// which source fails.
const REMEMBERED: usize = 10_000;

/// A clock set back by more was wrong before, and is believed now, milliseconds.
pub(super) const LEAP: Millis = 24 * 3_600 * SECOND;

/// The series of one metric.
#[derive(Debug)]
pub(crate) struct Metric {
    /// Places in [`State::series`], in order of birth.
    pub(super) ids: Vec<u32>,
    /// How many of them are not Keiki's own.
    foreign: usize,
    /// The source that fed it last.
    pub(super) source: SourceId,
    /// How many of them are of each class of sources.
    classes: [usize; SourceClass::ALL.len()],
    changes: Changes,
}

impl Metric {
    fn new(source: &SourceId) -> Self {
        let source = source.clone();
        Self {
            ids: Vec::new(),
            foreign: 0,
            source,
            classes: Default::default(),
            changes: Changes::default(),
        }
    }

    pub(super) fn changes(&self) -> Option<&Changes> {
        let one_class = self.classes.iter().filter(|count| **count > 0).count() == 1;
        (one_class && !self.changes.is_empty()).then_some(&self.changes)
    }
}

/// Everything behind the store's lock.
#[derive(Debug)]
pub(crate) struct State {
    limits: Limits,
    pub(super) ranks: Ranks,
    /// Ended series leave a hole that the next one fills.
    pub(super) series: Vec<Option<Stored>>,
    holes: Vec<u32>,
    /// Places by fingerprint. The hash is the fingerprint itself: nothing is hashed twice.
    by_identity: HashTable<u32>,
    pub(super) metrics: HashMap<Box<str>, Metric>,
    /// Places of the series that came under another name than they are read by, by that name.
    pub(super) origins: HashMap<Box<str>, Vec<u32>>,
    /// How many series there are of each service and of each host.
    pub(super) services: BTreeMap<Box<str>, usize>,
    pub(super) hosts: BTreeMap<Box<str>, usize>,
    pub(super) samples_total: u64,
    pub(super) rejected: Rejections,
    pub(super) bytes: usize,
    swept: Millis,
    /// The latest time that the clock ever showed, where there is but one.
    latest: Millis,
    /// What makes samples durable, and those that it has yet to take.
    past: Option<(Arc<History>, Journal)>,
    /// Samples for the history alone.
    late: Late,
}

impl State {
    pub(super) fn new(limits: Limits, ranks: Ranks) -> Self {
        Self {
            limits,
            ranks,
            series: Vec::new(),
            holes: Vec::new(),
            by_identity: HashTable::new(),
            metrics: HashMap::new(),
            origins: HashMap::new(),
            services: BTreeMap::new(),
            hosts: BTreeMap::new(),
            samples_total: 0,
            rejected: Rejections::default(),
            bytes: 0,
            swept: Millis::MIN,
            latest: Millis::MIN,
            past: None,
            late: Late::default(),
        }
    }

    /// From now on all that is appended is also kept by a history.
    pub(super) fn keep_in(&mut self, history: &Arc<History>) {
        for stored in self.series.iter_mut().flatten() {
            stored.number = history.number(&stored.series, &stored.source);
        }
        self.past = Some((Arc::clone(history), Journal::default()));
    }

    /// What the history has yet to take.
    pub(super) fn journal(&mut self) -> Option<&mut Journal> {
        self.past.as_mut().map(|(_, journal)| journal)
    }

    /// What came late, and the history has yet to take.
    pub(super) fn take_late(&mut self) -> Late {
        std::mem::take(&mut self.late)
    }

    /// A series by its identity.
    pub(super) fn find(&self, series: &Series) -> Option<&Stored> {
        let found = self.by_identity.find(series.fingerprint(), |&id| {
            self.series[id as usize]
                .as_ref()
                .is_some_and(|stored| *stored.series == *series)
        });
        self.series[*found? as usize]
            .as_ref()
            .filter(|stored| stored.series.kind() == series.kind())
    }

    /// The time of the first sample of any series from a time on.
    pub(super) fn next_sample(&self, from: Millis) -> Option<Millis> {
        self.series
            .iter()
            .flatten()
            .filter_map(|stored| stored.next_sample(from))
            .min()
    }

    /// Before when samples may be forgotten: what is not written yet is not.
    fn forgettable(&self, before: Millis) -> Millis {
        self.past
            .as_ref()
            .map_or(before, |(history, _)| before.min(history.unwritten()))
    }

    /// Puts back what the ring of a series held before a restart.
    pub(super) fn restore(&mut self, restored: Restored) {
        let Restored { series, source, ring } = restored;
        let Some(newest) = ring.times().last() else { return };
        self.latest = self.latest.max(newest);
        let found = self.place(&series);
        let Some(id) = found.or_else(|| self.insert(&source, &series).ok()) else {
            return;
        };
        let Some(stored) = self.series[id as usize].as_mut() else {
            return;
        };
        if stored.newest().is_some_and(|other| other > newest) {
            return stored.taken_over(newest);
        }
        let metric = self.metrics.get_mut(stored.series.name());
        let before = stored.source.class();
        stored.restore(series, source, ring);
        let Some(metric) = metric else { return };
        metric.classes[before as usize] -= 1;
        metric.classes[stored.source.class() as usize] += 1;
        if let Ring::Histogram(ring) = stored.ring() {
            for (time, _) in ring.single(Millis::MIN / 2, Millis::MAX / 2) {
                metric.changes.note(time, false, Millis::MIN / 2);
            }
        }
    }

    fn place(&self, series: &Arc<Series>) -> Option<u32> {
        let found = self.by_identity.find(series.fingerprint(), |&id| {
            self.series[id as usize]
                .as_ref()
                .is_some_and(|stored| same(&stored.series, series))
        });
        found.copied()
    }

    /// How many series live.
    pub(super) fn len(&self) -> usize {
        self.by_identity.len()
    }

    pub(super) fn append(&mut self, source: &SourceId, sample: Sample, now: Millis) -> Result<(), Reason> {
        if self.limits.one_clock {
            // One that was set right after a wrong date would else stand still for years.
            if self.latest.saturating_sub(now) > LEAP {
                self.latest = now;
                self.past.iter().for_each(|(history, _)| history.rewind(now));
            }
            self.latest = self.latest.max(now);
            if now < self.latest - SECOND && sample.time <= self.latest {
                return Err(Reason::SetBack);
            }
        }
        if sample.time > now + FUTURE {
            return Err(Reason::Future);
        }
        let late = if sample.time < now - REVISION {
            Some(self.takes_late(sample.time, now).ok_or(Reason::Late)?)
        } else {
            None
        };
        if matches!(sample.value, Value::Number(value) if !value.is_finite()) {
            return Err(Reason::NotFinite);
        }
        if matches!(sample.value, Value::Number(_)) == (sample.series.kind() == Kind::Histogram) {
            return Err(Reason::Kind);
        }
        if let Some(history) = late {
            return self.append_late(&history, source, sample, now);
        }
        let id = match self.place(&sample.series) {
            Some(id) => id,
            None => self.insert(source, &sample.series)?,
        };
        let stored = self.series[id as usize]
            .as_mut()
            .expect("a place in the index holds a series");
        if stored.source != *source {
            self.take_over(id, source, now)?;
        }
        let slack = Millis::from(sample.series.interval_ms().unwrap_or(0)) * 3;
        let trim = Trim {
            before: self.forgettable(now - self.limits.window_ms - slack.max(stored::SLACK)),
            after: self.latest.max(now) + FUTURE,
        };
        let stored = self.series[id as usize]
            .as_mut()
            .expect("a place in the index holds a series");
        let time = sample.time;
        if let (Some((_, journal)), Some(number)) = (&mut self.past, stored.number) {
            journal.push(number, time, &sample.value);
        }
        let change = stored.append(sample, &trim)?;
        self.samples_total += 1;
        if (change.observed || change.cut)
            && let Some(metric) = self.metrics.get_mut(stored.series.name())
        {
            metric.changes.note(time, change.cut, trim.before);
        }
        Ok(())
    }

    /// What keeps a sample that is too late for the rings.
    fn takes_late(&self, time: Millis, now: Millis) -> Option<Arc<History>> {
        let (history, _) = self.past.as_ref()?;
        history.takes_late(time, now).then(|| Arc::clone(history))
    }

    /// Keeps a sample in the history alone.
    fn append_late(&mut self, history: &History, source: &SourceId, sample: Sample, now: Millis) -> Result<(), Reason> {
        let place = self.place(&sample.series);
        let stored = place.and_then(|id| self.series[id as usize].as_ref());
        let number = match stored {
            Some(stored) if stored.source == *source => stored.number,
            Some(stored) if !self.gives_way(stored, source, now) => return Err(Reason::OtherSource),
            Some(_) => history.number(&sample.series, source),
            None => {
                self.limits.check(&sample.series)?;
                history.number(&sample.series, source)
            }
        };
        let number = number.ok_or(Reason::SeriesLimit)?;
        if !self.late.push(number, sample.time, &sample.value) {
            return Err(Reason::Late);
        }
        self.samples_total += 1;
        Ok(())
    }

    /// Drops the series whose samples have all left the window, every few seconds.
    pub(super) fn sweep(&mut self, now: Millis, every: Millis) {
        if (self.swept..self.swept.saturating_add(every)).contains(&now) {
            return;
        }
        self.swept = now;
        self.bytes = self.series.capacity() * size_of::<Option<Stored>>();
        let oldest = self.forgettable(now - self.limits.window_ms);
        let mut touched = BTreeSet::new();
        for id in 0..self.series.len() {
            let Some(stored) = &self.series[id] else { continue };
            if stored.newest().is_some_and(|newest| newest >= oldest) {
                self.bytes += stored.bytes();
                continue;
            }
            touched.insert(stored.series.name().to_owned());
            self.forget(id);
        }
        for name in touched {
            let Some(metric) = self.metrics.get_mut(&*name) else {
                continue;
            };
            metric.ids.retain(|&id| {
                self.series[id as usize]
                    .as_ref()
                    .is_some_and(|stored| stored.series.name() == name)
            });
            metric.ids.shrink_to_fit();
            if metric.ids.is_empty() && self.metrics.len() > REMEMBERED {
                self.metrics.remove(&*name);
            }
        }
    }

    /// The metrics that several classes of sources feed, by name.
    pub(super) fn contested(&self) -> impl Iterator<Item = (&str, &Metric)> {
        let several = |metric: &Metric| metric.classes.iter().filter(|count| **count > 0).count() > 1;
        let mut all: Vec<_> = self.metrics.iter().filter(|(_, metric)| several(metric)).collect();
        all.sort_by_key(|(name, _)| *name);
        all.into_iter().map(|(name, metric)| (&**name, metric))
    }

    /// Whether a metric has a series of another service than Keiki itself.
    pub(super) fn has_foreign(&self, metric: &str) -> bool {
        self.metrics.get(metric).is_some_and(|metric| metric.foreign > 0)
    }

    /// Takes a series out of all indexes but its metric's, which the caller puts right.
    fn forget(&mut self, id: usize) {
        let Some(stored) = self.series[id].take() else { return };
        let place = u32::try_from(id).expect("places are counted in 32 bits");
        if let Ok(entry) = self
            .by_identity
            .find_entry(stored.series.fingerprint(), |&other| other == place)
        {
            entry.remove();
        }
        self.holes.push(place);
        if let Some(origin) = stored.series.origin()
            && let Some(places) = self.origins.get_mut(origin)
        {
            places.retain(|other| *other != place);
            if places.is_empty() {
                self.origins.remove(origin);
            }
        }
        if let Some(metric) = self.metrics.get_mut(stored.series.name()) {
            metric.foreign -= usize::from(is_foreign(&stored.series));
            metric.classes[stored.source.class() as usize] -= 1;
            metric.changes.forget();
        }
        for (index, label) in [(&mut self.services, SERVICE_NAME), (&mut self.hosts, HOST_NAME)] {
            let value = stored.series.labels().get(label).unwrap_or_default();
            if let Some(count) = index.get_mut(value) {
                *count -= 1;
                if *count == 0 {
                    index.remove(value);
                }
            }
        }
    }

    fn insert(&mut self, source: &SourceId, series: &Arc<Series>) -> Result<u32, Reason> {
        self.limits.check(series)?;
        let Limits {
            series: most,
            series_per_metric,
            ..
        } = self.limits;
        if self.len() >= most {
            return Err(Reason::SeriesLimit);
        }
        if self
            .metrics
            .get(series.name())
            .is_some_and(|metric| metric.ids.len() >= series_per_metric)
        {
            return Err(Reason::MetricLimit);
        }
        let id = self.holes.pop().unwrap_or_else(|| {
            self.series.push(None);
            u32::try_from(self.series.len() - 1).expect("the limit of series fits into 32 bits")
        });
        let mut stored = Stored::new(Arc::clone(series), source.clone());
        stored.number = self
            .past
            .as_ref()
            .and_then(|(history, _)| history.number(series, source));
        self.series[id as usize] = Some(stored);
        let all = &self.series;
        self.by_identity.insert_unique(series.fingerprint(), id, |&id| {
            all[id as usize]
                .as_ref()
                .map_or(0, |stored| stored.series.fingerprint())
        });
        if let Some(origin) = series.origin() {
            self.origins.entry(origin.into()).or_default().push(id);
        }
        let metric = self
            .metrics
            .entry(series.name().into())
            .or_insert_with(|| Metric::new(source));
        metric.classes[source.class() as usize] += 1;
        metric.ids.push(id);
        metric.foreign += usize::from(is_foreign(series));
        metric.source = source.clone();
        for (index, label) in [(&mut self.services, SERVICE_NAME), (&mut self.hosts, HOST_NAME)] {
            if let Some(value) = series.labels().get(label) {
                *index.entry(value.into()).or_default() += 1;
            }
        }
        Ok(id)
    }

    /// Whether a series is another source's to feed: one that is more trusted, or any when it has fallen silent.
    fn gives_way(&self, stored: &Stored, source: &SourceId, now: Millis) -> bool {
        let rank = |source: &SourceId| self.ranks.of(source.class());
        let silent = stored
            .newest()
            .is_none_or(|newest| is_stale(newest, stored.interval_ms(), now));
        rank(source) < rank(&stored.source) || silent
    }

    /// The same series from two sources: the more trusted one keeps it, until it falls silent. Values of both in one
    /// ring would look like restarts.
    fn take_over(&mut self, id: u32, source: &SourceId, now: Millis) -> Result<(), Reason> {
        let held = self.series[id as usize].as_ref();
        if held.is_some_and(|stored| !self.gives_way(stored, source, now)) {
            return Err(Reason::OtherSource);
        }
        let Some(stored) = &mut self.series[id as usize] else {
            return Ok(());
        };
        if let Some(metric) = self.metrics.get_mut(stored.series.name()) {
            metric.classes[stored.source.class() as usize] -= 1;
            metric.classes[source.class() as usize] += 1;
            metric.changes.forget();
        }
        let before = std::mem::replace(stored, Stored::new(Arc::clone(&stored.series), source.clone()));
        if let Some((history, _)) = &self.past {
            // Records are made of rings: what is in none yet goes another way.
            let late = &mut self.late;
            before.each_since(history.unwritten(), |time, value| {
                late.keep(before.number, time, &value)
            });
            stored.number = history.number(&stored.series, source);
        }
        Ok(())
    }
}

impl Limits {
    /// Whether a series is within what its labels may be.
    fn check(&self, series: &Series) -> Result<(), Reason> {
        if series.labels().len() > self.labels {
            return Err(Reason::LabelCount);
        }
        let fits = |text: &str| text.len() <= self.label_bytes;
        if !fits(series.name()) || !series.labels().iter().all(|(name, value)| fits(name) && fits(value)) {
            return Err(Reason::LabelLength);
        }
        Ok(())
    }
}

fn same(a: &Arc<Series>, b: &Arc<Series>) -> bool {
    Arc::ptr_eq(a, b) || a == b
}

pub(super) fn is_foreign(series: &Series) -> bool {
    series.labels().get(SERVICE_NAME) != Some(KEIKI)
}

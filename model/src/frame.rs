//! Frames: what the stream carries, and the fold that turns them into the state of now.
//!
//! The law: `fold(snapshot_k, deltas k+1…n) == snapshot_n`. [`Delta::between`] makes a delta from two snapshots of a
//! view; [`Snapshot::fold`] applies it. Frames hold raw values only; no text in any language but that of the specs.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::panel::{Failure, PanelSnapshot, Row, SeriesPoints, Stat, State};
use crate::target::Status;
use crate::text::Language;
use crate::time::{Millis, SECOND, Zone};

/// What a page shows of a group besides its panels: the tab's word and shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupSummary {
    /// The group's id.
    pub id: String,
    /// The state of its lead panel's data.
    pub state: State,
    /// The worst judgement of its headline stats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Whether one of its panels lacks a source, where the state does not say so already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lacks: bool,
}

/// Something that happened at a time and is drawn through all charts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotation {
    /// When.
    pub time: Millis,
    /// Its number among those of that time.
    #[serde(default)]
    pub number: u32,
    /// What kind of event.
    pub kind: AnnotationKind,
    /// What its author says of it, or by how much the clock was moved.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub text: Arc<str>,
}

/// The kinds of annotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnnotationKind {
    /// Keiki was started.
    KeikiStarted,
    /// The machine's clock was set.
    ClockSet,
    /// Something was deployed.
    Deployment,
    /// A run of a benchmark or of a job.
    Run,
    /// Anything else.
    Note,
}

impl AnnotationKind {
    /// What people and their programs may tell; the rest Keiki finds by itself.
    pub const TOLD: [Self; 3] = [Self::Deployment, Self::Run, Self::Note];

    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::KeikiStarted => "keiki_started",
            Self::ClockSet => "clock_set",
            Self::Deployment => "deployment",
            Self::Run => "run",
            Self::Note => "note",
        }
    }

    /// The kind in words.
    pub fn word(self, language: Language) -> &'static str {
        let (ja, en) = match self {
            Self::KeikiStarted => ("Keiki 起動", "Keiki started"),
            Self::ClockSet => ("時刻変更", "Clock set"),
            Self::Deployment => ("デプロイ", "Deployment"),
            Self::Run => ("実行", "Run"),
            Self::Note => ("メモ", "Note"),
        };
        match language {
            Language::Ja => ja,
            Language::En => en,
        }
    }
}

impl Annotation {
    /// What it says: its text, and its kind where that tells more.
    pub fn says(&self, language: Language) -> String {
        let word = self.kind.word(language);
        match (self.kind, &*self.text) {
            (_, "") => word.to_owned(),
            (AnnotationKind::Note, text) => text.to_owned(),
            (_, text) => [word, " ", text].concat(),
        }
    }
}

/// What is true of the whole view.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The groups' tabs.
    pub groups: Vec<GroupSummary>,
    /// Sources that are up, and all sources.
    pub sources: (u32, u32),
    /// The names of the services shown.
    pub services: Vec<String>,
    /// The configured time zone at this moment.
    pub zone: Zone,
    /// Markers within the window, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<Annotation>,
}

/// All of a view at one tick.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The build that made it.
    pub build: Arc<str>,
    /// The run of the server that made it; holds no `-`.
    pub boot: Arc<str>,
    /// The hub's tick.
    pub seq: u64,
    /// The server's wall clock.
    pub now: Millis,
    /// The view's key.
    pub view: Arc<str>,
    /// What is true of the whole view.
    pub header: Header,
    /// Its panels.
    pub panels: Vec<PanelSnapshot>,
}

/// What changed in a view since its previous event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delta {
    /// The build that made it.
    pub build: Arc<str>,
    /// The run of the server that made it.
    pub boot: Arc<str>,
    /// The hub's tick.
    pub seq: u64,
    /// The tick of this view's previous event.
    pub prev: u64,
    /// The server's wall clock.
    pub now: Millis,
    /// The view's key.
    pub view: Arc<str>,
    /// The new header, if it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<Header>,
    /// The panels that changed, by their place in the view.
    pub panels: Vec<PanelDelta>,
}

/// A field that may be absent from a delta (unchanged), or be set to nothing.
type Change<T> = Option<Option<T>>;

/// What changed in a panel. Applied in this order: `gone`, slots and `add`, `revise`, `born`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PanelDelta {
    /// Its place in the view's panels.
    pub at: usize,
    /// Its new state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// Its new judgement.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "change")]
    pub status: Change<Status>,
    /// Whether its data are now Keiki's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub itself: Option<bool>,
    /// Its new interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_ms: Option<u32>,
    /// By how many milliseconds its newest sample moved.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub newer: Millis,
    /// Its newest sample, where it is not a move of the old one.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "change")]
    pub newest: Change<Millis>,
    /// By how many slots its window moved.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub slots: i64,
    /// The series that ended, by their old place, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<usize>,
    /// The points of the new slots, for each list of the surviving series in order: its points and, where it has any, its
    /// extremes; then of what it is compared with, unless that comes anew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<Vec<Option<f64>>>,
    /// Points that changed: place among the survivors' lists, slot, value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revise: Vec<(usize, usize, Option<f64>)>,
    /// The series that were born: their place in the new list, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub born: Vec<(usize, SeriesPoints)>,
    /// What it is compared with, if other lines than before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Vec<SeriesPoints>>,
    /// The table's rows that changed, by place; a place at the end is a new row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<(usize, Row)>,
    /// How many rows the table has now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_count: Option<usize>,
    /// The stats of which only the value changed: place, value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<(usize, Option<f64>)>,
    /// The stats of which more changed: place, stat.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stats: Vec<(usize, Stat)>,
    /// Its new failure.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "change")]
    pub failure: Change<Failure>,
    /// The whole panel, where the change is not of the kinds above (its spec changed).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<Box<PanelSnapshot>>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// A present `null` is a change to nothing; serde by itself reads it as no change.
mod change {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(
        clippy::option_option,
        clippy::ref_option,
        reason = "the outer option is the presence of the field"
    )]
    pub(super) fn serialize<T: Serialize, S: Serializer>(
        value: &Option<Option<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().and_then(Option::as_ref).serialize(serializer)
    }

    #[allow(clippy::option_option, reason = "the outer option is the presence of the field")]
    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Option<T>>, D::Error> {
        Option::deserialize(deserializer).map(Some)
    }
}

/// What a fold did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folded {
    /// The delta was applied.
    Applied,
    /// It was already part of the state.
    Ignored,
    /// It does not follow the state: the stream must be resumed from [`Snapshot::seq`].
    Broken,
}

impl Snapshot {
    /// Applies a delta of the same view.
    pub fn fold(&mut self, delta: Delta) -> Folded {
        if delta.view != self.view || delta.boot != self.boot {
            return Folded::Broken;
        }
        if delta.seq <= self.seq {
            return Folded::Ignored;
        }
        if delta.prev != self.seq || delta.panels.iter().any(|panel| panel.at >= self.panels.len()) {
            return Folded::Broken;
        }
        self.seq = delta.seq;
        self.now = delta.now;
        self.build = delta.build;
        if let Some(header) = delta.header {
            self.header = header;
        }
        for panel in delta.panels {
            let at = panel.at;
            panel.apply(&mut self.panels[at]);
        }
        Folded::Applied
    }
}

impl Delta {
    /// What turns `old` into `new`, two snapshots of one view; `None` where the view's panels are not the same ones,
    /// so that only a snapshot will do.
    pub fn between(old: &Snapshot, new: &Snapshot) -> Option<Self> {
        let same = old.panels.len() == new.panels.len()
            && old.boot == new.boot
            && old
                .panels
                .iter()
                .zip(&new.panels)
                .all(|(old, new)| old.spec.id == new.spec.id);
        same.then(|| Self {
            build: Arc::clone(&new.build),
            boot: Arc::clone(&new.boot),
            seq: new.seq,
            prev: old.seq,
            now: new.now,
            view: Arc::clone(&new.view),
            header: (old.header != new.header).then(|| new.header.clone()),
            panels: old
                .panels
                .iter()
                .zip(&new.panels)
                .enumerate()
                .filter_map(|(at, (old, new))| PanelDelta::between(at, old, new))
                .collect(),
        })
    }
}

/// Whether two series are one at two times, so that one can be moved to become the other.
fn is_alike(old: &SeriesPoints, new: &SeriesPoints) -> bool {
    old.labels == new.labels && old.min.is_empty() == new.min.is_empty() && old.max.is_empty() == new.max.is_empty()
}

/// A series' points and extremes, as far as it has them.
fn lists(series: &SeriesPoints) -> impl Iterator<Item = &Vec<Option<f64>>> {
    let all = [&series.points, &series.min, &series.max];
    all.into_iter().filter(|list| !list.is_empty())
}

/// The field's new value, if it changed.
fn changed<T: PartialEq + Clone>(old: &T, new: &T) -> Option<T> {
    (old != new).then(|| new.clone())
}

impl PanelDelta {
    /// What turns `old` into `new`; `None` where they are equal.
    fn between(at: usize, old: &PanelSnapshot, new: &PanelSnapshot) -> Option<Self> {
        let moved = (new.to - old.to) / (Millis::from(new.step.max(1)) * SECOND);
        let same_grid = old.step == new.step && old.slots == new.slots && moved >= 0;
        if !same_grid || (!Arc::ptr_eq(&old.spec, &new.spec) && old.spec != new.spec) {
            return Some(Self {
                at,
                whole: Some(Box::new(new.clone())),
                ..Self::default()
            });
        }
        let mut delta = Self {
            at,
            state: changed(&old.state, &new.state),
            status: changed(&old.status, &new.status),
            itself: changed(&old.itself, &new.itself),
            interval_ms: changed(&old.interval_ms, &new.interval_ms),
            slots: moved,
            failure: changed(&old.failure, &new.failure),
            row_count: changed(&old.rows.len(), &new.rows.len()),
            ..Self::default()
        };
        match (old.newest, new.newest) {
            (Some(old), Some(new)) => delta.newer = new - old,
            (old, new) => delta.newest = changed(&old, &new),
        }
        delta.series(old, new, usize::try_from(moved).unwrap_or_default());
        for (place, row) in new.rows.iter().enumerate() {
            if old.rows.get(place) != Some(row) {
                delta.rows.push((place, row.clone()));
            }
        }
        for (place, stat) in new.stats.iter().enumerate() {
            match old.stats.get(place) {
                Some(old) if old == stat => {}
                Some(old) if Stat { value: None, ..*old } == Stat { value: None, ..*stat } => {
                    delta.values.push((place, stat.value));
                }
                _ => delta.stats.push((place, *stat)),
            }
        }
        (delta != Self { at, ..Self::default() }).then_some(delta)
    }

    /// Fills `gone`, `add`, `revise` and `born`. Survivors keep their order; a series whose place among them moved
    /// counts as gone and born again.
    fn series(&mut self, old: &PanelSnapshot, new: &PanelSnapshot, moved: usize) {
        let slots = new.slots as usize;
        let moved = moved.min(slots);
        // Walk the new list; a series survives while it is found after the previous survivor in the old list.
        let mut next = 0;
        let mut survivors = Vec::with_capacity(new.series.len());
        for (place, series) in new.series.iter().enumerate() {
            let found = old.series[next..]
                .iter()
                .position(|o| is_alike(o, series))
                .map(|offset| next + offset);
            let Some(found) = found else {
                self.born.push((place, series.clone()));
                continue;
            };
            self.gone.extend(next..found);
            next = found + 1;
            survivors.push((&old.series[found], series));
        }
        self.gone.extend(next..old.series.len());
        let all = old.before.iter().zip(&new.before);
        if old.before.len() == new.before.len() && all.clone().all(|(old, new)| is_alike(old, new)) {
            survivors.extend(all);
        } else {
            self.before = Some(new.before.clone());
        }
        let lists = survivors.into_iter().flat_map(|(old, new)| lists(old).zip(lists(new)));
        for (list, (was, is)) in lists.enumerate() {
            for (slot, (was, is)) in was[moved.min(was.len())..].iter().zip(is).enumerate() {
                if was != is {
                    self.revise.push((list, slot, *is));
                }
            }
            if moved > 0 {
                self.add.push(is[slots - moved..].to_vec());
            }
        }
    }

    fn apply(mut self, panel: &mut PanelSnapshot) {
        if let Some(whole) = self.whole {
            *panel = *whole;
            return;
        }
        let set = |field: &mut State, value: Option<State>| {
            if let Some(value) = value {
                *field = value;
            }
        };
        set(&mut panel.state, self.state);
        if let Some(status) = self.status {
            panel.status = status;
        }
        if let Some(itself) = self.itself {
            panel.itself = itself;
        }
        if let Some(interval_ms) = self.interval_ms {
            panel.interval_ms = interval_ms;
        }
        if let Some(newest) = self.newest {
            panel.newest = newest;
        }
        panel.newest = panel.newest.map(|newest| newest + self.newer);
        if let Some(failure) = self.failure.take() {
            panel.failure = failure;
        }
        panel.to += self.slots * Millis::from(panel.step) * SECOND;
        self.apply_series(panel);
        if let Some(count) = self.row_count {
            panel.rows.truncate(count);
        }
        for (place, row) in self.rows {
            match panel.rows.get_mut(place) {
                Some(old) => *old = row,
                None => panel.rows.push(row),
            }
        }
        for (place, value) in self.values {
            if let Some(stat) = panel.stats.get_mut(place) {
                stat.value = value;
            }
        }
        for (place, stat) in self.stats {
            match panel.stats.get_mut(place) {
                Some(old) => *old = stat,
                None => panel.stats.push(stat),
            }
        }
    }

    fn apply_series(&mut self, panel: &mut PanelSnapshot) {
        for &place in self.gone.iter().rev() {
            if place < panel.series.len() {
                panel.series.remove(place);
            }
        }
        // What is compared and comes anew is not among the lists that move.
        let compared = match self.before.take() {
            Some(before) => {
                panel.before = before;
                &mut [][..]
            }
            None => &mut panel.before[..],
        };
        let moving = panel.series.iter_mut().chain(compared);
        let mut lists: Vec<_> = moving
            .flat_map(|series| [&mut series.points, &mut series.min, &mut series.max])
            .filter(|list| !list.is_empty())
            .collect();
        for (list, add) in lists.iter_mut().zip(std::mem::take(&mut self.add)) {
            list.drain(..add.len().min(list.len()));
            list.extend(add);
        }
        for &(list, slot, value) in &self.revise {
            if let Some(point) = lists.get_mut(list).and_then(|list| list.get_mut(slot)) {
                *point = value;
            }
        }
        for (place, series) in std::mem::take(&mut self.born) {
            panel.series.insert(place.min(panel.series.len()), series);
        }
    }
}

//! Puts the panels of a view together.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use keiki_model::frame::{Annotation, GroupSummary, Header, Snapshot};
use keiki_model::group::{self, Group};
use keiki_model::panel::{Failure, Panel, PanelSnapshot, StatKey, State, Table};
use keiki_model::preset::{DEFAULT_NAME, LOAD, Targets};
use keiki_model::series::SERVICE_NAME;
use keiki_model::time::{Millis, SECOND, Zone};
use keiki_model::view::{Scope, Subject, View};

use super::apdex::Apdex;
use super::{Compose, Tick, compare};
use crate::annotation::Annotations;
use crate::catalogue::Catalogue;
use crate::query::{Ask, Engine};
use crate::source::status::StatusBoard;

/// The service under which Keiki reports itself; it is not listed among the watched ones.
const KEIKI: &str = "keiki";

/// The load is measured over this, seconds.
const LOAD_WINDOW: u32 = 300;
/// A scope that nobody looked at for so many ticks begins anew.
const FORGOTTEN: u64 = 600;
/// Of so many scopes the level of load is remembered. It only keeps a level from flickering at its border.
const SCOPES: usize = 256;

/// What a tab shows, kept for the tick: pages of one scope and window share it.
type Summaries = HashMap<(Scope, u32, Option<Millis>), Vec<GroupSummary>>;

/// The names of the program and of its process.
#[derive(Clone, Debug)]
pub struct Run {
    /// Names the build.
    pub build: Arc<str>,
    /// Names this run of the server.
    pub boot: Arc<str>,
}

/// Makes snapshots from the query engine.
pub struct Composer {
    /// Answers the panels' queries.
    pub engine: Engine,
    /// How the sources fare.
    pub sources: StatusBoard,
    /// The presets of the configured services.
    pub presets: HashMap<String, String>,
    /// The thresholds of Apdex.
    pub apdex: Apdex,
    /// The configured time zone at a time.
    pub zone: Box<dyn Fn(Millis) -> Zone + Send + Sync>,
    /// Which build runs, and which run it is.
    pub run: Run,
    /// Which panels there are.
    pub catalogue: Catalogue,
    /// What happened.
    pub annotations: Annotations,
    /// At which level of load each scope was, and when that was looked at.
    pub(super) levels: Mutex<HashMap<Scope, (u64, Targets)>>,
    /// The tabs of the newest tick.
    pub(super) summaries: Mutex<(u64, Summaries)>,
}

impl Composer {
    /// A composer over an engine; see the fields.
    pub fn new(
        engine: Engine,
        sources: StatusBoard,
        presets: HashMap<String, String>,
        zone: impl Fn(Millis) -> Zone + Send + Sync + 'static,
        run: Run,
        catalogue: Catalogue,
        annotations: Annotations,
    ) -> Self {
        let (summaries, levels) = (Mutex::default(), Mutex::default());
        Self {
            engine,
            sources,
            presets,
            apdex: Apdex::default(),
            zone: Box::new(zone),
            run,
            catalogue,
            annotations,
            levels,
            summaries,
        }
    }

    /// The same with other thresholds of Apdex.
    #[must_use]
    pub fn judging(self, apdex: Apdex) -> Self {
        Self { apdex, ..self }
    }

    /// The preset that holds for a scope: that of its services, if they all have the same one. One that has none has the
    /// default's targets. Of all services those that the configuration names are asked.
    fn preset(&self, scope: &Scope) -> Option<Targets> {
        let of = |service: &String| self.presets.get(service).map_or(DEFAULT_NAME, String::as_str);
        let mut presets: Vec<_> = if scope.services.is_empty() {
            self.presets.values().map(String::as_str).collect()
        } else {
            scope.services.iter().map(of).collect()
        };
        presets.sort_unstable();
        presets.dedup();
        match presets[..] {
            [only] if only != DEFAULT_NAME => Targets::of(only),
            _ => None,
        }
    }

    /// The targets of a scope at the load of this tick. One level for all its views, so that they agree.
    fn targets(&self, view: &View, tick: &Tick, to: Millis) -> Option<Targets> {
        let preset = self.preset(&view.scope)?;
        if !preset.has_bands() {
            return Some(preset);
        }
        // What was is judged by the load that there was, and the present one by what it was a moment ago.
        if view.until.is_some() {
            return Some(preset.at(self.load(&view.scope, tick, to), None));
        }
        let mut levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        let before = levels.get(&view.scope).copied();
        if let Some((seq, targets)) = before
            && seq == tick.seq
        {
            return Some(targets);
        }
        let band = before.and_then(|(_, targets)| targets.band);
        let now = preset.at(self.load(&view.scope, tick, to), band);
        // Scopes are the readers' wishes: those of whom nobody asks any more are forgotten.
        levels.retain(|_, (seq, _)| tick.seq.saturating_sub(*seq) < FORGOTTEN);
        if levels.len() >= SCOPES && !levels.contains_key(&view.scope) {
            let oldest = levels.iter().min_by_key(|(_, (seq, _))| *seq);
            if let Some(oldest) = oldest.map(|(scope, _)| scope.clone()) {
                levels.remove(&oldest);
            }
        }
        levels.insert(view.scope.clone(), (tick.seq, now));
        Some(now)
    }

    /// How much a scope is asked for, requests per second over the newest minutes.
    fn load(&self, scope: &Scope, tick: &Tick, to: Millis) -> Option<f64> {
        LOAD.iter().find_map(|(id, key)| self.load_by(id, key, scope, tick, to))
    }

    fn load_by(&self, id: &str, key: &str, scope: &Scope, tick: &Tick, to: Millis) -> Option<f64> {
        let panel = figures_only(group::panel(id)?);
        let ask = Ask {
            scope,
            step: 1,
            window: LOAD_WINDOW,
            to,
            now: tick.now,
            as_of: tick.now,
            targets: None,
        };
        let found = self.engine.panel(&panel, &ask);
        // Keiki's own requests are no load of the services whose preset asks.
        if found.itself {
            return None;
        }
        let mut stats = found.spec.stats.iter().zip(&found.stats);
        stats.find(|(spec, _)| spec.key.as_str() == key)?.1.value
    }

    /// A panel with what it is compared with.
    fn compared(&self, panel: &Panel, view: &View, tick: &Tick, to: Millis) -> PanelSnapshot {
        let panel = self.apdex.in_force(panel, &view.scope);
        let now = self.panel(panel, view, tick, to);
        let Some(shift) = view.compare.map(|seconds| Millis::from(seconds) * SECOND) else {
            return now;
        };
        let before = self.panel(&lines_only(panel), view, tick, to - shift);
        PanelSnapshot {
            before: compare::beside(&now, &before, shift),
            ..now
        }
    }

    fn panel(&self, panel: &Panel, view: &View, tick: &Tick, to: Millis) -> PanelSnapshot {
        let targets = self.targets(view, tick, to);
        self.engine.panel(
            panel,
            &Ask {
                scope: &view.scope,
                step: view.step,
                window: view.window,
                to,
                now: tick.now,
                // Between two publications of a long window its data do not turn stale.
                as_of: if view.is_past() { to.min(tick.now) } else { tick.now },
                targets,
            },
        )
    }

    /// The card of a group. It bears the worst judgement of all that the targets name in its group, for a figure that is not
    /// on it may miss its own, and the first source that any of its panels lacks.
    fn card(&self, group: Group, card: &Panel, view: &View, tick: &Tick, to: Millis) -> PanelSnapshot {
        let mut card = self.compared(card, view, tick, to);
        let targets = self.targets(view, tick, to).unwrap_or_default();
        let is_shown = |panel: &str, key: StatKey| {
            let own = card.spec.id.as_str();
            let mut shown = card.spec.stats.iter();
            shown.any(|stat| stat.of.as_deref().unwrap_or(own) == panel && stat.key == key)
        };
        let is_judged = |panel: &str, key: StatKey| targets.goal(panel, key.as_str()).is_some();
        let others = group.panels().iter().filter(|panel| {
            let id = panel.spec.id.as_str();
            let figures = panel.spec.stats.iter().filter(|stat| stat.of.is_none());
            let mut missing = figures.filter(|stat| !is_shown(id, stat.key)).map(|stat| stat.key);
            let mut columns = panel.spec.columns.iter().map(|column| column.key);
            missing.any(|key| is_judged(id, key)) || columns.any(|key| is_judged(id, key))
        });
        let judged = others.map(|panel| self.panel(&judged_only(panel), view, tick, to));
        let live = judged.filter(|panel| panel.state == State::Live);
        let worst = live.filter_map(|panel| panel.status).max();
        if card.state == State::Live {
            card.status = card.status.max(worst);
            card.failure = card.failure.or_else(|| self.lacking(group, view, tick));
        }
        card
    }

    /// The first source that any panel of a group lacks now.
    fn lacking(&self, group: Group, view: &View, tick: &Tick) -> Option<Failure> {
        let mut panels = group.panels().iter().filter(|_| !view.is_past());
        panels.find_map(|panel| self.engine.lacking(panel, &view.scope, tick.now))
    }

    /// The tabs: from the cards where the view has them, else judged by the cards' figures alone.
    fn groups(&self, view: &View, tick: &Tick, to: Millis, panels: &[PanelSnapshot]) -> Vec<GroupSummary> {
        let key = (view.scope.clone(), view.window, view.until);
        {
            let kept = self.summaries.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.0 == tick.seq
                && let Some(groups) = kept.1.get(&key)
            {
                return groups.clone();
            }
        }
        let summary = |group: Group, card: &PanelSnapshot| GroupSummary {
            id: group.id().to_owned(),
            state: card.state,
            status: card.status,
            // Its own shape tells of a lead panel in error.
            lacks: match card.state {
                State::Live => card.failure.is_some(),
                State::Error => false,
                State::Empty | State::Stale => self.lacking(group, view, tick).is_some(),
            },
        };
        let groups: Vec<_> = if view.subject == Subject::Overview {
            Group::ALL
                .iter()
                .zip(panels)
                .map(|(group, card)| summary(*group, card))
                .collect()
        } else {
            Group::ALL
                .iter()
                .map(|group| {
                    let card = self.card(*group, &figures_only(group.card()), view, tick, to);
                    summary(*group, &card)
                })
                .collect()
        };
        let mut kept = self.summaries.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.0 != tick.seq {
            *kept = (tick.seq, HashMap::new());
        }
        kept.1.insert(key, groups.clone());
        groups
    }

    /// What happened. A panel by itself may stand in anybody's page: there it is not said what.
    fn annotations(&self, view: &View, stretch: Range<Millis>) -> Vec<Annotation> {
        let mut found = self.annotations.within(stretch, &view.scope.services);
        if matches!(view.subject, Subject::Panel(_)) {
            for one in &mut found {
                one.text = Arc::default();
            }
        }
        found
    }

    fn header(&self, view: &View, tick: &Tick, to: Millis, panels: &[PanelSnapshot]) -> Header {
        let sources = self.sources.sources();
        let up = sources.iter().filter(|source| source.up).count();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let services = if view.scope.services.is_empty() {
            let all = self.engine.label_values(SERVICE_NAME);
            all.into_iter().filter(|name| name != KEIKI).collect()
        } else {
            view.scope.services.iter().cloned().collect()
        };
        let from = to - Millis::from(view.window) * SECOND;
        // What has just been told is listed at once, although its slot is still open.
        let end = if view.until.is_none() { to.max(tick.now + 1) } else { to };
        Header {
            groups: self.groups(view, tick, to, panels),
            sources: (count(up), count(sources.len())),
            services,
            // In winter the clock of a summer's stretch is another one.
            zone: (self.zone)(if view.is_past() { to.min(tick.now) } else { tick.now }),
            annotations: self.annotations(view, from..end),
        }
    }
}

/// A panel's lines alone, all of them: what is large now may have been small then.
fn lines_only(panel: &Panel) -> Panel {
    Panel {
        lines: panel.lines.clone(),
        top: usize::MAX,
        ..Panel {
            stats: Vec::new(),
            limits: Vec::new(),
            ..figures_only(panel)
        }
    }
}

/// A panel with what is judged alone: its figures, and its table without sparklines.
fn judged_only(panel: &Panel) -> Panel {
    let table = panel.table.clone().map(|table| Table { spark: None, ..table });
    Panel {
        table,
        ..figures_only(panel)
    }
}

/// A panel without what is drawn: its state and judgement cost only its figures.
fn figures_only(panel: &Panel) -> Panel {
    Panel {
        lines: Vec::new(),
        heat: None,
        table: None,
        ..panel.clone()
    }
}

impl Compose for Composer {
    fn knows(&self, view: &View) -> bool {
        self.catalogue.knows(view)
    }

    fn edition(&self) -> u64 {
        // Both only grow, and so does their sum.
        self.annotations.edition() + self.engine.edition()
    }

    fn compose(&self, view: &View, key: &Arc<str>, tick: &Tick, to: Millis) -> Snapshot {
        let of = |panel: &Panel| self.compared(panel, view, tick, to);
        let panels: Vec<_> = match &view.subject {
            Subject::Overview => {
                let cards = Group::ALL.iter();
                cards
                    .map(|group| self.card(*group, group.card(), view, tick, to))
                    .collect()
            }
            Subject::Group(group) => self.catalogue.panels(*group).map(of).collect(),
            Subject::Panel(id) => self.catalogue.shown(id).iter().map(|panel| of(panel)).collect(),
        };
        Snapshot {
            build: Arc::clone(&self.run.build),
            boot: Arc::clone(&self.run.boot),
            seq: tick.seq,
            now: tick.now,
            view: Arc::clone(key),
            header: self.header(view, tick, to, &panels),
            panels,
        }
    }
}

#[cfg(test)]
mod tests {
    use keiki_model::histogram::Exponential;
    use keiki_model::series::{Kind, Labels, Sample, Series};
    use keiki_model::target::Status;
    use keiki_model::view::Item;

    use super::*;
    use crate::store::{Limits, SourceClass, SourceId, Store};

    const NOW: Millis = 1_800_000_000_000;

    /// Services that answer requests in these times, seconds, and the presets of some.
    fn composer(services: &[(&str, f64)], presets: &[(&str, &str)]) -> Composer {
        let store = Store::new(Limits::default());
        let source = SourceId::new("otlp", SourceClass::Otlp);
        for (service, seconds) in services {
            let labels = Labels::new([(SERVICE_NAME, *service)]);
            let series = Series::new(
                "http_server_request_duration_seconds",
                labels,
                Kind::Histogram,
                Some(1_000),
            );
            for time in (NOW - 20 * SECOND..NOW).step_by(1_000) {
                let mut histogram = Exponential::new();
                histogram.record(*seconds);
                let sample = Sample::distribution(&series, time, histogram.into());
                store.append(&source, vec![sample], time);
            }
        }
        let run = Run {
            build: "build".into(),
            boot: "boot".into(),
        };
        let presets = presets
            .iter()
            .map(|(service, preset)| ((*service).to_owned(), (*preset).to_owned()));
        let catalogue = Catalogue::new(Vec::new(), store.clone());
        let annotations = Annotations::open(store.clone(), 10);
        let engine = Engine::new(store, |_: &str| None);
        let zone = |_| Zone::default();
        Composer::new(
            engine,
            StatusBoard::new(),
            presets.collect(),
            zone,
            run,
            catalogue,
            annotations,
        )
    }

    fn tick() -> Tick {
        Tick {
            seq: 1,
            second: NOW - SECOND,
            now: NOW,
        }
    }

    fn overview(composer: &Composer) -> Snapshot {
        let view: Item = "overview@1/60".parse().expect("a view");
        composer.compose(&view.view, &"overview@1/60".into(), &tick(), NOW)
    }

    #[test]
    fn a_preset_holds_where_all_services_have_it() {
        let composer = composer(
            &[],
            &[("ai", "s2"), ("web", DEFAULT_NAME), ("bot", "s0"), ("other", "s0")],
        );
        let preset = |services: &[&str]| {
            let scope = Scope {
                services: services.iter().map(|&service| service.to_owned()).collect(),
                ..Scope::default()
            };
            composer.preset(&scope).map(|targets| targets.preset)
        };
        assert_eq!(preset(&["ai"]), Some("s2"));
        assert_eq!(preset(&["bot", "other"]), Some("s0"));
        assert_eq!(preset(&["ai", "web"]), None, "one has the default's");
        assert_eq!(preset(&["ai", "unknown"]), None);
        assert_eq!(preset(&[]), None);
    }

    #[test]
    fn a_card_bears_what_is_judged_beside_it() {
        // This preset judges the mean, which is not on the card.
        let snapshot = overview(&composer(&[("bot", 0.9)], &[("bot", "s0")]));
        let card = &snapshot.panels[0];
        assert_eq!(card.spec.group, "api");
        assert!(card.stats.iter().all(|stat| stat.status.is_none()), "{:?}", card.stats);
        assert_eq!(
            card.status,
            Some(Status::Bad),
            "far beyond what is allowed at a light load"
        );
        assert_eq!(snapshot.header.groups[0].status, card.status);
        let snapshot = overview(&composer(&[("bot", 0.001)], &[("bot", "s0")]));
        assert_eq!(snapshot.panels[0].status, Some(Status::Ok));
    }
}

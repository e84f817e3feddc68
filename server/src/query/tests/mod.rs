//! The engine against hand-made series, with the clock set by hand.

mod catalogue;
mod lines;
mod panels;
mod past;
mod properties;
mod scope;
mod state;

use std::sync::Arc;

use keiki_model::histogram::{Distribution, Explicit, Exponential};
use keiki_model::panel::{Failure, Panel, PanelSnapshot};
use keiki_model::query::Query;
use keiki_model::series::{Kind, Labels, Sample, Series};
use keiki_model::text::Text;
use keiki_model::time::Millis;
use keiki_model::view::{Names, Scope};

use super::evaluate::{ALL, Evaluator, Figure};
use super::grid::Grid;
use super::select::Audience;
use super::{Ask, Engine, Failures};
use crate::store::{Limits, SourceClass, SourceId, Store};

/// A multiple of every step that is used here.
pub(super) const NOW: Millis = 1_763_800_200_000;

pub(super) fn series(name: &str, labels: &[(&str, &str)], kind: Kind, interval_ms: u32) -> Arc<Series> {
    Series::new(name, Labels::new(labels.iter().copied()), kind, Some(interval_ms))
}

/// How long the requests of a service took, every second.
pub(super) fn durations() -> Arc<Series> {
    durations_of("shop")
}

pub(super) fn durations_of(service: &str) -> Arc<Series> {
    series(
        "http_server_request_duration_seconds",
        &[("service_name", service)],
        Kind::Histogram,
        1_000,
    )
}

pub(super) fn recorded(values: &[f64]) -> Distribution {
    let mut histogram = Exponential::new();
    for value in values {
        assert!(histogram.record(*value));
    }
    histogram.into()
}

pub(super) fn explicit(bounds: &[f64], counts: &[u64]) -> Distribution {
    Explicit::new(bounds.into(), counts, 0.0).unwrap().into()
}

/// A store that takes samples one by one, each when it is due.
pub(super) struct Bench {
    pub(super) store: Store,
    source: SourceId,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::of(SourceClass::Own)
    }

    /// One whose samples come so.
    pub(super) fn of(class: SourceClass) -> Self {
        Self {
            store: Store::new(Limits::default()),
            source: SourceId::new("test", class),
        }
    }

    /// The same store, fed by another source.
    pub(super) fn fed_by(&self, name: &str) -> Self {
        Self {
            store: self.store.clone(),
            source: SourceId::new(name, SourceClass::Own),
        }
    }

    /// Numbers at times relative to [`NOW`], milliseconds.
    pub(super) fn numbers(&self, series: &Arc<Series>, samples: &[(Millis, f64)]) -> &Self {
        self.send(
            samples
                .iter()
                .map(|&(at, value)| Sample::number(series, NOW + at, value)),
        )
    }

    pub(super) fn distributions(&self, series: &Arc<Series>, samples: Vec<(Millis, Distribution)>) -> &Self {
        self.send(
            samples
                .into_iter()
                .map(|(at, value)| Sample::distribution(series, NOW + at, value)),
        )
    }

    pub(super) fn send(&self, samples: impl IntoIterator<Item = Sample>) -> &Self {
        for sample in samples {
            let time = sample.time;
            let appended = self.store.append(&self.source, vec![sample], time);
            assert_eq!(appended.accepted, 1, "{:?}", appended.rejected);
        }
        self
    }

    /// A sample that comes at [`NOW`], whenever it is from.
    pub(super) fn late(&self, sample: Sample) {
        let appended = self.store.append(&self.source, vec![sample], NOW);
        assert_eq!(appended.accepted, 1, "{:?}", appended.rejected);
    }

    /// The lines of a query over the slots that end at [`NOW`].
    pub(super) fn lines(&self, query: &Query, step: u32, slots: u32) -> Vec<(Labels, Vec<Option<f64>>)> {
        let grid = Grid::ending(NOW, step, step * slots);
        let mut lines: Vec<(Labels, Vec<_>)> = self.evaluate(query, grid, |evaluator, query| {
            let gap = |value: f64| (!value.is_nan()).then_some(value);
            evaluator
                .lines(query, ALL)
                .into_iter()
                .map(|(labels, line)| (labels, line.into_iter().map(gap).collect()))
                .collect()
        });
        lines.sort_by(|a, b| a.0.cmp(&b.0));
        lines
    }

    /// The one line of a query without labels; all gaps where there is no series.
    pub(super) fn line(&self, query: &Query, step: u32, slots: u32) -> Vec<Option<f64>> {
        let mut lines = self.lines(query, step, slots);
        if lines.is_empty() {
            vec![None; slots as usize]
        } else {
            lines.remove(0).1
        }
    }

    /// The one figure of a query over the seconds that end at [`NOW`].
    pub(super) fn figure(&self, query: &Query, window: u32) -> Option<Figure> {
        let grid = Grid::ending(NOW, window, window);
        self.evaluate(query, grid, |evaluator, query| {
            evaluator
                .figures(query, ALL)
                .into_iter()
                .next()
                .map(|(_, figure)| figure)
        })
    }

    fn evaluate<T>(&self, query: &Query, grid: Grid, with: impl for<'a> FnOnce(&Evaluator<'a>, &'a Query) -> T) -> T {
        let scope = Scope::default();
        let reader = self.store.read();
        let audience = Audience {
            scope: &scope,
            itself: false,
        };
        with(&Evaluator::new(&reader, audience, grid, grid.from, grid.to()), query)
    }

    pub(super) fn engine(&self) -> Engine {
        Engine::new(self.store.clone(), |_: &str| None)
    }

    /// An engine that says this source fails.
    pub(super) fn failing(&self, name: &'static str) -> Engine {
        Engine::new(self.store.clone(), move |source: &str| {
            (source == name).then(|| Failure {
                source: source.to_owned(),
                message: Text::same("connection refused"),
                since: None,
                next_attempt: None,
            })
        })
    }

    /// An engine that says a source fails which would feed this metric, of which there is nothing.
    pub(super) fn never_fed(&self, metric: &'static str) -> Engine {
        struct NeverFed(&'static str);
        impl Failures for NeverFed {
            fn failure(&self, _: &str) -> Option<Failure> {
                None
            }
            fn missing(&self, metric: &str) -> Option<Failure> {
                (metric == self.0).then(|| Failure {
                    source: "missing".to_owned(),
                    message: Text::same("no right"),
                    since: None,
                    next_attempt: None,
                })
            }
        }
        Engine::new(self.store.clone(), NeverFed(metric))
    }

    /// A panel over five minutes at one second.
    pub(super) fn panel(&self, panel: &Panel) -> PanelSnapshot {
        self.engine().panel(panel, &ask(&Scope::default(), NOW))
    }
}

pub(super) fn ask(scope: &Scope, now: Millis) -> Ask<'_> {
    Ask {
        scope,
        step: 1,
        window: 300,
        to: now.div_euclid(1_000) * 1_000,
        now,
        as_of: now,
        targets: None,
    }
}

pub(super) fn services(names: &[&str]) -> Scope {
    Scope {
        services: names.iter().map(|&name| name.to_owned()).collect(),
        hosts: Names::default(),
    }
}

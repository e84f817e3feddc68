//! Charts: every drawing of a [`ChartModel`].
//!
//! A chart is a **frame** (axes, grid, targets, names; the same markup from the server and in the browser) around the
//! **data**. The server draws the data as SVG ([`svg`]); in the browser ECharts draws them on a canvas in the same box
//! (`canvas`), takes over once it has drawn, and the SVG is hidden. Both follow one model, so that nothing moves.

use std::sync::Arc;

use keiki_model::chart::{ChartModel, Options, percent};
use keiki_model::format::Scale;
use keiki_model::frame::Header;
use keiki_model::panel::{ChartKind, PanelSnapshot};
use keiki_model::text::Language;
use keiki_model::time::{Millis, SECOND};
use leptos::prelude::*;
use maud::Markup;

use crate::{changing, text};

#[cfg(feature = "hydrate")]
mod canvas;
#[cfg(feature = "hydrate")]
mod echarts;
mod frame;
pub mod keys;
#[cfg(feature = "hydrate")]
mod observe;
pub mod option;
mod path;
pub mod spark;
#[cfg(feature = "ssr")]
pub mod svg;
pub mod table;

pub use keys::Keys;
pub use spark::sparkline;
pub use table::{DataTable, Summary};

/// How many points a series has at most where a chart is wide. The first picture is sent to everyone, the live one only
/// drawn.
pub const WIDE: usize = if cfg!(feature = "hydrate") {
    keiki_model::chart::LIVE_POINTS
} else {
    keiki_model::chart::STATIC_POINTS
};
/// How many on a card, which has few pixels more than that; the least and the greatest value of each column stay.
pub const CARD: usize = keiki_model::chart::STATIC_POINTS;

/// Below this width of the window, in pixels, charts have half as many.
#[cfg(feature = "hydrate")]
const NARROW: i32 = 480;

/// How far the canvas reaches beyond the plot, so that no stroke is cut; as in `style/chart.css`.
const BLEED: f64 = 4.0;

/// The classes of a heat map's colours, from "least" to "most".
const HEAT: [&str; 8] = [
    "heat-1", "heat-2", "heat-3", "heat-4", "heat-5", "heat-6", "heat-7", "heat-8",
];
/// How long a value without neighbours is drawn, a share of the plot, or it would not be seen.
const ALONE: f64 = 0.008;
/// How much of its column a bar takes.
const BAR: f64 = 0.82;

/// What all charts of a page share. One per page, in its context.
#[derive(Clone, Copy)]
pub struct Charts {
    /// The language of labels.
    pub language: Language,
    /// The configured zone, and what is marked through all charts.
    pub header: RwSignal<Arc<Header>>,
    /// The slot under the pointer (its start), marked in every chart.
    pub cursor: RwSignal<Option<Millis>>,
    /// Counts changes of the colours, after which canvases are painted anew.
    pub theme: RwSignal<i64>,
    /// Whether the page is seen. Nothing is painted while it is not.
    pub seen: RwSignal<bool>,
    /// How many points a series has at most.
    points: usize,
    /// How far apart the names at the lines' ends stand.
    apart: f64,
}

impl Charts {
    /// In the browser it also begins to watch the page's theme and visibility.
    pub fn new(language: Language, header: RwSignal<Arc<Header>>, points: usize, apart: f64) -> Self {
        // In a narrow window, as a phone's or a small frame's, a column is still some pixels wide.
        #[cfg(feature = "hydrate")]
        let points = match document().body().map_or(0, |body| body.client_width()) {
            // Of a frame that is not shown yet nobody knows.
            1..NARROW => points / 2,
            _ => points,
        };
        let charts = Self {
            language,
            header,
            cursor: RwSignal::new(None),
            theme: RwSignal::new(0),
            seen: RwSignal::new(true),
            points,
            apart,
        };
        #[cfg(feature = "hydrate")]
        observe::page(charts);
        charts
    }

    /// The model of a panel.
    fn model(&self, panel: &PanelSnapshot, hidden: &[String]) -> ChartModel {
        let header = self.header.get();
        let options = Options {
            language: self.language,
            zone: &header.zone,
            annotations: &header.annotations,
            points: self.points,
            hidden,
            apart: self.apart,
        };
        ChartModel::new(panel, &options)
    }
}

/// What a chart is drawn from.
#[derive(Clone, Copy)]
struct Drawn {
    charts: Charts,
    panel: RwSignal<Arc<PanelSnapshot>>,
    model: Memo<Arc<ChartModel>>,
}

impl Drawn {
    /// The slot whose point is nearest to a share of the plot's width.
    #[cfg(feature = "hydrate")]
    fn slot_at(&self, left: f64) -> Millis {
        let panel = self.panel.get_untracked();
        let slots = f64::from(panel.slots.max(1));
        // A line's point is at the end of its slot, a bar is as wide as its slots.
        let place = match panel.spec.chart {
            ChartKind::Bar | ChartKind::Heat => (left * slots).floor(),
            _ => (left * slots).round() - 1.0,
        };
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole and clamped"
        )]
        let slot = place.clamp(0.0, slots - 1.0) as usize;
        panel.slot_time(slot)
    }

    /// Where the slot under the pointer is marked, a share of the plot's width; `None` where it is not in the window.
    fn cursor(&self) -> Option<f64> {
        let time = self.charts.cursor.get()?;
        let panel = self.panel.get();
        let (from, to) = (panel.from(), panel.to);
        let end = time + Millis::from(panel.step) * SECOND;
        #[allow(clippy::cast_precision_loss, reason = "windows are far below 2^53 milliseconds")]
        let share = (end - from) as f64 / (to - from).max(SECOND) as f64;
        (share > 0.0 && share <= 1.0).then_some(share)
    }
}

/// The panel as its chart follows it: where several slots share a column of pixels, the picture moves when a column is
/// complete, and not by a part of a pixel at every tick.
fn paced(panel: RwSignal<Arc<PanelSnapshot>>, points: usize) -> RwSignal<Arc<PanelSnapshot>> {
    let shown = RwSignal::new(panel.get_untracked());
    Effect::new(move |_| {
        let next = panel.get();
        if shown.with_untracked(|shown| moves(shown, &next, points)) {
            shown.set(next);
        }
    });
    shown
}

/// Whether a picture changes from one snapshot to the next by more than a part of a column.
pub(crate) fn moves(shown: &PanelSnapshot, next: &PanelSnapshot, points: usize) -> bool {
    let shape = |panel: &PanelSnapshot| {
        // Caption and keys follow at once: they are of these series, in this unit.
        let unit = Scale::of_panel(panel).unit(Language::En).to_owned();
        (panel.state, panel.status, panel.slots, panel.step, unit)
    };
    let slots = u32::try_from(points).map_or(1, |points| next.slots.div_ceil(points.max(1)));
    let column = Millis::from((slots * next.step).max(1)) * SECOND;
    shown.to.div_euclid(column) != next.to.div_euclid(column)
        || shape(shown) != shape(next)
        || shown
            .series
            .iter()
            .map(|series| &series.labels)
            .ne(next.series.iter().map(|series| &series.labels))
}

/// Whether nothing can draw new data in this browser: the first pictures then stay as they are.
pub fn frozen() -> bool {
    #[cfg(feature = "hydrate")]
    return !canvas::available();
    #[cfg(not(feature = "hydrate"))]
    return false;
}

/// Whether the server's page is just being taken over.
fn hydrating() -> bool {
    Owner::current_shared_context().is_none_or(|context| context.during_hydration())
}

/// The chart of a panel; nothing where the panel is a table or figures only.
#[component]
pub fn Chart(
    /// The panel now.
    panel: RwSignal<Arc<PanelSnapshot>>,
    /// The names of series that are left out.
    #[prop(optional)]
    hidden: Option<RwSignal<Vec<String>>>,
) -> impl IntoView {
    let kind = panel.get_untracked().spec.chart;
    if !kind.is_drawn() {
        return None;
    }
    let charts = expect_context::<Charts>();
    // Where nothing can draw new data, the frame must not move away from those of the first picture; and where there is
    // no such picture either, there is no chart.
    let (panel, hidden) = match frozen() {
        false => (panel, hidden),
        true if !hydrating() => return None,
        true => (RwSignal::new(panel.get_untracked()), None),
    };
    let panel = paced(panel, charts.points);
    let model = Memo::new(move |_| {
        let hidden = hidden.map(|hidden| hidden.get()).unwrap_or_default();
        Arc::new(charts.model(&panel.get(), &hidden))
    });
    let drawn = Drawn { charts, panel, model };
    let class = match kind {
        ChartKind::StackedArea => "chart stack",
        ChartKind::Bar => "chart bars",
        ChartKind::Heat => "chart heat",
        _ => "chart",
    };
    #[cfg(feature = "ssr")]
    let first = svg::plot(&model.get_untracked());
    #[cfg(not(feature = "ssr"))]
    let first = "";
    // The element is found by its id: a reference to it would be another signal of another type.
    let id = ["plot-", &panel.get_untracked().spec.id].concat();
    // Whether the canvas shows the data, so that the first picture can go.
    let live = RwSignal::new(false);
    // Whether it was given up.
    let failed = RwSignal::new(false);
    #[cfg(feature = "hydrate")]
    canvas::attach(drawn, id.clone(), live, failed);
    let part = move |draw: fn(&ChartModel) -> Markup| changing::markup(move || draw(&drawn.model.get()));
    let source = changing::text(move || {
        let source = match (failed.get(), live.get()) {
            (true, _) => "failed",
            (false, true) => "live",
            (false, false) => "static",
        };
        source.to_owned()
    });
    let note = changing::text(move || match failed.get() {
        true => text::UNDRAWN.get(charts.language).to_owned(),
        false => String::new(),
    });
    let described = table::summary_id(&panel.get_untracked().spec.id);
    let label = changing::text(move || drawn.model.get().label.clone());
    // Which stretch the page came with: that of a page of the past, under whose charts a drag is measured.
    let (from, to) = panel.with_untracked(|panel| (panel.from().to_string(), panel.to.to_string()));
    let marked = changing::text(move || {
        (if drawn.cursor().is_some() {
            "cursor"
        } else {
            "cursor gone"
        })
        .to_owned()
    });
    let cursor = move || changing::attribute(move || drawn.cursor().map(percent));
    Some(view! {
        <div class=class role="img" aria-label=label aria-describedby=described data-chart=source data-from=from data-to=to>
            <svg class="under" aria-hidden="true" inner_html=part(frame::under)></svg>
            <div class="first" inner_html=first></div>
            <div class="canvas" id=id></div>
            <p class="undrawn" inner_html=note></p>
            <svg class="over" aria-hidden="true">
                <g inner_html=part(frame::fixed)></g>
                <g inner_html=part(frame::moving)></g>
                <line class=marked x1=cursor() x2=cursor() y2="100%"></line>
            </svg>
        </div>
    })
}

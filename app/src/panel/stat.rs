//! A figure of a panel: its label, its value, the strip gauge with the notch of its target, and how far off it is.

use std::sync::Arc;

use keiki_model::format::{self, Scale};
use keiki_model::panel::{PanelSnapshot, StatKey, State};
use keiki_model::target::Status;
use leptos::prelude::*;
use maud::{Markup, html};

use super::shown_state;
use crate::changing;
use crate::icon::shape;
use crate::page::wall::leading;
use crate::state::Page;
use crate::surface::Surface;
use crate::text;

/// A figure as it is painted.
#[derive(Debug, Default)]
pub(crate) struct Figure {
    value: Option<f64>,
    limit: Option<f64>,
    pub(crate) text: format::Formatted,
    status: Option<Status>,
    gauge: Option<format::Gauge>,
    distance: String,
}

impl Figure {
    /// The figure of a panel's stat of this place, if it has one.
    pub(crate) fn new(page: Page, panel: &PanelSnapshot, at: usize) -> Option<Self> {
        let language = page.language;
        let (spec, stat) = (panel.spec.stats.get(at)?, panel.stats.get(at)?);
        let scale = Scale::of_stat(&panel.spec, spec, stat.limit);
        let live = shown_state(page, panel) == State::Live;
        let from_afar = page.fixed.get_value().wall.is_some();
        let text = match stat.bucket {
            // Grey is not seen from afar.
            _ if !live && from_afar => format::Formatted {
                figure: text::NONE.get(language).to_owned(),
                unit: String::new(),
            },
            Some(bucket) if stat.value.is_some() => format::Formatted {
                figure: format::bucket(&scale, bucket, language),
                unit: String::new(),
            },
            _ => format::stat(&panel.spec, spec, stat, language),
        };
        let goal = spec.goal.as_ref();
        let distance = match (stat.value, goal) {
            (Some(value), Some(goal)) if live => scale.distance(value, goal),
            _ => String::new(),
        };
        Some(Self {
            value: stat.value,
            limit: stat.limit,
            text,
            status: stat.status.filter(|_| live),
            gauge: format::gauge(stat.value, goal, stat.limit.or(spec.natural_limit)).filter(|_| live || !from_afar),
            distance,
        })
    }
}

/// A figure.
#[component]
pub fn Stat(
    /// The state of the page.
    page: Page,
    /// The panel.
    panel: RwSignal<Arc<PanelSnapshot>>,
    /// Which of its stats; it must be one of them.
    at: usize,
    /// The panel's id, where the figure stands elsewhere.
    #[prop(optional, into)]
    of: Option<String>,
) -> impl IntoView {
    let status = changing::attribute(move || {
        let panel = panel.get();
        let status = panel.stats.get(at).and_then(|stat| stat.status);
        let live = shown_state(page, &panel) == State::Live;
        status.filter(|_| live).map(|status| status.as_str().to_owned())
    });
    let lead = changing::flag(move || page.fixed.get_value().surface != Surface::App && leading(&panel.get()) == at);
    let drawn = changing::markup(move || draw(page, &panel.get(), at, of.as_deref()));
    view! { <div class="stat" data-status=status data-lead=lead inner_html=drawn></div> }
}

fn draw(page: Page, panel: &PanelSnapshot, at: usize, of: Option<&str>) -> Markup {
    let language = page.language;
    let mut figure = Figure::new(page, panel, at).unwrap_or_default();
    let spec = &panel.spec.stats[at];
    // Away from its panel a figure that is no longer true has nobody else to say so.
    let state = shown_state(page, panel);
    let lost = of
        .and(text::state(state, None))
        .filter(|_| matches!(state, State::Stale | State::Error));
    if lost.is_some() {
        figure = Figure {
            text: format::Formatted {
                figure: format::MISSING.to_owned(),
                unit: String::new(),
            },
            ..Figure::default()
        };
    }
    // On a wall a figure stands without the panel's title.
    let title = page
        .fixed
        .get_value()
        .wall
        .as_ref()
        .and(spec.of.is_none().then(|| panel.spec.title.get(language)));
    let label = spec.label.get(language);
    html! {
        dt {
            span { @if let Some(title) = title.filter(|title| !label.starts_with(title)) { (title) " " } (label) }
            @if spec.key == StatKey::Last { small { (text::NOW.get(language)) } }
        }
        dd class="value" {
            data data-stat=(spec.key.as_str()) data-value=[figure.value] value=[figure.value]
                data-of=[of.or(spec.of.as_deref())] data-limit=[figure.limit] { (figure.text.figure) }
            span class="unit" { (figure.text.unit) }
        }
        dd class="scale" { (gauge(figure.gauge.as_ref())) }
        dd class="aim" {
            span {
                @if let Some(word) = lost {
                    (shape(state.as_str())) " " (word.get(language))
                } @else if let Some(goal) = &spec.goal {
                    i class="aim-mark" {}
                    span class="word" { (text::TARGET.get(language)) }
                    (Scale::of_stat(&panel.spec, spec, None).aim(goal))
                } @else if of.is_some() {
                    // Only the strip at the top of a group says so: everywhere else it would be noise.
                    (text::NO_TARGET.get(language))
                }
            }
            " "
            span class="delta" {
                @if let Some(status @ (Status::Warn | Status::Bad)) = figure.status { (shape(status.as_str())) }
                (figure.distance)
            }
        }
    }
}

/// The strip: thin out of target, thick in it, filled up to the value, with the notch of the target.
fn gauge(gauge: Option<&format::Gauge>) -> Markup {
    html! {
        svg class=(if gauge.is_some() { "gauge" } else { "gauge none" }) aria-hidden="true" {
            @if let Some(gauge) = gauge {
                rect class="out" width="100%" {}
                rect class="track" x=(percent(gauge.good.0)) width=(percent(gauge.good.1 - gauge.good.0)) {}
                rect class="fill" width=(percent(gauge.fill)) {}
                @if let Some(notch) = gauge.notch { rect class="notch" x=(percent(notch)) {} }
            }
        }
    }
}

/// A share as a length.
fn percent(share: f64) -> String {
    ((share * 1e4).round() / 100.0).to_string() + "%"
}

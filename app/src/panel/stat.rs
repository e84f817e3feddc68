//! A figure of a panel: its label, its value, the strip gauge with the notch of its target, and how far off it is.

use std::sync::Arc;

use keiki_model::format::{self, Scale};
use keiki_model::panel::{PanelSnapshot, StatKey, State};
use keiki_model::target::Status;
use keiki_model::text::Language;
use leptos::prelude::*;

use super::shown_state;
use crate::icon::shape;
use crate::state::Page;
use crate::text;

/// A figure as it is painted; all of it changes at once, or nothing does.
#[derive(Clone, Debug, Default, PartialEq)]
struct Figure {
    value: Option<f64>,
    limit: Option<f64>,
    text: format::Formatted,
    status: Option<Status>,
    gauge: Option<format::Gauge>,
    distance: String,
}

impl Figure {
    fn new(panel: &PanelSnapshot, at: usize, state: State, language: Language) -> Option<Self> {
        let (spec, stat) = (panel.spec.stats.get(at)?, panel.stats.get(at)?);
        let text = match stat.bucket {
            Some(bucket) if stat.value.is_some() => {
                let scale = Scale::of_stat(&panel.spec, spec, stat.limit);
                format::Formatted {
                    figure: format::bucket(&scale, bucket, language),
                    unit: String::new(),
                }
            }
            _ => format::stat(&panel.spec, spec, stat, language),
        };
        let live = state == State::Live;
        let goal = spec.goal.as_ref();
        let distance = stat
            .value
            .zip(goal)
            .filter(|_| live)
            .map(|(value, goal)| Scale::of_stat(&panel.spec, spec, stat.limit).distance(value, goal));
        Some(Self {
            value: stat.value,
            limit: stat.limit,
            text,
            status: stat.status.filter(|_| live),
            gauge: format::gauge(stat.value, goal, stat.limit.or(spec.natural_limit)),
            distance: distance.unwrap_or_default(),
        })
    }
}

/// A figure.
#[component]
pub fn Stat(
    /// The state of the page.
    page: Page,
    /// The panel.
    panel: Signal<Arc<PanelSnapshot>>,
    /// Which of its stats.
    at: usize,
    /// The panel's id, where the figure stands elsewhere.
    #[prop(optional, into)]
    of: Option<String>,
) -> impl IntoView {
    let language = page.language;
    let Some((panel_spec, spec)) =
        panel.with_untracked(|panel| Some((Arc::clone(&panel.spec), panel.spec.stats.get(at)?.clone())))
    else {
        return ().into_any();
    };
    let figure = Memo::new(move |_| {
        panel.with(|panel| Figure::new(panel, at, shown_state(page, panel), language).unwrap_or_default())
    });
    let status = move || figure.with(|figure| figure.status.map(Status::as_str));
    let value = move || figure.with(|figure| figure.value.map(|value| value.to_string()));
    let limit = move || figure.with(|figure| figure.limit.map(|limit| limit.to_string()));
    let now = (spec.key == StatKey::Last).then(|| view! { <small>{text::NOW.get(language)}</small> });
    let aim = match &spec.goal {
        Some(goal) => {
            let scale = Scale::of_stat(&panel_spec, &spec, None);
            let aim = scale.aim(goal);
            view! { <i class="aim-mark"></i><span class="word">{text::TARGET.get(language)}</span>{aim} }.into_any()
        }
        // Only the strip at the top of a group says so: everywhere else it would be noise.
        None => of.is_some().then(|| text::NO_TARGET.get(language)).into_any(),
    };
    let off = move || match figure.with(|figure| figure.status) {
        Some(Status::Warn) => "warn",
        Some(Status::Bad) => "bad",
        _ => "",
    };
    view! {
        <div class="stat" data-status=status>
            <dt><span>{spec.label.get(language).to_owned()}</span>{now}</dt>
            <dd class="value">
                <data data-stat=spec.key.as_str() data-value=value value=value data-of=of.or(spec.of) data-limit=limit>
                    {move || figure.with(|figure| figure.text.figure.clone())}
                </data>
                <span class="unit">{move || figure.with(|figure| figure.text.unit.clone())}</span>
            </dd>
            <dd class="scale">{gauge(figure)}</dd>
            <dd class="aim">
                <span>{aim}</span>
                <span class="delta">{shape(off)}{move || figure.with(|figure| figure.distance.clone())}</span>
            </dd>
        </div>
    }
    .into_any()
}

/// The strip: thin out of target, thick in it, filled up to the value, with the notch of the target.
fn gauge(figure: Memo<Figure>) -> AnyView {
    let part = move |part: fn(&format::Gauge) -> f64| {
        move || figure.with(|figure| percent(figure.gauge.as_ref().map_or(0.0, part)))
    };
    let notch = move || figure.with(|figure| figure.gauge.as_ref().and_then(|gauge| gauge.notch).map(percent));
    let class = move || figure.with(|figure| if figure.gauge.is_some() { "gauge" } else { "gauge none" });
    view! {
        <svg class=class aria-hidden="true">
            <rect class="out" width="100%"></rect>
            <rect class="track" x=part(|gauge| gauge.good.0) width=part(|gauge| gauge.good.1 - gauge.good.0)></rect>
            <rect class="fill" width=part(|gauge| gauge.fill)></rect>
            <rect class="notch" x=move || notch().unwrap_or_else(|| "-9".to_owned())></rect>
        </svg>
    }
    .into_any()
}

/// A share as a length.
fn percent(share: f64) -> String {
    ((share * 1e4).round() / 100.0).to_string() + "%"
}

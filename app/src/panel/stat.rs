//! A figure of a panel: its label, its value, the strip gauge with the notch of its target, and how far off it is.

use std::sync::Arc;

use keiki_model::format::{self, Scale};
use keiki_model::panel::{PanelSnapshot, StatKey, State};
use keiki_model::target::Status;
use leptos::either::Either;
use leptos::prelude::*;

use super::shown_state;
use crate::changing::{self, Changing};
use crate::icon::shape_html;
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
    fn new(page: Page, panel: &PanelSnapshot, at: usize) -> Option<Self> {
        let language = page.language;
        let (spec, stat) = (panel.spec.stats.get(at)?, panel.stats.get(at)?);
        let scale = Scale::of_stat(&panel.spec, spec, stat.limit);
        let text = match stat.bucket {
            Some(bucket) if stat.value.is_some() => format::Formatted {
                figure: format::bucket(&scale, bucket, language),
                unit: String::new(),
            },
            _ => format::stat(&panel.spec, spec, stat, language),
        };
        let live = shown_state(page, panel) == State::Live;
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
            gauge: format::gauge(stat.value, goal, stat.limit.or(spec.natural_limit)),
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
    panel: Signal<Arc<PanelSnapshot>>,
    /// Which of its stats; it must be one of them.
    at: usize,
    /// The panel's id, where the figure stands elsewhere.
    #[prop(optional, into)]
    of: Option<String>,
) -> impl IntoView {
    let language = page.language;
    let panel_spec = Arc::clone(&panel.get_untracked().spec);
    let spec = &panel_spec.stats[at];
    let figure = Memo::new(move |_| Arc::new(Figure::new(page, &panel.get(), at).unwrap_or_default()));
    let status = changing::attribute(move || figure.get().status.map(Status::as_str).map(str::to_owned));
    let value = changing::attribute(move || figure.get().value.map(|value| value.to_string()));
    let limit = changing::attribute(move || figure.get().limit.map(|limit| limit.to_string()));
    let digits = changing::text(move || figure.get().text.figure.clone());
    let unit = changing::text(move || {
        let text = &figure.get().text;
        let unit = changing::html(&text.unit);
        if cfg!(feature = "ssr") {
            return unit;
        }
        // Made anew when the figure before it grows or shrinks; see `changing::html`.
        [&unit, "<!--", &text.figure.len().to_string(), "-->"].concat()
    });
    let delta = changing::text(move || {
        let figure = figure.get();
        let shape = match figure.status {
            Some(status @ (Status::Warn | Status::Bad)) => shape_html(status.as_str()),
            _ => "",
        };
        [shape, &changing::html(&figure.distance)].concat()
    });
    let now = (spec.key == StatKey::Last).then(|| view! { <small>{text::NOW.get(language)}</small> });
    let aim = match &spec.goal {
        Some(goal) => {
            let aim = Scale::of_stat(&panel_spec, spec, None).aim(goal);
            Either::Left(view! { <i class="aim-mark"></i><span class="word">{text::TARGET.get(language)}</span>{aim} })
        }
        // Only the strip at the top of a group says so: everywhere else it would be noise.
        None => Either::Right(of.is_some().then(|| text::NO_TARGET.get(language))),
    };
    view! {
        <div class="stat" data-status=status>
            <dt><span>{spec.label.get(language).to_owned()}</span>{now}</dt>
            <dd class="value">
                <data
                    data-stat=spec.key.as_str()
                    data-value=value.clone()
                    value=value
                    data-of=of.or_else(|| spec.of.clone())
                    data-limit=limit
                >
                    {digits}
                </data>
                <span class="unit" inner_html=unit></span>
            </dd>
            <dd class="scale">{gauge(figure)}</dd>
            <dd class="aim"><span>{aim}</span><span class="delta" inner_html=delta></span></dd>
        </div>
    }
}

/// The strip: thin out of target, thick in it, filled up to the value, with the notch of the target.
fn gauge(figure: Memo<Arc<Figure>>) -> impl IntoView {
    let part = move |part: fn(&format::Gauge) -> f64| -> Changing<String> {
        changing::text(move || percent(figure.get().gauge.as_ref().map_or(0.0, part)))
    };
    let notch = changing::text(move || {
        let notch = figure.get().gauge.and_then(|gauge| gauge.notch);
        notch.map_or_else(|| "-9".to_owned(), percent)
    });
    let class = changing::text(move || {
        let there = figure.get().gauge.is_some();
        if there { "gauge" } else { "gauge none" }.to_owned()
    });
    view! {
        <svg class=class aria-hidden="true">
            <rect class="out" width="100%"></rect>
            <rect class="track" x=part(|gauge| gauge.good.0) width=part(|gauge| gauge.good.1 - gauge.good.0)></rect>
            <rect class="fill" width=part(|gauge| gauge.fill)></rect>
            <rect class="notch" x=notch></rect>
        </svg>
    }
}

/// A share as a length.
fn percent(share: f64) -> String {
    ((share * 1e4).round() / 100.0).to_string() + "%"
}

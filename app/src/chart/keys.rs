//! The key row of a chart: its series with their last figures, or the colours of a heat map.

use std::sync::Arc;

use keiki_model::chart::{Key, keys, named};
use keiki_model::format::{Formatted, duration};
use keiki_model::panel::{ChartKind, PanelSnapshot};
use keiki_model::text::Language;
use leptos::prelude::*;
use maud::{Markup, html};

use super::{Charts, HEAT, frozen};
use crate::changing::{self, Changing};

/// The keys beside a chart's caption, each a button that leaves its series out. Of a heat map the colours.
#[component]
pub fn Keys(
    /// The panel now.
    panel: RwSignal<Arc<PanelSnapshot>>,
    /// The names of the series that are left out.
    hidden: RwSignal<Vec<String>>,
    /// Leaves the row empty where the lines are named at their ends.
    #[prop(optional)]
    brief: bool,
) -> impl IntoView {
    let charts = expect_context::<Charts>();
    let heat = panel.get_untracked().spec.chart == ChartKind::Heat;
    let keys = Memo::new(move |_| {
        let panel = panel.get();
        let repeated = heat || (brief && named(&panel, charts.language, charts.apart));
        let keys = if repeated {
            Vec::new()
        } else {
            keys(&panel, charts.language)
        };
        // A single series without a name is named by the caption.
        Arc::new(keys.into_iter().filter(|key| !key.name.is_empty()).collect::<Vec<_>>())
    });
    // The keys themselves change seldom; at a tick only their figures do.
    let series = Memo::new(move |_| {
        let without_figure = |key: &Key| Key {
            latest: Formatted::default(),
            ..key.clone()
        };
        Arc::new(keys.get().iter().map(without_figure).collect::<Vec<_>>())
    });
    let buttons = move || {
        let series = series.get();
        let places = series.iter().enumerate();
        let buttons = places.map(|(place, key)| {
            let figure = changing::markup(move || {
                let keys = keys.get();
                html! { @if let Some(key) = keys.get(place) { (key.latest.figure) } }
            });
            button(key.name.clone(), key.class, figure, hidden)
        });
        buttons.collect::<Vec<_>>()
    };
    let row = if heat { "ramp" } else { "keys" };
    let ramp = heat.then(|| {
        let ramp = changing::markup(move || ramp(charts, &panel.get()));
        view! { <span inner_html=ramp></span> }
    });
    view! { <span class=row>{ramp} {buttons}</span> }
}

/// A button that leaves a series out, or takes it back in.
fn button(
    name: String,
    class: &'static str,
    figure: Changing<String>,
    hidden: RwSignal<Vec<String>>,
) -> impl IntoView + use<> {
    let of = name.clone();
    let shown = changing::text(move || (!hidden.get().contains(&of)).to_string());
    let label = [name.as_str(), " "].concat();
    let toggle = move |_| {
        if frozen() {
            return;
        }
        let mut names = hidden.get_untracked();
        names.retain(|hidden| *hidden != name);
        if names.len() == hidden.get_untracked().len() {
            names.push(name.clone());
        }
        hidden.set(names);
    };
    view! {
        <button type="button" aria-pressed=shown on:click=toggle>
            <i class=class></i>
            {label}
            <b inner_html=figure></b>
        </button>
    }
}

/// How many a colour stands for.
fn ramp(charts: Charts, panel: &PanelSnapshot) -> Markup {
    let heat = charts.model(panel, &[]).heat.unwrap_or_default();
    let per = duration(heat.per, charts.language);
    html! {
        @match charts.language {
            Language::En => { "count per " (per) }
            Language::Ja => { (per) "ごとの件数" }
        }
        b { "1" }
        @for class in HEAT { i class=(class) {} }
        b { (heat.peak) }
    }
}

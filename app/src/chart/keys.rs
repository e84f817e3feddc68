//! The key row of a chart: its series with their last figures, or the colours of a heat map.

use std::collections::HashSet;
use std::sync::Arc;

use keiki_model::chart::{Key, keys, named};
use keiki_model::format::duration;
use keiki_model::panel::{ChartKind, PanelSnapshot};
use keiki_model::text::Language;
use leptos::prelude::*;

use super::Charts;

const RAMP: [&str; 8] = [
    "heat-1", "heat-2", "heat-3", "heat-4", "heat-5", "heat-6", "heat-7", "heat-8",
];

/// The keys beside a chart's caption. With `hidden`, each is a button that leaves its series out.
#[component]
pub fn Keys(
    /// The panel now.
    panel: Signal<Arc<PanelSnapshot>>,
    /// The names of the series that are left out.
    #[prop(optional)]
    hidden: Option<RwSignal<HashSet<String>>>,
    /// Leaves the row empty where the lines are named at their ends.
    #[prop(optional)]
    brief: bool,
) -> impl IntoView {
    let charts = expect_context::<Charts>();
    if panel.with_untracked(|panel| panel.spec.chart == ChartKind::Heat) {
        return ramp(charts, panel).into_any();
    }
    let keys = Memo::new(move |_| {
        panel.with(|panel| {
            let repeated = brief && named(panel, charts.language);
            if repeated {
                Vec::new()
            } else {
                keys(panel, charts.language)
            }
        })
    });
    // A single series without a name is named by the caption.
    let shown = move || {
        keys.with(|keys| {
            keys.iter()
                .filter(|key| !key.name.is_empty())
                .map(|key| one(key, hidden))
                .collect::<Vec<_>>()
        })
    };
    view! { <span class="keys">{shown}</span> }.into_any()
}

fn one(key: &Key, hidden: Option<RwSignal<HashSet<String>>>) -> AnyView {
    let Key { name, class, latest } = key.clone();
    let label = view! { <i class=class></i>{name.clone()}" "<b>{latest.figure}</b> };
    let Some(hidden) = hidden else {
        return view! { <span>{label}</span> }.into_any();
    };
    let shown = hidden.with(|hidden| !hidden.contains(&name));
    let toggle = move |_| {
        hidden.update(|hidden| {
            if !hidden.remove(&name) {
                hidden.insert(name.clone());
            }
        });
    };
    view! { <button type="button" aria-pressed=shown.to_string() on:click=toggle>{label}</button> }.into_any()
}

fn ramp(charts: Charts, panel: Signal<Arc<PanelSnapshot>>) -> impl IntoView {
    let none = HashSet::new();
    let ends = Memo::new(move |_| {
        let heat = panel.with(|panel| charts.model(panel, &none)).heat.unwrap_or_default();
        let per = duration(heat.per, charts.language);
        let words = match charts.language {
            Language::En => ["count per ", &per].concat(),
            Language::Ja => [&per, "ごとの件数"].concat(),
        };
        (words, heat.peak)
    });
    let words = move || ends.with(|ends| ends.0.clone());
    let peak = move || ends.with(|ends| ends.1.clone());
    view! {
        <span class="ramp">
            {words} <b>"1"</b> {RAMP.map(|class| view! { <i class=class></i> }).into_iter().collect::<Vec<_>>()} <b>{peak}</b>
        </span>
    }
}

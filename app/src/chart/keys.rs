//! The key row of a chart: its series with their last figures, or the colours of a heat map.

use std::collections::HashSet;
use std::sync::Arc;

use keiki_model::chart::{keys, named};
use keiki_model::format::duration;
use keiki_model::panel::{ChartKind, PanelSnapshot};
use keiki_model::text::Language;
use leptos::prelude::*;

use super::Charts;
use super::frame::{escape, put};
use crate::changing::{self, Changing};

const RAMP: [&str; 8] = [
    "heat-1", "heat-2", "heat-3", "heat-4", "heat-5", "heat-6", "heat-7", "heat-8",
];

/// The keys beside a chart's caption, each a button that leaves its series out. Of a heat map the colours.
#[component]
pub fn Keys(
    /// The panel now.
    panel: Signal<Arc<PanelSnapshot>>,
    /// The names of the series that are left out.
    hidden: RwSignal<HashSet<String>>,
    /// Leaves the row empty where the lines are named at their ends.
    #[prop(optional)]
    brief: bool,
) -> impl IntoView {
    let charts = expect_context::<Charts>();
    let heat = panel.get_untracked().spec.chart == ChartKind::Heat;
    let keys = Memo::new(move |_| {
        let panel = panel.get();
        let repeated = heat || (brief && named(&panel, charts.language));
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
        let series: Vec<(String, &'static str)> = keys.get().iter().map(|key| (key.name.clone(), key.class)).collect();
        Arc::new(series)
    });
    let buttons = move || {
        let series = series.get();
        let places = series.iter().enumerate();
        let buttons = places.map(|(place, (name, class))| {
            let figure = move || keys.get().get(place).map(|key| escape(&key.latest.figure));
            let figure = changing::text(move || figure().unwrap_or_default());
            button(name.clone(), class, figure, hidden)
        });
        buttons.collect::<Vec<_>>()
    };
    let row = if heat { "ramp" } else { "keys" };
    let ramp = heat.then(|| {
        let ramp = changing::text(move || ramp(charts, &panel.get()));
        view! { <span inner_html=ramp></span> }
    });
    view! { <span class=row>{ramp} {buttons}</span> }
}

/// A button that leaves a series out, or takes it back in.
fn button(
    name: String,
    class: &'static str,
    figure: Changing<String>,
    hidden: RwSignal<HashSet<String>>,
) -> impl IntoView + use<> {
    let of = name.clone();
    let shown = changing::text(move || hidden.with(|hidden| !hidden.contains(&of)).to_string());
    let label = [name.as_str(), " "].concat();
    let toggle = move |_| {
        hidden.update(|hidden| {
            if !hidden.remove(&name) {
                hidden.insert(name.clone());
            }
        });
    };
    view! {
        <button type="button" aria-pressed=shown on:click=toggle>
            <i class=class></i>
            {label}
            <b inner_html=figure></b>
        </button>
    }
}

/// How many a colour stands for, as markup.
fn ramp(charts: Charts, panel: &PanelSnapshot) -> String {
    let heat = charts.model(panel, &HashSet::new()).heat.unwrap_or_default();
    let per = duration(heat.per, charts.language);
    let mut ramp = String::with_capacity(256);
    match charts.language {
        Language::En => put(&mut ramp, &["count per ", &per]),
        Language::Ja => put(&mut ramp, &[&per, "ごとの件数"]),
    }
    ramp.push_str("<b>1</b>");
    for class in RAMP {
        put(&mut ramp, &[r#"<i class=""#, class, r#""></i>"#]);
    }
    put(&mut ramp, &["<b>", &escape(&heat.peak), "</b>"]);
    ramp
}

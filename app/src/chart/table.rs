//! The table of data behind a chart: for screen readers, for text browsers, and to read an exact value.

use std::sync::Arc;

use keiki_model::chart::{headings, readouts, summary};
use keiki_model::panel::{ChartKind, PanelSnapshot};
use keiki_model::text::Language;
use leptos::prelude::*;
use maud::{Markup, html};

use super::Charts;
use crate::changing;

/// How many rows it has: evenly spaced slots, the newest first.
const ROWS: usize = 30;

/// The values of a chart. Refreshed every five seconds, and only while it is open.
#[component]
pub fn DataTable(
    /// The panel now.
    panel: RwSignal<Arc<PanelSnapshot>>,
) -> impl IntoView {
    let kind = panel.get_untracked().spec.chart;
    let drawn = !matches!(kind, ChartKind::Table | ChartKind::Stat);
    let charts = expect_context::<Charts>();
    let title = match charts.language {
        Language::En => "Data table",
        Language::Ja => "データ表",
    };
    drawn.then(|| {
        let open = RwSignal::new(false);
        #[cfg(feature = "hydrate")]
        let shown = refreshed(panel, open);
        #[cfg(not(feature = "hydrate"))]
        let shown = panel;
        let head = changing::markup(move || head(&shown.get(), charts.language));
        let body = changing::markup(move || body(&shown.get(), charts));
        let spec = Arc::clone(&panel.get_untracked().spec);
        let id = ["data-", &spec.id].concat();
        let help = spec.help.get(charts.language).to_owned();
        // It may have been opened before the page was taken over.
        #[cfg(feature = "hydrate")]
        Effect::new({
            let id = id.clone();
            move |_| {
                let table = document().get_element_by_id(&id);
                open.set(table.is_some_and(|table| table.has_attribute("open")));
            }
        });
        let toggled = move |event: leptos::ev::Event| open.set(is_open(&event));
        view! {
            <details class="data" id=id on:toggle=toggled>
                <summary><svg class="icon" aria-hidden="true"><use href="#i-table"></use></svg>{title}</summary>
                <p class="help">{help}</p>
                <table class="table">
                    <thead inner_html=head></thead>
                    <tbody inner_html=body></tbody>
                </table>
            </details>
        }
    })
}

/// What a chart says to those who do not see it: read with the chart, and never by itself. Refreshed every five seconds.
#[component]
pub fn Summary(
    /// The panel now.
    panel: RwSignal<Arc<PanelSnapshot>>,
) -> impl IntoView {
    let charts = expect_context::<Charts>();
    #[cfg(feature = "hydrate")]
    let shown = refreshed(panel, RwSignal::new(true));
    #[cfg(not(feature = "hydrate"))]
    let shown = panel;
    let text = changing::text(move || summary(&shown.get(), charts.language));
    let id = summary_id(&panel.get_untracked().spec.id);
    view! { <p class="sr" id=id>{text}</p> }
}

/// The name under which a chart finds what it says.
pub fn summary_id(panel: &str) -> String {
    ["sum-", panel].concat()
}

/// The row of headings.
fn head(panel: &PanelSnapshot, language: Language) -> Markup {
    let time = match language {
        Language::En => "Time",
        Language::Ja => "時刻",
    };
    html! {
        tr {
            th scope="col" { (time) }
            @for name in headings(panel, language) { th scope="col" class="n" { (name) } }
        }
    }
}

/// The rows of values.
fn body(panel: &PanelSnapshot, charts: Charts) -> Markup {
    let header = charts.header.get();
    html! {
        @for readout in readouts(panel, ROWS, charts.language) {
            tr {
                th scope="row" { (header.zone.moment(readout.time, panel.to - 1)) }
                @for value in &readout.values { td class="n" { (value.figure) } }
            }
        }
    }
}

#[cfg(feature = "hydrate")]
fn is_open(event: &leptos::ev::Event) -> bool {
    use wasm_bindgen::JsCast;
    let target = event.current_target();
    target.is_some_and(|target| {
        target
            .unchecked_into::<leptos::web_sys::Element>()
            .has_attribute("open")
    })
}

#[cfg(not(feature = "hydrate"))]
fn is_open(_: &leptos::ev::Event) -> bool {
    false
}

/// The panel as it was when the table was opened, and every five seconds from then on.
#[cfg(feature = "hydrate")]
fn refreshed(panel: RwSignal<Arc<PanelSnapshot>>, open: RwSignal<bool>) -> RwSignal<Arc<PanelSnapshot>> {
    const EVERY: keiki_model::time::Millis = 5_000;
    let shown = RwSignal::new(panel.get_untracked());
    Effect::new(move |_| {
        let now = panel.get();
        if open.get() && now.to - shown.get_untracked().to >= EVERY {
            shown.set(now);
        }
    });
    shown
}

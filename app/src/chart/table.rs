//! The table of data behind a chart: for screen readers, for text browsers, and to read an exact value.

use std::sync::Arc;

use keiki_model::chart::{headings, readouts};
use keiki_model::panel::{ChartKind, PanelSnapshot};
use keiki_model::text::Language;
use leptos::prelude::*;

use super::Charts;
use super::frame::{escape, put};
use crate::changing;

/// How many rows it has: evenly spaced slots, the newest first.
const ROWS: usize = 30;

/// The values of a chart. Refreshed every five seconds, and only while it is open.
#[component]
pub fn DataTable(
    /// The panel now.
    panel: Signal<Arc<PanelSnapshot>>,
) -> impl IntoView {
    let kind = panel.get_untracked().spec.chart;
    let drawn = !matches!(kind, ChartKind::Heat | ChartKind::Table | ChartKind::Stat);
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
        let head = changing::text(move || head(&shown.get(), charts.language));
        let body = changing::text(move || body(&shown.get(), charts));
        let toggled = move |event: leptos::ev::Event| open.set(is_open(&event));
        view! {
            <details class="data" on:toggle=toggled>
                <summary><svg class="icon" aria-hidden="true"><use href="#i-table"></use></svg>{title}</summary>
                <table class="table">
                    <thead inner_html=head></thead>
                    <tbody inner_html=body></tbody>
                </table>
            </details>
        }
    })
}

/// The row of headings.
fn head(panel: &PanelSnapshot, language: Language) -> String {
    let time = match language {
        Language::En => "Time",
        Language::Ja => "時刻",
    };
    let mut row = String::with_capacity(256);
    put(&mut row, &[r#"<tr><th scope="col">"#, time, "</th>"]);
    for name in headings(panel, language) {
        put(&mut row, &[r#"<th scope="col" class="n">"#, &escape(&name), "</th>"]);
    }
    row.push_str("</tr>");
    row
}

/// The rows of values.
fn body(panel: &PanelSnapshot, charts: Charts) -> String {
    let zone = charts.zone.get();
    let mut rows = String::with_capacity(4_096);
    for readout in readouts(panel, ROWS, charts.language) {
        put(
            &mut rows,
            &[r#"<tr><th scope="row">"#, &zone.hms(readout.time), "</th>"],
        );
        for value in readout.values {
            put(&mut rows, &[r#"<td class="n">"#, &escape(&value.figure), "</td>"]);
        }
        rows.push_str("</tr>");
    }
    rows
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
fn refreshed(panel: Signal<Arc<PanelSnapshot>>, open: RwSignal<bool>) -> Signal<Arc<PanelSnapshot>> {
    const EVERY: keiki_model::time::Millis = 5_000;
    let shown = Memo::new(move |before: Option<&Arc<PanelSnapshot>>| {
        let before = before.cloned().unwrap_or_else(|| panel.get_untracked());
        if !open.get() {
            return before;
        }
        let now = panel.get();
        if now.to - before.to >= EVERY { now } else { before }
    });
    shown.into()
}

//! The table of data behind a chart: for screen readers, for text browsers, and to read an exact value.

use std::sync::Arc;

use keiki_model::chart::{Readout, headings, readouts};
use keiki_model::panel::{ChartKind, PanelSnapshot};
use keiki_model::text::Language;
use leptos::prelude::*;

use super::Charts;

/// How many rows it has: evenly spaced slots, the newest first.
const ROWS: usize = 30;

/// The values of a chart. Refreshed every five seconds, and only while it is open.
#[component]
pub fn DataTable(
    /// The panel now.
    panel: Signal<Arc<PanelSnapshot>>,
) -> impl IntoView {
    let drawn =
        panel.with_untracked(|panel| !matches!(panel.spec.chart, ChartKind::Heat | ChartKind::Table | ChartKind::Stat));
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
        let head = move || shown.with(|panel| head(panel, charts.language));
        let body = move || shown.with(|panel| body(panel, charts));
        let toggled = move |event: leptos::ev::Event| open.set(is_open(&event));
        view! {
            <details class="data" on:toggle=toggled>
                <summary><svg class="icon" aria-hidden="true"><use href="#i-table"></use></svg>{title}</summary>
                <table class="table">
                    <thead><tr>{head}</tr></thead>
                    <tbody>{body}</tbody>
                </table>
            </details>
        }
    })
}

fn head(panel: &PanelSnapshot, language: Language) -> impl IntoView + use<> {
    let time = match language {
        Language::En => "Time",
        Language::Ja => "時刻",
    };
    let names = headings(panel, language);
    let names = names
        .into_iter()
        .map(|name| view! { <th scope="col" class="n">{name}</th> });
    (view! { <th scope="col">{time}</th> }, names.collect::<Vec<_>>())
}

fn body(panel: &PanelSnapshot, charts: Charts) -> impl IntoView + use<> {
    let row = |readout: Readout| {
        let time = charts.zone.with(|zone| zone.hms(readout.time));
        let cells = readout
            .values
            .into_iter()
            .map(|value| view! { <td class="n">{value.figure}</td> });
        view! { <tr><th scope="row">{time}</th>{cells.collect::<Vec<_>>()}</tr> }
    };
    let rows = readouts(panel, ROWS, charts.language);
    rows.into_iter().map(row).collect::<Vec<_>>()
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
        panel.with(|now| {
            if now.to - before.to >= EVERY {
                Arc::clone(now)
            } else {
                before
            }
        })
    });
    shown.into()
}

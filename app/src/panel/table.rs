//! A panel's table: fixed row slots, sortable columns, a sparkline per row.

use std::sync::Arc;

use keiki_model::format::Scale;
use keiki_model::panel::{ColumnSpec, PanelSnapshot, Row, StatKey};
use keiki_model::target::Status;
use keiki_model::text::Language;
use leptos::ev::MouseEvent;
use leptos::prelude::*;
use maud::{Markup, html};

use super::order::{MOST_ROWS, Order};
use super::row::Shown;
use crate::changing;
use crate::chart::sparkline;
use crate::icon::{DOWN, icon, shape};
use crate::request::Sort;
use crate::state::Page;
use crate::text;

/// What the parts of a table share.
#[derive(Clone, Copy)]
struct Parts {
    page: Page,
    panel: RwSignal<Arc<PanelSnapshot>>,
    order: Memo<Arc<Order>>,
    /// Whether its rows have sparklines.
    trend: bool,
    /// Whether any column has a goal.
    judged: bool,
}

/// The table of a panel.
#[component]
pub fn Table(
    /// The state of the page.
    page: Page,
    /// The panel.
    panel: RwSignal<Arc<PanelSnapshot>>,
) -> impl IntoView {
    let language = page.language;
    let shown = panel.get_untracked();
    let spec = Arc::clone(&shown.spec);
    let sort = move || page.request.get().sort;
    let order = Memo::new(move |before: Option<&Arc<Order>>| {
        Arc::new(Order::next(before.map(|before| &**before), &panel.get(), sort()))
    });
    let parts = Parts {
        page,
        panel,
        order,
        trend: !shown.series.is_empty(),
        judged: spec.columns.iter().any(|column| column.goal.is_some()),
    };
    // Slots only ever grow: a row that goes leaves an empty slot, hidden, for the next.
    let slots = Memo::new(move |before: Option<&usize>| {
        let now = panel.get().rows.len().min(MOST_ROWS);
        now.max(before.copied().unwrap_or_default())
    });
    let heads = spec.columns.iter().map(|column| {
        let unit = Scale::of_column(&spec, column).unit(language);
        head(page, Some(column.key), column.label.get(language), unit, column.minor)
    });
    let heads: Vec<_> = heads.collect();
    let name = head(page, None, spec.title.get(language), "", false);
    let caption = changing::text(move || {
        let title = spec.title.get(language);
        let Some(sort) = sort() else {
            return title.to_owned();
        };
        let column = spec.columns.iter().find(|column| Some(column.key) == sort.column);
        let column = column.map_or(title, |column| column.label.get(language));
        text::sorted(title, column, sort.descending, language)
    });
    let rows = move || (0..slots.get()).map(|slot| row(parts, slot)).collect::<Vec<_>>();
    let full = changing::flag(move || !panel.get().rows.is_empty());
    view! {
        <div class="scroll">
            <table class="table">
                <caption class="sr">{caption}</caption>
                <thead>
                    <tr>
                        {name}
                        {heads}
                        {parts.trend.then(|| view! { <th scope="col" class="trend">{text::TREND.get(language)}</th> })}
                        {parts.judged.then(|| view! { <th scope="col" class="verdict">{text::VERDICT.get(language)}</th> })}
                    </tr>
                </thead>
                {rows}
            </table>
            <p class="note" hidden=full>{text::NO_ROWS.get(language)}</p>
        </div>
    }
}

/// A column's head: a plain link, which in the browser sorts where the page stands.
fn head(page: Page, column: Option<StatKey>, label: &str, unit: &str, minor: bool) -> impl IntoView + use<> {
    let chosen = move || page.request.get().sort.filter(|sort| sort.column == column);
    let next = move |before: Option<Sort>| match before.filter(|sort| sort.column == column) {
        Some(sort) => sort.reversed(),
        None => Sort::first(column),
    };
    let href = page.link(move |request| request.sort = Some(next(request.sort)));
    let press = move |event: MouseEvent| {
        event.prevent_default();
        page.change(|request| request.sort = Some(next(request.sort)));
    };
    let sorted = changing::attribute(move || {
        let sort = chosen()?;
        let order = if sort.descending { "descending" } else { "ascending" };
        Some(order.to_owned())
    });
    let class = match (column, minor) {
        (None, _) => "name",
        (Some(_), false) => "n",
        (Some(_), true) => "n minor",
    };
    let unit = (!unit.is_empty()).then(|| view! { <small>{unit.to_owned()}</small> });
    view! {
        <th scope="col" class=class aria-sort=sorted>
            <a href=href on:click=press><span>{label.to_owned()}{unit}</span>{icon(DOWN)}</a>
        </th>
    }
}

/// The slot of a row. Its row may be another one after the next sorting, or none. It is a `tbody` of its own, so that only
/// what changed is made anew.
fn row(parts: Parts, slot: usize) -> impl IntoView {
    let Parts { page, panel, order, .. } = parts;
    let drawn = changing::markup(move || {
        let (panel, order) = (panel.get(), order.get());
        let row = order.row(&panel, slot);
        html! { @if let Some(row) = row { (draw(parts, &panel, row, page.language)) } }
    });
    view! { <tbody inner_html=drawn></tbody> }
}

fn draw(parts: Parts, panel: &PanelSnapshot, row: &Row, language: Language) -> Markup {
    let shown = Shown::new(panel, row, language);
    let columns = panel.spec.columns.iter().zip(&shown.cells);
    let series = panel.series.iter().find(|series| series.labels == row.labels);
    html! {
        tr data-series=(shown.name) data-status=[shown.status.map(Status::as_str)] {
            th scope="row" class="name" title=(shown.name) {
                @if let Some(before) = shown.before { i { (before) } }
                (shown.main)
                @if !shown.after.is_empty() { small { (shown.after) } }
            }
            @for (column, cell) in columns {
                td class={ "n" (minor(column)) (judged(cell.status)) } data-stat=(column.key.as_str())
                    data-value=[cell.value] { (cell.text) }
            }
            @if parts.trend {
                td class="trend" { (sparkline(series.map_or(&[], |series| &series.points), None)) }
            }
            @if parts.judged {
                td class="verdict" {
                    @if let Some(status) = shown.status { (shape(status.as_str())) }
                    span { (shown.verdict) }
                }
            }
        }
    }
}

fn minor(column: &ColumnSpec) -> &'static str {
    if column.minor { " minor" } else { "" }
}

fn judged(status: Option<Status>) -> &'static str {
    match status {
        Some(Status::Warn) => " is-warn",
        Some(Status::Bad) => " is-bad",
        Some(Status::Ok) | None => "",
    }
}

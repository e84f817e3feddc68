//! A panel's table: fixed row slots, sortable columns, a sparkline per row.

use std::sync::Arc;

use keiki_model::format::Scale;
use keiki_model::panel::{PanelSnapshot, Row, StatKey};
use leptos::ev::MouseEvent;
use leptos::prelude::*;
use maud::Markup;

use super::order::{self, MOST_ROWS, Order};
use super::row;
use crate::changing::{self, Changing};
use crate::icon::{DOWN, icon};
use crate::page::is_plain;
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
        trend: spec.sparklines,
        judged: spec.columns.iter().any(|column| column.goal.is_some()),
    };
    // Slots only ever grow: a row that goes leaves an empty slot for the next.
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
    let help = shown.spec.help.get(language).to_owned();
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
                <tbody>{rows}</tbody>
            </table>
            <p class="note" hidden=full>{text::NO_ROWS.get(language)}</p>
        </div>
        <p class="help">{help}</p>
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
        if is_plain(&event) {
            event.prevent_default();
            page.change(|request| request.sort = Some(next(request.sort)));
        }
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

/// The slot of a row. Its row may be another one after the next sorting, or none. A cell is made anew only when its own
/// content changes, so that what is read, pointed at or selected stays.
fn row(parts: Parts, slot: usize) -> impl IntoView {
    let language = parts.page.language;
    let name = changing::attribute(move || parts.read(slot, order::name));
    let title = name.clone();
    let status = changing::attribute(move || {
        let status = parts.read(slot, |_, row| row::status(row)).flatten();
        status.map(|status| status.as_str().to_owned())
    });
    let gone = changing::flag(move || parts.read(slot, |_, _| ()).is_none());
    let main = parts.drawn(slot, row::name);
    let columns = Arc::clone(&parts.panel.get_untracked().spec);
    let columns = columns.columns.iter().enumerate();
    let figures = columns.map(|(at, column)| {
        let class = if column.minor { "n minor" } else { "n" };
        (
            class,
            parts.drawn(slot, move |panel, row| row::cell(panel, row, at, language)),
        )
    });
    let trend = parts.trend.then(|| ("trend", parts.drawn(slot, row::trend)));
    let verdict = parts.judged.then(|| {
        let verdict = move |panel: &PanelSnapshot, row: &Row| row::verdict(panel, row, language);
        ("verdict", parts.drawn(slot, verdict))
    });
    let cells = figures.chain(trend).chain(verdict);
    let cells: Vec<_> = cells
        .map(|(class, drawn)| view! { <td class=class inner_html=drawn></td> })
        .collect();
    view! {
        <tr data-series=name data-status=status hidden=gone>
            <th scope="row" class="name" title=title inner_html=main></th>
            {cells}
        </tr>
    }
}

impl Parts {
    /// Something of the row in a slot, if there is one.
    fn read<T>(self, slot: usize, read: impl FnOnce(&PanelSnapshot, &Row) -> T) -> Option<T> {
        let (panel, order) = (self.panel.get(), self.order.get());
        let row = order.row(&panel, slot)?;
        Some(read(&panel, row))
    }

    /// The content of one of its cells.
    fn drawn(self, slot: usize, draw: impl Fn(&PanelSnapshot, &Row) -> Markup + Send + 'static) -> Changing<String> {
        changing::text(move || self.read(slot, &draw).map(Markup::into_string).unwrap_or_default())
    }
}

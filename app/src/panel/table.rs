//! A panel's table: fixed row slots, sortable columns, a sparkline per row.

use std::sync::Arc;

use keiki_model::format::Scale;
use keiki_model::panel::{ColumnSpec, PanelSnapshot, StatKey};
use keiki_model::target::Status;
use leptos::ev::MouseEvent;
use leptos::prelude::*;

use super::order::{MOST_ROWS, Order};
use super::row::Shown;
use crate::changing;
use crate::chart::Sparkline;
use crate::icon::{DOWN, icon, shape_html};
use crate::request::Sort;
use crate::state::Page;
use crate::text;

/// What the parts of a table share.
#[derive(Clone, Copy)]
struct Parts {
    page: Page,
    panel: Signal<Arc<PanelSnapshot>>,
    order: Memo<Arc<Order>>,
    /// Whether its rows have sparklines.
    trend: bool,
    /// Whether any column has a goal.
    judged: bool,
    /// Whether a row's name has a part before the one that tells rows apart, and one after it.
    around: (bool, bool),
}

/// The table of a panel.
#[component]
pub fn Table(
    /// The state of the page.
    page: Page,
    /// The panel.
    panel: Signal<Arc<PanelSnapshot>>,
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
        around: Shown::around(&spec),
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
                <tbody>{rows}</tbody>
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

/// The slot of a row. Its row may be another one after the next sorting, or none.
fn row(parts: Parts, slot: usize) -> impl IntoView {
    let Parts { page, panel, order, .. } = parts;
    let row = Memo::new(move |_| Arc::new(Shown::new(&panel.get(), &order.get(), slot, page.language)));
    let part = move |part: fn(&Shown) -> &str| changing::text(move || part(&row.get()).to_owned());
    let name = changing::attribute(move || row.get().name.clone());
    let title = name.clone();
    let columns = &panel.get_untracked().spec.columns;
    let cells: Vec<_> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| cell(row, at, column))
        .collect();
    let points = Signal::derive(move || {
        let (panel, order) = (panel.get(), order.get());
        let labels = order.row(&panel, slot).map(|row| &row.labels);
        let series = panel.series.iter().find(|series| Some(&series.labels) == labels);
        series.map(|series| series.points.clone()).unwrap_or_default()
    });
    let verdict = parts.judged.then(|| {
        let verdict = changing::text(move || {
            let row = row.get();
            let shape = row.status.map_or("", |status| shape_html(status.as_str()));
            [shape, "<span>", &changing::html(&row.verdict), "</span>"].concat()
        });
        view! { <td class="verdict" inner_html=verdict></td> }
    });
    view! {
        <tr
            data-series=name
            data-status=changing::attribute(move || row.get().status.map(Status::as_str).map(str::to_owned))
            hidden=changing::flag(move || row.get().name.is_none())
        >
            <th scope="row" class="name" title=title>
                {parts.around.0.then(|| view! { <i>{part(|row| &row.before)}</i> })}
                {part(|row| &row.main)}
                {parts.around.1.then(|| view! { <small>{part(|row| &row.after)}</small> })}
            </th>
            {cells}
            {parts.trend.then(|| view! { <td class="trend"><Sparkline points/></td> })}
            {verdict}
        </tr>
    }
}

fn cell(row: Memo<Arc<Shown>>, at: usize, column: &ColumnSpec) -> impl IntoView + use<> {
    let minor = column.minor;
    let value = changing::attribute(move || Some(row.get().cells.get(at)?.value?.to_string()));
    let text = changing::text(move || {
        let row = row.get();
        row.cells
            .get(at)
            .map(|cell| changing::html(&cell.text))
            .unwrap_or_default()
    });
    let class = changing::text(move || {
        let status = row.get().cells.get(at).and_then(|cell| cell.status);
        let judged = match status {
            Some(Status::Warn) => " is-warn",
            Some(Status::Bad) => " is-bad",
            Some(Status::Ok) | None => "",
        };
        ["n", if minor { " minor" } else { "" }, judged].concat()
    });
    view! { <td class=class data-stat=column.key.as_str() data-value=value inner_html=text></td> }
}

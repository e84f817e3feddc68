//! A panel's table: fixed row slots, sortable columns, a sparkline per row.

use std::sync::Arc;

use keiki_model::format::{self, Scale};
use keiki_model::panel::{PanelSnapshot, PanelSpec, Row, StatKey};
use keiki_model::target::Status;
use leptos::ev::MouseEvent;
use leptos::prelude::*;

use super::order::{self, MOST_ROWS, Order};
use crate::chart::Sparkline;
use crate::icon::{DOWN, icon, shape};
use crate::request::Sort;
use crate::state::Page;
use crate::text;

/// What the rows of a table share.
#[derive(Clone, Copy)]
struct Rows {
    page: Page,
    panel: Signal<Arc<PanelSnapshot>>,
    order: Memo<Order>,
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
    let spec = panel.with_untracked(|panel| Arc::clone(&panel.spec));
    let sort = Memo::new(move |_| page.request.with(|request| request.sort));
    let order = Memo::new(move |before| panel.with(|panel| Order::next(before, panel, sort.get())));
    let rows = Rows { page, panel, order };
    // Slots only ever grow: a row that goes leaves an empty slot, hidden, for the next.
    let slots = Memo::new(move |before: Option<&usize>| {
        let now = panel.with(|panel| panel.rows.len().min(MOST_ROWS));
        now.max(before.copied().unwrap_or_default())
    });
    let trend = panel.with_untracked(|panel| !panel.series.is_empty());
    let judged = spec.columns.iter().any(|column| column.goal.is_some());
    let caption = {
        let spec = Arc::clone(&spec);
        move || {
            let title = spec.title.get(language);
            let Some(sort) = sort.get() else {
                return title.to_owned();
            };
            let column = spec.columns.iter().find(|column| Some(column.key) == sort.column);
            let column = column.map_or(spec.title.get(language), |column| column.label.get(language));
            text::sorted(title, column, sort.descending, language)
        }
    };
    let heads = spec.columns.iter().map(|column| {
        let unit = Scale::of_column(&spec, column).unit(language);
        head(page, Some(column.key), column.label.get(language), unit, column.minor)
    });
    let body = move || {
        (0..slots.get())
            .map(|slot| row(rows, slot, trend, judged))
            .collect_view()
    };
    let none = move || {
        panel
            .with(|panel| panel.rows.is_empty())
            .then(|| view! { <p class="note">{text::NO_ROWS.get(language)}</p> })
    };
    view! {
        <div class="scroll">
            <table class="table">
                <caption class="sr">{caption}</caption>
                <thead>
                    <tr>
                        {head(page, None, spec.title.get(language), "", false)}
                        {heads.collect_view()}
                        {trend.then(|| view! { <th scope="col" class="trend">{text::TREND.get(language)}</th> })}
                        {judged.then(|| view! { <th scope="col" class="verdict">{text::VERDICT.get(language)}</th> })}
                    </tr>
                </thead>
                <tbody>{body}</tbody>
            </table>
            {none}
        </div>
    }
}

/// A column's head: a plain link, which in the browser sorts where the page stands.
fn head(page: Page, column: Option<StatKey>, label: &str, unit: &str, minor: bool) -> AnyView {
    let chosen = move || {
        page.request
            .with(|request| request.sort.filter(|sort| sort.column == column))
    };
    let next = move || match chosen() {
        Some(sort) => sort.reversed(),
        None => Sort::first(column),
    };
    let href = move || {
        let next = next();
        page.request
            .with(|request| request.with(|other| other.sort = Some(next)).href())
    };
    let press = move |event: MouseEvent| {
        event.prevent_default();
        let next = untrack(next);
        page.request.update(|request| request.sort = Some(next));
    };
    let sorted = move || chosen().map(|sort| if sort.descending { "descending" } else { "ascending" });
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
    .into_any()
}

/// The slot of a row. Its row may be another one after the next sorting, or none.
fn row(rows: Rows, slot: usize, trend: bool, judged: bool) -> AnyView {
    let Rows { page, panel, order } = rows;
    let language = page.language;
    let spec = panel.with_untracked(|panel| Arc::clone(&panel.spec));
    let name = Memo::new(move |_| {
        order.with(|order| {
            panel.with(|panel| {
                let row = order.row(panel, slot)?;
                Some((order::name(panel, row), Name::new(panel, row)))
            })
        })
    });
    let part = move |part: fn(&Name) -> &str| {
        move || name.with(|name| name.as_ref().map(|(_, name)| part(name).to_owned()).unwrap_or_default())
    };
    let (before, after) = Name::around(&spec);
    let worst = Memo::new(move |_| {
        order.with(|order| {
            panel.with(|panel| {
                order
                    .row(panel, slot)?
                    .cells
                    .iter()
                    .filter_map(|cell| cell.status)
                    .max()
            })
        })
    });
    let cells = (0..spec.columns.len()).map(|at| cell(rows, slot, at, spec.columns[at].key, spec.columns[at].minor));
    let points = Signal::derive(move || {
        order.with(|order| {
            panel.with(|panel| {
                let labels = order.row(panel, slot).map(|row| &row.labels);
                let series = panel.series.iter().find(|series| Some(&series.labels) == labels);
                series.map(|series| series.points.clone()).unwrap_or_default()
            })
        })
    });
    let verdict = judged.then(|| {
        let kind = move || worst.get().map_or("", Status::as_str);
        let text = move || match worst.get() {
            Some(Status::Ok) => text::NORMAL.get(language).to_owned(),
            Some(status) => order.with(|order| panel.with(|panel| missed(panel, order, slot, status, page))),
            None => String::new(),
        };
        view! { <td class="verdict">{shape(kind)}<span>{text}</span></td> }.into_any()
    });
    view! {
        <tr
            data-series=move || name.with(|name| name.as_ref().map(|(name, _)| name.clone()))
            data-status=move || worst.get().map(Status::as_str)
            hidden=move || name.with(Option::is_none)
        >
            <th scope="row" class="name" title=move || name.with(|name| name.as_ref().map(|(name, _)| name.clone()))>
                {before.then(|| view! { <i>{part(|name| &name.before)}</i> })}
                {part(|name| &name.main)}
                {after.then(|| view! { <small>{part(|name| &name.after)}</small> })}
            </th>
            {cells.collect_view()}
            {trend.then(|| view! { <td class="trend">{view! { <Sparkline points/> }.into_any()}</td> })}
            {verdict}
        </tr>
    }
    .into_any()
}

fn cell(rows: Rows, slot: usize, at: usize, key: StatKey, minor: bool) -> AnyView {
    let Rows { page, panel, order } = rows;
    let cell = Memo::new(move |_| {
        order.with(|order| {
            panel.with(|panel| {
                let (cell, column) = (order.row(panel, slot)?.cells.get(at)?, panel.spec.columns.get(at)?);
                let text = format::cell(&panel.spec, column, cell, page.language).figure;
                Some((cell.value, cell.status, text))
            })
        })
    });
    let value = move || cell.with(|cell| cell.as_ref()?.0.map(|value| value.to_string()));
    let text = move || cell.with(|cell| cell.as_ref().map(|cell| cell.2.clone()).unwrap_or_default());
    let class = move || {
        let status = cell.with(|cell| cell.as_ref()?.1);
        match (status, minor) {
            (Some(Status::Warn), false) => "n is-warn",
            (Some(Status::Warn), true) => "n minor is-warn",
            (Some(Status::Bad), false) => "n is-bad",
            (Some(Status::Bad), true) => "n minor is-bad",
            (_, false) => "n",
            (_, true) => "n minor",
        }
    };
    view! { <td class=class data-stat=key.as_str() data-value=value>{text}</td> }.into_any()
}

/// What a row missed, and by how much.
fn missed(panel: &PanelSnapshot, order: &Order, slot: usize, status: Status, page: Page) -> String {
    let Some(row) = order.row(panel, slot) else {
        return String::new();
    };
    let parts: Vec<String> = panel
        .spec
        .columns
        .iter()
        .zip(&row.cells)
        .filter(|(_, cell)| cell.status == Some(status))
        .filter_map(|(column, cell)| {
            let distance = Scale::of_column(&panel.spec, column).distance(cell.value?, column.goal.as_ref()?);
            Some([column.label.get(page.language), " ", &distance].concat())
        })
        .collect();
    parts.join(", ")
}

/// A row's name in parts: what stands small before and after the part that tells rows apart.
#[derive(Clone, Debug, PartialEq)]
struct Name {
    before: String,
    main: String,
    after: String,
}

impl Name {
    /// Whether names have a part before and one after.
    fn around(spec: &PanelSpec) -> (bool, bool) {
        let before = spec.naming.first().is_some_and(|label| label == "http_request_method");
        (before, spec.naming.len() > 1 + usize::from(before))
    }

    fn new(panel: &PanelSnapshot, row: &Row) -> Self {
        let mut parts = order::parts(panel, row);
        let (before, _) = Self::around(&panel.spec);
        let before = if before { parts.next() } else { None }.unwrap_or_default();
        let main = parts.next().unwrap_or_default();
        let after: Vec<&str> = parts.collect();
        Self {
            before: before.to_owned(),
            main: main.to_owned(),
            after: after.join(" "),
        }
    }
}

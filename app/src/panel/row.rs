//! What stands in a row of a table, cell by cell.

use keiki_model::format::{self, Scale};
use keiki_model::panel::{PanelSnapshot, Row};
use keiki_model::target::Status;
use keiki_model::text::Language;
use maud::{Markup, html};

use crate::chart::sparkline;
use crate::icon::shape;
use crate::text;

/// The worst judgement of a row's cells.
pub fn status(row: &Row) -> Option<Status> {
    row.cells.iter().filter_map(|cell| cell.status).max()
}

/// The name: the part that tells rows apart, with what goes before and after it small.
pub fn name(panel: &PanelSnapshot, row: &Row) -> Markup {
    // A method goes before its route.
    let first = panel.spec.naming.first();
    let method = first.is_some_and(|label| label == "http_request_method");
    let mut values = panel.spec.naming.iter().filter_map(|label| row.labels.get(label));
    let before = if method { values.next() } else { None };
    let main = values.next().unwrap_or_default();
    let after = values.collect::<Vec<_>>().join(" ");
    html! {
        @if let Some(before) = before { i { (before) } }
        (main)
        @if !after.is_empty() { small { (after) } }
    }
}

/// The figure of a column.
pub fn cell(panel: &PanelSnapshot, row: &Row, at: usize, language: Language) -> Markup {
    let judged = |status| match status {
        Some(Status::Warn) => Some("is-warn"),
        Some(Status::Bad) => Some("is-bad"),
        Some(Status::Ok) | None => None,
    };
    html! {
        @if let (Some(column), Some(cell)) = (panel.spec.columns.get(at), row.cells.get(at)) {
            data class=[judged(cell.status)] data-stat=(column.key.as_str()) data-value=[cell.value] value=[cell.value] {
                (format::cell(&panel.spec, column, cell, language).figure)
            }
        }
    }
}

/// The sparkline.
pub fn trend(panel: &PanelSnapshot, row: &Row) -> Markup {
    let series = panel.series.iter().find(|series| series.labels == row.labels);
    sparkline(series.map_or(&[], |series| &series.points), None)
}

/// The judgement in words: normal, or what was missed and by how much.
pub fn verdict(panel: &PanelSnapshot, row: &Row, language: Language) -> Markup {
    html! {
        @if let Some(status) = status(row) {
            (shape(status.as_str()))
            span {
                @if status == Status::Ok { (text::NORMAL.get(language)) } @else { (missed(panel, row, status, language)) }
            }
        }
    }
}

/// What a row missed, and by how much.
fn missed(panel: &PanelSnapshot, row: &Row, status: Status, language: Language) -> String {
    let mut text = String::new();
    for (column, cell) in panel.spec.columns.iter().zip(&row.cells) {
        if let (Some(judged), Some(value), Some(goal)) = (cell.status, cell.value, &column.goal)
            && judged == status
        {
            let distance = Scale::of_column(&panel.spec, column).distance(value, goal);
            text.extend([
                if text.is_empty() { "" } else { ", " },
                column.label.get(language),
                " ",
                &distance,
            ]);
        }
    }
    text
}

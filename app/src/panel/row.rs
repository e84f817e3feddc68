//! A row of a table as it is painted.

use keiki_model::format::{self, Scale};
use keiki_model::panel::{PanelSnapshot, Row};
use keiki_model::target::Status;
use keiki_model::text::Language;

use super::order;
use crate::text;

/// A row.
#[derive(Debug)]
pub struct Shown<'a> {
    /// What `data-series` has.
    pub name: String,
    /// What stands small before the part that tells rows apart.
    pub before: Option<&'a str>,
    /// The part that tells rows apart.
    pub main: &'a str,
    /// What stands small after it.
    pub after: String,
    /// The worst judgement of its cells.
    pub status: Option<Status>,
    /// In words: normal, or what was missed and by how much.
    pub verdict: String,
    /// One per column.
    pub cells: Vec<Cell>,
}

/// A cell.
#[derive(Debug)]
pub struct Cell {
    /// Its value, in base units.
    pub value: Option<f64>,
    /// Its figure.
    pub text: String,
    /// Its judgement.
    pub status: Option<Status>,
}

impl<'a> Shown<'a> {
    /// A row of a panel.
    pub fn new(panel: &'a PanelSnapshot, row: &'a Row, language: Language) -> Self {
        let status = row.cells.iter().filter_map(|cell| cell.status).max();
        // A method goes before its route.
        let first = panel.spec.naming.first();
        let method = first.is_some_and(|label| label == "http_request_method");
        let mut values = panel.spec.naming.iter().filter_map(|label| row.labels.get(label));
        let before = if method { values.next() } else { None };
        let main = values.next().unwrap_or_default();
        let after: Vec<&str> = values.collect();
        let cells = panel.spec.columns.iter().zip(&row.cells).map(|(column, cell)| Cell {
            value: cell.value,
            text: format::cell(&panel.spec, column, cell, language).figure,
            status: cell.status,
        });
        Self {
            name: order::name(panel, row),
            before,
            main,
            after: after.join(" "),
            status,
            verdict: match status {
                Some(Status::Ok) => text::NORMAL.get(language).to_owned(),
                Some(status) => missed(panel, row, status, language),
                None => String::new(),
            },
            cells: cells.collect(),
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

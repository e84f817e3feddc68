//! A row of a table as it is painted.

use keiki_model::format::{self, Scale};
use keiki_model::panel::{PanelSnapshot, PanelSpec, Row};
use keiki_model::target::Status;
use keiki_model::text::Language;

use super::order::{self, Order};
use crate::text;

/// A row; without a name where its slot is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown {
    /// What `data-series` has.
    pub name: Option<String>,
    /// What stands small before the part that tells rows apart.
    pub before: String,
    /// The part that tells rows apart.
    pub main: String,
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
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// Its value, in base units.
    pub value: Option<f64>,
    /// Its figure.
    pub text: String,
    /// Its judgement.
    pub status: Option<Status>,
}

impl Shown {
    /// What stands in a slot.
    pub fn new(panel: &PanelSnapshot, order: &Order, slot: usize, language: Language) -> Self {
        let Some(row) = order.row(panel, slot) else {
            return Self::default();
        };
        let status = row.cells.iter().filter_map(|cell| cell.status).max();
        let mut values = panel.spec.naming.iter().filter_map(|label| row.labels.get(label));
        let (before, _) = Self::around(&panel.spec);
        let before = if before { values.next() } else { None };
        let main = values.next();
        let after: Vec<&str> = values.collect();
        let cells = panel.spec.columns.iter().zip(&row.cells).map(|(column, cell)| Cell {
            value: cell.value,
            text: format::cell(&panel.spec, column, cell, language).figure,
            status: cell.status,
        });
        Self {
            name: Some(order::name(panel, row)),
            before: before.unwrap_or_default().to_owned(),
            main: main.unwrap_or_default().to_owned(),
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

    /// Whether the names of a panel's rows have a part before and one after: a method goes before its route.
    pub fn around(spec: &PanelSpec) -> (bool, bool) {
        let before = spec.naming.first().is_some_and(|label| label == "http_request_method");
        (before, spec.naming.len() > 1 + usize::from(before))
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

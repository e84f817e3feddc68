//! The order of a table's rows. A row keeps its slot while its values change: rows are sorted anew every five seconds,
//! not every tick, so that a row can be read and pressed; those that are read no more often than that, with their figures.

use std::cmp::Ordering;

use keiki_model::panel::{PanelSnapshot, Row};
use keiki_model::series::Labels;
use keiki_model::sort::sort_places;
use keiki_model::time::SECOND;

use crate::request::Sort;

/// How long rows keep their slots, in milliseconds.
const HOLD: i64 = 5 * SECOND;

/// The most rows that are drawn.
pub const MOST_ROWS: usize = 60;

/// Which row stands in which slot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Order {
    /// For each slot the row's place in the snapshot.
    pub places: Vec<usize>,
    labels: Vec<Labels>,
    sort: Option<Sort>,
    since: i64,
}

impl Order {
    /// The order now, given the one before.
    pub fn next(before: Option<&Self>, panel: &PanelSnapshot, sort: Option<Sort>) -> Self {
        // What is read so seldom changes with its readings only, and always stands by the figures that it shows. When a
        // reading has come does not tell when its figures show: the second that is shown may have ended before it.
        let seldom = i64::from(panel.interval_ms) >= HOLD;
        let since = panel.newest.unwrap_or_default().div_euclid(HOLD);
        let kept = before.filter(|before| !seldom && before.since == since && before.sort == sort);
        let mut places: Vec<usize> = (0..panel.rows.len()).collect();
        match kept {
            Some(before) => {
                let held = |row: &Row| before.labels.iter().position(|held| *held == row.labels);
                let held: Vec<usize> = panel.rows.iter().map(|row| held(row).unwrap_or(usize::MAX)).collect();
                sort_places(&mut places, &|a, b| held[a].cmp(&held[b]));
            }
            None => sort_rows(&mut places, panel, sort),
        }
        places.truncate(MOST_ROWS);
        Self {
            labels: places.iter().map(|&place| panel.rows[place].labels.clone()).collect(),
            places,
            sort,
            since,
        }
    }

    /// The row in a slot.
    pub fn row<'a>(&self, panel: &'a PanelSnapshot, slot: usize) -> Option<&'a Row> {
        panel.rows.get(*self.places.get(slot)?)
    }
}

fn sort_rows(places: &mut [usize], panel: &PanelSnapshot, sort: Option<Sort>) {
    // A column that this table lacks leaves the server's order.
    let Some(sort) = sort else { return };
    let column = match sort.column {
        Some(key) => match panel.spec.columns.iter().position(|column| column.key == key) {
            Some(at) => Some(at),
            None => return,
        },
        None => None,
    };
    sort_places(places, &|a, b| {
        let (a, b) = (&panel.rows[a], &panel.rows[b]);
        let Some(at) = column else {
            let order = name(panel, a).cmp(&name(panel, b));
            return if sort.descending { order.reverse() } else { order };
        };
        let value = |row: &Row| row.cells.get(at).and_then(|cell| cell.value);
        match (value(a), value(b)) {
            (Some(a), Some(b)) if sort.descending => b.total_cmp(&a),
            (Some(a), Some(b)) => a.total_cmp(&b),
            // What has no value comes last either way.
            (a, b) => b.is_some().cmp(&a.is_some()).then(Ordering::Equal),
        }
    });
}

/// A row's name, as `data-series` has it: the values of the labels that the spec names rows by, in its order.
pub fn name(panel: &PanelSnapshot, row: &Row) -> String {
    let values = panel.spec.naming.iter().filter_map(|label| row.labels.get(label));
    values.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use keiki_model::group;
    use keiki_model::panel::State;

    use super::*;

    fn panel(interval_ms: u32, newest: i64, names: [&str; 2]) -> PanelSnapshot {
        let row = |name| Row {
            labels: Labels::new([("process_name", name)]),
            cells: Vec::new(),
        };
        PanelSnapshot {
            before: Vec::new(),
            spec: group::panel("resources.processes").unwrap().spec.clone().into(),
            state: State::Live,
            status: None,
            itself: false,
            interval_ms,
            newest: Some(newest),
            step: 1,
            to: 5_000,
            slots: 1,
            series: Vec::new(),
            rows: names.map(row).to_vec(),
            stats: Vec::new(),
            failure: None,
        }
    }

    /// The row that is on top after each of several snapshots in turn.
    fn tops(interval_ms: u32, snapshots: &[(i64, [&str; 2])]) -> Vec<String> {
        let mut order = None;
        let top = |(newest, names): &(i64, [&str; 2])| {
            let panel = panel(interval_ms, *newest, *names);
            let next = Order::next(order.as_ref(), &panel, None);
            let name = next
                .row(&panel, 0)
                .unwrap()
                .labels
                .get("process_name")
                .unwrap()
                .to_owned();
            order = Some(next);
            name
        };
        snapshots.iter().map(top).collect()
    }

    #[test]
    fn rows_hold_for_five_seconds() {
        let snapshots = [
            (850, ["a", "b"]),
            (1_850, ["b", "a"]),
            (4_850, ["b", "a"]),
            (5_850, ["b", "a"]),
            (9_850, ["a", "b"]),
        ];
        assert_eq!(tops(1_000, &snapshots), ["a", "a", "a", "b", "b"]);
    }

    #[test]
    fn what_is_read_seldom_stands_by_what_it_shows() {
        // The second reading has come while the second before it is shown, and shows a second later.
        let snapshots = [(5_050, ["a", "b"]), (9_990, ["a", "b"]), (9_990, ["b", "a"])];
        assert_eq!(tops(5_000, &snapshots), ["a", "a", "b"]);
    }
}

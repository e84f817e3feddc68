//! Latency heat maps: how many observations fell into each row of a fixed ladder, slot by slot.

use keiki_model::query::Selector;
use keiki_model::series::Labels;

use super::evaluate::{Evaluator, Line};
use super::grid::Grid;
use super::track::Track;
use super::trailing;
use crate::store::Stored;

/// The rows' upper bounds, seconds. They are fixed, so that a row means the same in every picture; the last one is a
/// minute, where clients give up, and takes all that was slower.
const LADDER: [f64; 18] = [
    1e-4, 2e-4, 5e-4, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0,
];

/// The rows from the lowest to the highest that anything fell into, with the label `le`, ascending. A slot in which the
/// sources reported that nothing happened is zero in all rows; one in which they did not report is a gap.
pub(crate) fn rows<'a>(evaluator: &Evaluator<'a>, selector: &'a Selector) -> Vec<(Labels, Line)> {
    let groups = evaluator.groups(selector, &[]);
    let Some(group) = groups.first() else { return Vec::new() };
    let grid = evaluator.grid();
    let mut rows = vec![vec![f64::NAN; grid.slots]; LADDER.len()];
    for (slot, measured) in measured(&group.members, grid).into_iter().enumerate() {
        let from = grid.from + grid.step * slot as i64;
        let merged = trailing::window(&group.members, from, from + grid.step);
        if !measured && merged.count() == 0 {
            continue;
        }
        // Rounded sums, not sums of rounded parts: the rows of a slot add up to what was observed.
        let mut below = 0.0;
        for (row, bound) in rows.iter_mut().zip(LADDER) {
            let last = bound == LADDER[LADDER.len() - 1];
            let sum = if last {
                merged.count() as f64
            } else {
                merged.at_or_below(bound).round()
            };
            row[slot] = sum - below;
            below = sum;
        }
    }
    let used = |row: &Line| row.iter().any(|count| *count > 0.0);
    let lowest = rows.iter().position(used);
    let highest = rows.iter().rposition(used);
    let Some((lowest, highest)) = lowest.zip(highest) else {
        return Vec::new();
    };
    let label = |bound: f64| Labels::new([("le", bound.to_string())]);
    let rows = LADDER.into_iter().zip(rows).skip(lowest).take(highest + 1 - lowest);
    rows.map(|(bound, row)| (label(bound), row)).collect()
}

/// In which slots any of the series reported.
fn measured(members: &[&Stored], grid: &Grid) -> Vec<bool> {
    let mut measured = vec![false; grid.slots];
    for track in members.iter().filter_map(|stored| Track::total(stored)) {
        track.rates(grid, |slot, _| measured[slot] = true);
    }
    measured
}

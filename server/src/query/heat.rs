//! Latency heat maps: how many observations fell into each row of a fixed ladder, slot by slot.

use keiki_model::query::Selector;
use keiki_model::series::Labels;
use keiki_model::time::Millis;

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
    let kept = evaluator.kept(selector, &[], "heat", grid.step);
    let make = |first: usize| {
        (first..grid.slots)
            .flat_map(|slot| column(&group.members, grid, slot))
            .collect()
    };
    let counts = match kept {
        Some(kept) => kept.line(&Labels::none(), grid, LADDER.len(), make),
        None => make(0),
    };
    let mut rows = vec![vec![f64::NAN; grid.slots]; LADDER.len()];
    let slots = counts.chunks_exact(LADDER.len()).zip(measured(&group.members, grid));
    for (slot, (column, measured)) in slots.enumerate() {
        if measured || column.iter().any(|count| *count > 0.0) {
            rows.iter_mut().zip(column).for_each(|(row, count)| row[slot] = *count);
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

/// How many observations of a slot fell into each row. Rounded sums, not sums of rounded parts: the rows of a slot add up
/// to what was observed.
fn column(members: &[&Stored], grid: &Grid, slot: usize) -> [f64; LADDER.len()] {
    let from = grid.from + grid.step * slot as Millis;
    let merged = trailing::window(members, from, from + grid.step);
    let all = merged.count() as f64;
    let mut below = 0.0;
    let mut column = LADDER.map(|bound| {
        let sum = merged.at_or_below(bound).round();
        sum - std::mem::replace(&mut below, sum)
    });
    column[LADDER.len() - 1] += all - below;
    column
}

/// In which slots any of the series reported.
fn measured(members: &[&Stored], grid: &Grid) -> Vec<bool> {
    let mut measured = vec![false; grid.slots];
    for track in members.iter().filter_map(|stored| Track::total(stored)) {
        track.rates(grid, |slot, _| measured[slot] = true);
    }
    measured
}

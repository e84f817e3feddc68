//! Latency heat maps: how many observations fell into each row of a fixed ladder, slot by slot.

use keiki_model::query::Selector;
use keiki_model::series::Labels;
use keiki_model::time::Millis;

use super::evaluate::{Evaluator, Line};
use super::grid::Grid;
use super::track::Track;
use super::trailing;
use crate::store::Stored;

/// The rows' upper bounds, seconds. They are fixed, so that a row means the same in every picture. The last of them is a
/// minute, where clients give up; above it is a row without an end.
const LADDER: [f64; 18] = [
    1e-4, 2e-4, 5e-4, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0,
];
/// The rows: those of the ladder and the one without an end.
const ROWS: usize = LADDER.len() + 1;
/// What is found out of a slot: the counts of its rows, and above which value those of the last row are.
const WIDTH: usize = ROWS + 1;

/// The rows from the lowest to the highest that anything fell into, with the label `le`, ascending. The one without an end
/// says by the label `gt` above which value it begins: sources with buckets of their own do not know more of what
/// exceeds their last bound, which may be far below the ladder's. Counts without any buckets are left out. A slot in which the sources reported that nothing happened
/// is zero in all rows; one in which they did not report is a gap.
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
    let found = match kept {
        Some(kept) => kept.line(&Labels::none(), grid, WIDTH, make),
        None => make(0),
    };
    let mut rows = vec![vec![f64::NAN; grid.slots]; ROWS];
    let mut above = f64::INFINITY;
    let slots = found.chunks_exact(WIDTH).zip(measured(&group.members, grid));
    for (slot, (found, measured)) in slots.enumerate() {
        let (counts, open) = found.split_at(ROWS);
        if measured || counts.iter().any(|count| *count > 0.0) {
            rows.iter_mut().zip(counts).for_each(|(row, count)| row[slot] = *count);
        }
        above = open.iter().copied().fold(above, f64::min);
    }
    let used = |row: &Line| row.iter().any(|count| *count > 0.0);
    let lowest = rows.iter().position(used);
    let highest = rows.iter().rposition(used);
    let Some((lowest, highest)) = lowest.zip(highest) else {
        return Vec::new();
    };
    let label = |row: usize| match LADDER.get(row) {
        Some(bound) => Labels::new([("le", bound.to_string())]),
        // To the nanosecond: bounds are read as numbers of few digits.
        None => Labels::new([
            ("gt", ((above * 1e9).round() / 1e9).to_string()),
            ("le", "+Inf".to_owned()),
        ]),
    };
    let rows = rows.into_iter().enumerate().skip(lowest).take(highest + 1 - lowest);
    rows.map(|(row, points)| (label(row), points)).collect()
}

/// How many observations of a slot fell into each row. Rounded sums, not sums of rounded parts: the rows of a slot add up
/// to what was observed. After them the value above which those of the last row are, infinite where there are none.
fn column(members: &[&Stored], grid: &Grid, slot: usize) -> [f64; WIDTH] {
    let from = grid.from + grid.step * slot as Millis;
    let merged = trailing::window(members, from, from + grid.step);
    let all = merged.told() as f64;
    let mut column = [0.0; WIDTH];
    let mut below = 0.0;
    for (count, bound) in column.iter_mut().zip(LADDER) {
        let sum = merged.at_or_below(bound).round();
        *count = sum - std::mem::replace(&mut below, sum);
    }
    column[ROWS - 1] = all - below;
    let above = merged.beyond(LADDER[LADDER.len() - 1]).filter(|_| all > below);
    column[ROWS] = above.unwrap_or(f64::INFINITY);
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

//! The distributions behind a line of quantiles: one for each slot, of the trailing ten seconds or the slot, whichever
//! is longer.

use keiki_model::histogram::{Distribution, Exponential, Part};
use keiki_model::time::{Millis, SECOND};

use super::grid::Grid;
use super::merged::Merged;
use crate::store::{Ring, STRETCH, Stored};

/// The least that one point of a line of quantiles covers, milliseconds.
const LEAST: Millis = 10 * SECOND;

/// The distributions of the window, merged over all members.
pub(crate) fn window(members: &[&Stored], from: Millis, to: Millis) -> Merged {
    let mut found = Vec::with_capacity(32);
    for stored in members {
        if let Ring::Histogram(ring) = stored.ring() {
            ring.each(from, to, &mut |distribution| found.push(distribution));
        }
    }
    Merged::of(&found)
}

/// How far back one point of a line reaches, milliseconds.
pub(crate) fn stretch(step: Millis) -> Millis {
    step.max(LEAST)
}

/// For every slot of the grid the distributions of its trailing stretch, merged over all members.
///
/// Time is cut into cells that slots and stretches are multiples of, and each cell is merged once. Where that can't be
/// undone (other makes than the usual one), a stretch is then
/// what is left of one block of cells and the beginning of the next one, and both of these grow cell by cell: three
/// merges a slot, whatever the stretch holds. Blocks lie on the wall clock, not on the grid, so that a slot's sums come
/// out the same to the last bit in whichever grid it is asked for.
pub(crate) fn trailing(members: &[&Stored], grid: &Grid) -> Vec<Merged> {
    let stretch = stretch(grid.step);
    let cell = gcd(grid.step, stretch);
    let (block, stride) = (to_index(stretch / cell), to_index(grid.step / cell));
    let from = grid.from + grid.step - stretch;
    let cells = cells(members, from, grid.to(), cell);
    if block == 1 {
        return cells;
    }
    if let Some(found) = sliding(&cells, block, stride) {
        return found;
    }
    if block == 2 {
        // What is kept of blocks only pays from three cells on.
        return cells.windows(2).map(|pair| pair[0].and(&pair[1])).collect();
    }
    let offset = to_index(from.div_euclid(cell).rem_euclid(block as Millis));
    // What the previous block holds from each of its places to its end, and what the present one holds so far.
    let mut rest = vec![Merged::Nothing; block];
    let mut begun = Merged::Nothing;
    let mut found = Vec::with_capacity(grid.slots);
    for (index, cell) in cells.iter().enumerate() {
        begun.add_all(cell);
        let place = (index + offset) % block;
        // The stretch that ends with this cell begins one place after this one in the previous block.
        if index + 1 >= block && (index + 1 - block) % stride == 0 {
            found.push(rest.get(place + 1).unwrap_or(&Merged::Nothing).and(&begun));
        }
        if place + 1 == block {
            let cells = &cells[(index + 1).saturating_sub(block)..=index];
            let mut sum = Merged::Nothing;
            for (rest, cell) in rest.iter_mut().rev().zip(cells.iter().rev()) {
                sum.add_all(cell);
                *rest = sum.clone();
            }
            begun = Merged::Nothing;
        }
    }
    found
}

/// The usual case: exponential histograms of one scale, whose counts can be taken back when they leave the stretch.
fn sliding(cells: &[Merged], block: usize, stride: usize) -> Option<Vec<Merged>> {
    fn one(cell: &Merged) -> Option<Option<&Exponential>> {
        match cell {
            Merged::Nothing => Some(None),
            Merged::One(Distribution::Exponential(histogram)) => Some(Some(histogram)),
            _ => None,
        }
    }
    let cells: Option<Vec<_>> = cells.iter().map(one).collect();
    let found = Exponential::sliding(&cells?, block, stride)?.into_iter();
    Some(
        found
            .map(|merged| merged.map_or(Merged::Nothing, |merged| Merged::One(merged.into())))
            .collect(),
    )
}

fn cells(members: &[&Stored], from: Millis, to: Millis, cell: Millis) -> Vec<Merged> {
    let count = to_index((to - from) / cell);
    if cell % STRETCH == 0 {
        let cell_of = |index: usize| from + cell * index as Millis;
        return (0..count)
            .map(|index| window(members, cell_of(index), cell_of(index + 1)))
            .collect();
    }
    let mut found: Vec<Vec<Part<'_>>> = vec![Vec::new(); count];
    for stored in members {
        if let Ring::Histogram(ring) = stored.ring() {
            for (time, distribution) in ring.single(from, to) {
                found[to_index((time - from) / cell)].push(distribution);
            }
        }
    }
    found.iter().map(|distributions| Merged::of(distributions)).collect()
}

fn gcd(a: Millis, b: Millis) -> Millis {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Counts of cells are small and positive.
fn to_index(count: Millis) -> usize {
    usize::try_from(count).unwrap_or_default()
}

//! The distributions behind a line of quantiles: one for each slot, of the trailing ten seconds or the slot, whichever
//! is longer.

use keiki_model::histogram::Distribution;
use keiki_model::time::{Millis, SECOND};

use super::grid::Grid;
use super::merged::Merged;
use crate::store::{Ring, STRETCH, Stored};

/// The least that one point of a line of quantiles covers, milliseconds.
const LEAST: Millis = 10 * SECOND;

/// The distributions of the window, merged over all members.
pub(crate) fn window(members: &[&Stored], from: Millis, to: Millis) -> Merged {
    let mut found = Vec::new();
    for stored in members {
        if let Ring::Histogram(ring) = stored.ring() {
            ring.each(from, to, |distribution| found.push(distribution));
        }
    }
    Merged::of(&found)
}

/// For every slot of the grid the distributions of its trailing stretch, merged over all members.
///
/// Time is cut into cells that slots and stretches are multiples of, and each cell is merged once. A stretch is then
/// what is left of one block of cells and the beginning of the next one, and both of these grow cell by cell: three
/// merges a slot, whatever the stretch holds.
pub(crate) fn trailing(members: &[&Stored], grid: &Grid) -> Vec<Merged> {
    let stretch = grid.step.max(LEAST);
    let cell = gcd(grid.step, stretch);
    let (block, stride) = (to_index(stretch / cell), to_index(grid.step / cell));
    let cells = cells(
        members,
        grid.to() - cell * (grid.slots * stride + block - stride) as Millis,
        grid.to(),
        cell,
    );
    if block == 1 {
        return cells;
    }
    // What the previous block holds from each of its cells to its end, and what the present one holds so far.
    let mut rest = vec![Merged::Nothing; block];
    let mut begun = Merged::Nothing;
    let mut found = Vec::with_capacity(grid.slots);
    for (index, cell) in cells.iter().enumerate() {
        begun.add_all(cell);
        let place = index % block;
        // The stretch that ends with this cell begins one cell after this one's place in the previous block.
        if index + 1 >= block && (index + 1 - block) % stride == 0 {
            let mut merged = rest.get(place + 1).cloned().unwrap_or_default();
            merged.add_all(&begun);
            found.push(merged);
        }
        if place + 1 == block {
            rest.fill(Merged::Nothing);
            let mut sum = Merged::Nothing;
            for (rest, cell) in rest.iter_mut().zip(&cells[index + 1 - block..=index]).rev() {
                sum.add_all(cell);
                *rest = sum.clone();
            }
            begun = Merged::Nothing;
        }
    }
    found
}

fn cells(members: &[&Stored], from: Millis, to: Millis, cell: Millis) -> Vec<Merged> {
    let count = to_index((to - from) / cell);
    if cell % STRETCH == 0 {
        let cell_of = |index: usize| from + cell * index as Millis;
        return (0..count)
            .map(|index| window(members, cell_of(index), cell_of(index + 1)))
            .collect();
    }
    let mut found: Vec<Vec<&Distribution>> = vec![Vec::new(); count];
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

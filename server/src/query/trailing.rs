//! The distributions behind a line of quantiles: one for each slot, of the trailing ten seconds or the slot, whichever
//! is longer.

use keiki_model::histogram::{Adder, Packed, Part, SCALE};
use keiki_model::query::Function;
use keiki_model::time::{Millis, SECOND};

use super::evaluate::Line;
use super::grid::Grid;
use super::merged::{self, Merged};
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

/// The distributions of slots.
pub(crate) enum Slots {
    /// The usual case: exponential histograms of one scale. A slot is so many cells, the next one begins so many later.
    Packed { cells: Packed, block: usize, stride: usize },
    /// Of any makes.
    Mixed(Vec<Merged>),
}

impl Slots {
    /// What a function makes of each slot from one on; NaN where there is nothing.
    pub(crate) fn line(&self, first: usize, function: Function) -> Line {
        let value = |makes: &[Part<'_>]| merged::figure(makes, function).map_or(f64::NAN, |figure| figure.value);
        let of = |all: &Packed| {
            let one = |slot| all.get(slot).map_or(f64::NAN, |one| value(&[Part::Exponential(one)]));
            (first..all.len()).map(one).collect()
        };
        match (self, function) {
            (Self::Packed { cells, block: 1, .. }, _) => of(cells),
            (Self::Packed { cells, block, stride }, Function::Quantile(q)) => {
                let found = cells.sliding_quantiles(*block, *stride, q).into_iter().skip(first);
                found.map(|value| value.unwrap_or(f64::NAN)).collect()
            }
            (Self::Packed { cells, block, stride }, _) => of(&cells.sliding(*block, *stride)),
            (Self::Mixed(all), _) => {
                let figures = all[first..].iter().map(|merged| merged.figure(function));
                figures
                    .map(|figure| figure.map_or(f64::NAN, |figure| figure.value))
                    .collect()
            }
        }
    }
}

/// For every slot of the grid the distributions of its trailing stretch, merged over all members.
///
/// Time is cut into cells that slots and stretches are multiples of, and each cell is merged once. Slots of exponential
/// histograms of one scale slide over these: what a slot has no longer is taken back.
pub(crate) fn trailing(members: &[&Stored], grid: &Grid) -> Slots {
    let stretch = stretch(grid.step);
    let cell = gcd(grid.step, stretch);
    let (block, stride) = (to_index(stretch / cell), to_index(grid.step / cell));
    let from = grid.from + grid.step - stretch;
    match packed_cells(members, from, grid.to(), cell) {
        Some(cells) => Slots::Packed { cells, block, stride },
        None => Slots::Mixed(mixed(members, grid, cell, block)),
    }
}

/// The cells from one time to another, if all that happened in them is exponential and of one scale.
fn packed_cells(members: &[&Stored], from: Millis, to: Millis, cell: Millis) -> Option<Packed> {
    let rings = || {
        members.iter().filter_map(|stored| match stored.ring() {
            Ring::Histogram(ring) => Some(ring),
            _ => None,
        })
    };
    let by_stretch = cell % STRETCH == 0 && rings().any(|ring| ring.has_stretches());
    let mut single: Vec<_> = rings().map(|ring| ring.single(from, to).peekable()).collect();
    let (mut cells, mut adder) = (Packed::new(SCALE), None);
    let mut parts = Vec::new();
    for index in 0..to_index((to - from) / cell) {
        let start = from + cell * index as Millis;
        let end = start + cell;
        parts.clear();
        if by_stretch {
            rings().for_each(|ring| ring.each(start, end, &mut |part| parts.push(part)));
        } else {
            for ring in &mut single {
                while let Some((_, part)) = ring.next_if(|(time, _)| *time < end) {
                    parts.push(part);
                }
            }
        }
        match parts[..] {
            [] => cells.push_empty(),
            [Part::Exponential(one)] if cells.push(one) => {}
            [Part::Exponential(first), ..] => {
                let adder = adder.get_or_insert_with(|| Adder::new(first.scale()));
                for part in &parts {
                    match part {
                        Part::Exponential(one) if one.scale() == first.scale() => adder.add(*one),
                        _ => return None,
                    }
                }
                if !adder.put(&mut cells) {
                    return None;
                }
            }
            _ => return None,
        }
    }
    Some(cells)
}

/// As [`trailing`], of any makes, which can't be taken back once they are added: a stretch is what is left of one block of
/// cells and the beginning of the next one, and both of these grow cell by cell, which makes three merges a slot, whatever
/// the stretch holds. Blocks lie on the wall clock, not on the grid, so that a slot's sums come out the same to the last
/// bit in whichever grid it is asked for.
fn mixed(members: &[&Stored], grid: &Grid, cell: Millis, block: usize) -> Vec<Merged> {
    let from = grid.from + grid.step - stretch(grid.step);
    let stride = to_index(grid.step / cell);
    let cells = cells(members, from, grid.to(), cell);
    if block == 1 {
        return cells;
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

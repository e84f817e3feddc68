//! The distributions behind a line of quantiles: one for each slot, of the trailing ten seconds or the slot, whichever
//! is longer.

use keiki_model::histogram::{Adder, Packed, Part, SCALE};
use keiki_model::query::Function;
use keiki_model::time::{Millis, SECOND};

use super::evaluate::{Figure, Line};
use super::grid::Grid;
use super::merged::{self, Merged};
use crate::store::{Histograms, Ring, STRETCH, Stored};

/// The least that one point of a line of quantiles covers, milliseconds.
const LEAST: Millis = 10 * SECOND;

/// The distributions of the window, merged over all members.
pub(crate) fn window(members: &[&Stored], from: Millis, to: Millis) -> Merged {
    with_window(members, from, to, Merged::of)
}

/// What is made of the distributions of the window, of all members.
pub(crate) fn with_window<R>(members: &[&Stored], from: Millis, to: Millis, make: impl FnOnce(&[Part<'_>]) -> R) -> R {
    let mut found = Vec::with_capacity(32);
    for stored in members {
        if let Ring::Histogram(ring) = stored.ring() {
            ring.each(from, to, &mut |distribution| found.push(distribution));
        }
    }
    make(&found)
}

/// How far back one point of a line reaches, milliseconds.
pub(crate) fn stretch(step: Millis) -> Millis {
    step.max(LEAST)
}

/// The distributions of slots.
pub(crate) enum Slots<'a> {
    /// Of slots that are cells.
    Cells(Cells<'a>),
    /// Exponential histograms of one scale: a slot is so many cells, the next one begins so many later.
    Sliding { cells: Packed, block: usize, stride: usize },
    /// Of any makes.
    Mixed(Vec<Merged>),
}

impl Slots<'_> {
    /// What a function makes of each slot from one on; NaN where there is nothing.
    pub(crate) fn line(&self, first: usize, function: Function) -> Line {
        let value = |figure: Option<Figure>| figure.map_or(f64::NAN, |figure| figure.value);
        match (self, function) {
            (Self::Cells(cells), _) => cells.line(first, function),
            (Self::Sliding { cells, block, stride }, Function::Quantile(q)) => {
                let found = cells.sliding_quantiles(*block, *stride, q).into_iter().skip(first);
                found.map(|value| value.unwrap_or(f64::NAN)).collect()
            }
            (Self::Sliding { cells, block, stride }, _) => {
                let slots = cells.sliding(*block, *stride);
                let one = |slot| merged::figure(&[Part::Exponential(slots.get(slot)?)], function);
                (first..slots.len()).map(|slot| value(one(slot))).collect()
            }
            (Self::Mixed(all), _) => all[first..].iter().map(|one| value(one.figure(function))).collect(),
        }
    }
}

/// Stretches of equal length, in order, and whose distributions fell into them. These are looked for when they are asked
/// for: in the past there are tens of thousands.
pub(crate) struct Cells<'a> {
    rings: Vec<&'a Histograms>,
    from: Millis,
    /// The length of each, milliseconds.
    length: Millis,
    count: usize,
}

impl<'a> Cells<'a> {
    /// Of all members, from one time to another.
    fn of(members: &[&'a Stored], from: Millis, to: Millis, length: Millis) -> Self {
        let rings = members.iter().filter_map(|stored| match stored.ring() {
            Ring::Histogram(ring) => Some(&**ring),
            _ => None,
        });
        Self {
            rings: rings.collect(),
            from,
            length,
            count: to_index((to - from) / length),
        }
    }

    /// Hands over the parts of each, from one on, until one is refused; tells whether none was.
    fn each(&self, first: usize, mut take: impl FnMut(&[Part<'a>]) -> bool) -> bool {
        let start = |cell: usize| self.from + self.length * cell as Millis;
        let by_stretch = self.length % STRETCH == 0 && self.rings.iter().any(|ring| ring.has_stretches());
        let rings = self.rings.iter().filter(|_| !by_stretch);
        let mut single: Vec<_> = rings
            .map(|ring| ring.single(start(first), start(self.count)).peekable())
            .collect();
        let mut parts = Vec::new();
        for cell in first..self.count {
            let (start, end) = (start(cell), start(cell + 1));
            parts.clear();
            if by_stretch {
                let rings = self.rings.iter();
                rings.for_each(|ring| ring.each(start, end, &mut |part| parts.push(part)));
            }
            for ring in &mut single {
                while let Some((_, part)) = ring.next_if(|(time, _)| *time < end) {
                    parts.push(part);
                }
            }
            if !take(&parts) {
                return false;
            }
        }
        true
    }

    fn line(&self, first: usize, function: Function) -> Line {
        let mut sum = None;
        let mut figure = |parts: &[Part<'_>]| match (parts, function) {
            ([], _) => None,
            ([_], _) => merged::figure(parts, function),
            ([Part::Exponential(one), ..], Function::Quantile(q)) => {
                let sum = sum.get_or_insert_with(|| Adder::new(one.scale()));
                match sum.quantile(parts, q) {
                    Some(value) => value.map(Figure::from),
                    None => Merged::of(parts).figure(function),
                }
            }
            _ => Merged::of(parts).figure(function),
        };
        let mut line = Line::with_capacity(self.count - first);
        self.each(first, |parts| {
            line.push(figure(parts).map_or(f64::NAN, |figure| figure.value));
            true
        });
        line
    }

    /// Each of them added up, if all are exponential and of one scale.
    fn packed(&self) -> Option<Packed> {
        let (mut packed, mut sum) = (Packed::new(SCALE), None);
        let all = self.each(0, |parts| match parts {
            [] => {
                packed.push_empty();
                true
            }
            [Part::Exponential(one)] if packed.push(*one) => true,
            [Part::Exponential(first), ..] => {
                let sum = sum.get_or_insert_with(|| Adder::new(first.scale()));
                sum.add_all(parts) && sum.put(&mut packed)
            }
            _ => false,
        });
        all.then_some(packed)
    }

    /// Each of them merged, whatever the makes.
    fn merged(&self) -> Vec<Merged> {
        let mut all = Vec::with_capacity(self.count);
        self.each(0, |parts| {
            all.push(Merged::of(parts));
            true
        });
        all
    }
}

/// For every slot of the grid the distributions of its trailing stretch, of all members.
///
/// Time is cut into cells that slots and stretches are multiples of. Slots of exponential histograms of one scale slide
/// over these: what a slot has no longer is taken back.
pub(crate) fn trailing<'a>(members: &[&'a Stored], grid: &Grid) -> Slots<'a> {
    let stretch = stretch(grid.step);
    let cell = gcd(grid.step, stretch);
    let (block, stride) = (to_index(stretch / cell), to_index(grid.step / cell));
    let from = grid.from + grid.step - stretch;
    let cells = Cells::of(members, from, grid.to(), cell);
    if block == 1 {
        return Slots::Cells(cells);
    }
    match cells.packed() {
        Some(cells) => Slots::Sliding { cells, block, stride },
        None => Slots::Mixed(mixed(&cells, grid, cell, block)),
    }
}

/// As [`trailing`], of any makes, which can't be taken back once they are added: a stretch is what is left of one block of
/// cells and the beginning of the next one, and both of these grow cell by cell, which makes three merges a slot, whatever
/// the stretch holds. Blocks lie on the wall clock, not on the grid, so that a slot's sums come out the same to the last
/// bit in whichever grid it is asked for.
fn mixed(cells: &Cells<'_>, grid: &Grid, cell: Millis, block: usize) -> Vec<Merged> {
    let from = grid.from + grid.step - stretch(grid.step);
    let stride = to_index(grid.step / cell);
    let cells = cells.merged();
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
        if index + 1 >= block && (index + 1 - block).is_multiple_of(stride) {
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

fn gcd(a: Millis, b: Millis) -> Millis {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Counts of cells are small and positive.
fn to_index(count: Millis) -> usize {
    usize::try_from(count).unwrap_or_default()
}

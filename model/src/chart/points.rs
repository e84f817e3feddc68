//! Points: merged into columns, stacked, thinned, and placed on the plot.

use crate::chart::Shade;
use crate::chart::names::{Key, status_class};
use crate::panel::{ChartKind, Palette, PanelSnapshot, SeriesPoints};
use crate::sort::sort_places;
use crate::time::{Millis, SECOND};

/// The most bars, or columns of a heat map, that a plot has: about 5 px each on a plot of 300.
const MOST_COLUMNS: usize = 60;

/// A point as shares of the plot. A break of the line is a point whose `high` is NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// From the left: of a line the end of its slot, of a bar its left edge.
    pub left: f64,
    /// The height on which it stands, from the bottom; above 0 in a stack.
    pub low: f64,
    /// Its height, from the bottom.
    pub high: f64,
}

impl Point {
    /// Whether the line breaks here.
    pub fn is_break(&self) -> bool {
        self.high.is_nan()
    }
}

/// Which slots make a column. Columns stand at round times, so that they travel with the data unchanged.
pub(super) struct Columns {
    /// Slots per column.
    pub(super) size: usize,
    /// Slots in the window.
    slots: usize,
    /// How many slots of the first column lie before the window.
    before: usize,
}

#[allow(clippy::cast_precision_loss, reason = "a panel has at most 1,000 slots")]
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// How many slots before the window's first belong to the same group of `size`, counted from the epoch: what is grouped
/// so stays together while it travels.
fn phase(first: Millis, size: usize) -> usize {
    let size = Millis::try_from(size.max(1)).unwrap_or(1);
    usize::try_from(first.rem_euclid(size)).unwrap_or_default()
}

fn first_slot(panel: &PanelSnapshot) -> Millis {
    panel.from().div_euclid(Millis::from(panel.step.max(1)) * SECOND)
}

impl Columns {
    pub(super) fn of(panel: &PanelSnapshot) -> Self {
        let slots = panel.slots as usize;
        let round = [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30];
        let size = round
            .into_iter()
            .find(|size| slots <= size * MOST_COLUMNS)
            .unwrap_or_else(|| slots.div_ceil(MOST_COLUMNS));
        Self {
            size,
            slots,
            before: phase(first_slot(panel), size),
        }
    }

    /// The width of a column.
    pub(super) fn width(&self) -> f64 {
        ratio(self.size, self.slots)
    }

    /// The left edges of the columns.
    pub(super) fn lefts(&self) -> impl Iterator<Item = f64> {
        self.ranges().map(|range| ratio(range.start, self.slots))
    }

    /// The slots of each column. One that began before the window is left out: it would change while it leaves.
    pub(super) fn ranges(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        let first = (self.size - self.before) % self.size;
        (first..self.slots)
            .step_by(self.size)
            .map(|from| from..(from + self.size).min(self.slots))
    }
}

/// The values of the visible series on the slots or columns that are drawn.
pub(super) struct Drawn {
    /// Where each stands.
    lefts: Vec<f64>,
    /// Per series, and per place; a hidden series has none.
    values: Vec<Vec<Option<f64>>>,
    /// The least and the greatest value of each place: of each series, or of all of a stack. Empty where nothing is known
    /// but the values themselves.
    extremes: Vec<Vec<Range>>,
    /// The values of each line of an earlier time.
    before: Vec<Vec<Option<f64>>>,
    stacked: bool,
    bars: bool,
    /// How far right of its place a line over bars lies: in their middle.
    middle: f64,
    /// The window's first slot, counted from the epoch.
    first: Millis,
}

/// The least and the greatest value.
type Range = Option<(f64, f64)>;

fn widen(range: Range, (low, high): (f64, f64)) -> Range {
    Some(range.map_or((low, high), |(least, most)| (least.min(low), most.max(high))))
}

/// The mean of what is there.
pub(super) fn mean(values: &[Option<f64>]) -> Option<f64> {
    let (sum, count) = values
        .iter()
        .flatten()
        .filter(|value| value.is_finite())
        .fold((0.0, 0usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / ratio(count, 1))
}

/// The mean of each column.
fn means(columns: &Columns, series: &SeriesPoints) -> Vec<Option<f64>> {
    let mean_of = |range| mean(series.points.get(range).unwrap_or_default());
    columns.ranges().map(mean_of).collect()
}

impl Drawn {
    pub(super) fn of(panel: &PanelSnapshot, visible: &[bool], columns: &Columns) -> Self {
        let bars = panel.spec.chart == ChartKind::Bar;
        let slots = panel.slots as usize;
        let lefts = if bars {
            columns.lefts().collect()
        } else {
            (1..=slots).map(|slot| ratio(slot, slots)).collect()
        };
        let finite = |point: &Option<f64>| point.filter(|value| value.is_finite());
        let values = panel
            .series
            .iter()
            .zip(visible)
            .map(|(series, visible)| match (visible, bars) {
                (false, _) => Vec::new(),
                (true, false) => series.points.iter().map(finite).collect(),
                (true, true) => means(columns, series),
            })
            .collect();
        let stacked = matches!(panel.spec.chart, ChartKind::StackedArea | ChartKind::Bar);
        let mut extremes: Vec<Vec<Range>> = Vec::new();
        if !bars && panel.series.iter().any(|series| !series.min.is_empty()) {
            extremes = panel
                .series
                .iter()
                .zip(visible)
                .map(|(series, visible)| ranges(series, *visible))
                .collect();
        }
        if stacked && !extremes.is_empty() {
            extremes = vec![(0..slots).map(|slot| sum(&extremes, slot)).collect()];
        }
        let on_places = |series: &SeriesPoints| match bars {
            false => series.points.iter().map(finite).collect(),
            true => means(columns, series),
        };
        // The ghost of a hidden line is hidden with it, that of a stack with all of its parts.
        let is_seen = |ghost: &SeriesPoints| {
            let mut now = panel.series.iter().zip(visible);
            now.any(|(series, visible)| *visible && (stacked || series.labels == ghost.labels))
        };
        let ghosts = panel.before.iter().map(|ghost| match is_seen(ghost) {
            true => on_places(ghost),
            false => Vec::new(),
        });
        let before = ghosts.collect();
        Self {
            lefts,
            values,
            extremes,
            before,
            stacked,
            bars,
            middle: if bars { columns.width() / 2.0 } else { 0.0 },
            first: first_slot(panel),
        }
    }

    /// The sum of a place's values, if there is any.
    fn total(&self, place: usize) -> Option<f64> {
        let here = self
            .values
            .iter()
            .filter_map(|values| values.get(place).copied().flatten());
        here.reduce(|sum, value| sum + value)
    }

    /// The least and the greatest value; of a stack, of its totals.
    pub(super) fn extent(&self) -> Option<(f64, f64)> {
        let one = |range: Range, value: f64| widen(range, (value, value));
        let drawn = if self.stacked {
            (0..self.lefts.len())
                .filter_map(|place| self.total(place))
                .fold(None, one)
        } else {
            self.values.iter().flatten().flatten().copied().fold(None, one)
        };
        let beneath = self.before.iter().flatten().flatten().copied().fold(drawn, one);
        self.extremes.iter().flatten().flatten().copied().fold(beneath, widen)
    }

    /// What lies beneath the lines, at most `most` points each besides breaks.
    pub(super) fn shades(
        &self,
        panel: &PanelSnapshot,
        keys: &[Key],
        (low, high): (f64, f64),
        most: usize,
    ) -> Vec<Shade> {
        let height = |value: f64| ((value - low) / (high - low)).clamp(0.0, 1.0);
        let class = |place: usize| keys.get(place).map_or("", |key| key.class);
        let mut shades = Vec::with_capacity(self.extremes.len() + self.before.len());
        for (place, extremes) in self
            .extremes
            .iter()
            .enumerate()
            .filter(|(_, extremes)| !extremes.is_empty())
        {
            let size = extremes.len().div_ceil(most.max(1));
            let points = extremes.chunks(size).enumerate().map(|(column, slots)| {
                let range = slots.iter().flatten().copied().fold(None, widen);
                let (low, high) = range.map_or((0.0, f64::NAN), |(low, high)| (height(low), height(high)));
                let left = self.lefts[(column * size + size / 2).min(self.lefts.len() - 1)];
                Point { left, low, high }
            });
            let class = if self.stacked { "" } else { class(place) };
            let points = points.collect();
            shades.push(Shade {
                kind: "band",
                class,
                points,
            });
        }
        let ghosts = self.before.iter().zip(&panel.before);
        for (values, series) in ghosts.filter(|(values, _)| !values.is_empty()) {
            let same = panel.series.iter().position(|now| now.labels == series.labels);
            let place = |place: usize| {
                let left = self.lefts[place] + self.middle;
                values[place].map_or(
                    Point {
                        left,
                        low: 0.0,
                        high: f64::NAN,
                    },
                    |value| Point {
                        left,
                        low: 0.0,
                        high: height(value),
                    },
                )
            };
            let points = self.places(values, most).into_iter().map(place).collect();
            let class = same.filter(|_| !self.stacked).map_or("", class);
            shades.push(Shade {
                kind: "ghost",
                class,
                points,
            });
        }
        shades
    }

    /// The points of each series on an axis, at most `most` each besides breaks. Those of a stack stand at the same
    /// places, so that they can be put upon each other one by one.
    pub(super) fn lines(&self, (low, high): (f64, f64), most: usize) -> Vec<Vec<Point>> {
        let height = |value: f64| ((value - low) / (high - low)).clamp(0.0, 1.0);
        let ground = height(low.max(0.0));
        let pause = |left: f64| Point {
            left,
            low: ground,
            high: f64::NAN,
        };
        if !self.stacked {
            let place = |values: &Vec<Option<f64>>| {
                let point = |place: usize| {
                    let left = self.lefts[place];
                    values[place].map_or(pause(left), |value| Point {
                        left,
                        low: ground,
                        high: height(value),
                    })
                };
                self.places(values, most).into_iter().map(point).collect()
            };
            return self.values.iter().map(place).collect();
        }
        let totals: Vec<Option<f64>> = (0..self.lefts.len()).map(|place| self.total(place)).collect();
        let places = self.places(&totals, most);
        let mut sums = vec![0.0; totals.len()];
        let mut lines = Vec::with_capacity(self.values.len());
        for values in &self.values {
            let mut point = |place: usize| {
                let left = self.lefts[place];
                values[place].map_or(pause(left), |value| {
                    let from = sums[place];
                    sums[place] += value;
                    Point {
                        left,
                        low: height(from),
                        high: height(from + value),
                    }
                })
            };
            let here = places.iter().filter(|place| **place < values.len());
            lines.push(here.map(|&place| point(place)).collect());
        }
        lines
    }

    /// The places that are drawn, and of each stretch without a value between them one, to break the line.
    fn places(&self, values: &[Option<f64>], most: usize) -> Vec<usize> {
        let kept = self.thin(values, most);
        let mut places = Vec::with_capacity(kept.len());
        let (mut next, mut open) = (0, false);
        for place in kept {
            if let (true, Some(gap)) = (open, values[next..=place].iter().position(Option::is_none)) {
                places.push(next + gap);
                open = false;
            }
            if values[place].is_some() {
                places.push(place);
                open = true;
            }
            next = place + 1;
        }
        places
    }

    /// Which places are drawn: all, or of each column the least and the greatest, and the last one. Bars are never
    /// thinned: there are few.
    fn thin(&self, values: &[Option<f64>], most: usize) -> Vec<usize> {
        let count = values.len();
        if self.bars || count <= most {
            return (0..count).collect();
        }
        let size = count.div_ceil((most / 2).saturating_sub(2).max(1));
        let before = phase(self.first, size);
        let mut kept = Vec::with_capacity(most);
        let mut start = 0;
        while start < count {
            let end = (start + size - (start + before) % size).min(count);
            let column = (start..end).filter_map(|place| values[place].map(|value| (place, value)));
            let least = column
                .clone()
                .min_by(|a, b| a.1.total_cmp(&b.1))
                .map(|(place, _)| place);
            let greatest = column.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(place, _)| place);
            kept.extend(least.into_iter().chain(greatest));
            start = end;
        }
        kept.extend(values.iter().position(Option::is_some));
        kept.extend(values.iter().rposition(Option::is_some));
        sort_places(&mut kept, &|a, b| a.cmp(&b));
        kept.dedup();
        kept
    }
}

/// How far a series went at each slot; of a hidden one nothing.
fn ranges(series: &SeriesPoints, visible: bool) -> Vec<Range> {
    let at = |values: &[Option<f64>], slot: usize| values.get(slot).copied().flatten();
    let slots = if visible { series.points.len() } else { 0 };
    let range = |slot: usize| {
        let value = at(&series.points, slot)?;
        let (low, high) = (
            at(&series.min, slot).unwrap_or(value),
            at(&series.max, slot).unwrap_or(value),
        );
        (low.is_finite() && high.is_finite()).then_some((low, high))
    };
    (0..slots).map(range).collect()
}

/// How far the total of a stack went at most, from where it is.
fn sum(ranges: &[Vec<Range>], slot: usize) -> Range {
    let here = ranges.iter().filter_map(|ranges| ranges.get(slot).copied().flatten());
    here.reduce(|(low, high), (more_low, more_high)| (low + more_low, high + more_high))
}

/// Where the failures of a stack of status classes were.
pub(super) fn rug(panel: &PanelSnapshot, visible: &[bool]) -> Vec<f64> {
    if panel.spec.palette != Palette::StatusClass || panel.spec.chart != ChartKind::StackedArea {
        return Vec::new();
    }
    let slots = panel.slots as usize;
    let failures: Vec<&[Option<f64>]> = panel
        .series
        .iter()
        .zip(visible)
        .filter(|(series, visible)| **visible && status_class(series) == Some(5))
        .map(|(series, _)| series.points.as_slice())
        .collect();
    (0..slots)
        .filter(|&slot| {
            failures
                .iter()
                .any(|points| points.get(slot).copied().flatten().is_some_and(|rate| rate > 0.0))
        })
        .map(|slot| ratio(slot + 1, slots))
        .collect()
}

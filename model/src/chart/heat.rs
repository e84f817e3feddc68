//! Heat maps: how many events by time and duration. Rows are buckets, equally high, so that the axis is logarithmic as
//! far as the buckets are.

use crate::chart::points::{Columns, mean};
use crate::chart::{Role, Tick};
use crate::format::{Scale, bucket, fixed};
use crate::panel::{PanelSnapshot, SeriesPoints};
use crate::sort::sort_by;
use crate::text::Language;
use crate::time::{Millis, SECOND};

/// The most rows; finer buckets are merged.
const MOST_ROWS: usize = 32;
/// How many steps the colours have; 0 is "none".
const LEVELS: f64 = 8.0;
/// How colours follow counts: between the square and the cube root, so that a single slow request can be seen beside
/// thousands and the thousands still differ among each other.
const STEEPNESS: f64 = 0.4;
/// Labels nearer than this share of the plot are left out.
const APART: f64 = 0.12;

/// A cell that is not empty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// The left edge of its column.
    pub left: f64,
    /// Its column, from the left.
    pub column: usize,
    /// Its row, from the bottom.
    pub row: usize,
    /// 1 to 8, by its count.
    pub level: u8,
    /// How many there were.
    pub count: f64,
}

/// A heat map.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heat {
    /// How many rows there are.
    pub rows: usize,
    /// How many columns there are.
    pub columns: usize,
    /// Where the first column starts.
    pub offset: f64,
    /// What is drawn.
    pub cells: Vec<Cell>,
    /// The greatest count of a cell, as text.
    pub peak: String,
    /// How long a column lasts, milliseconds.
    pub per: Millis,
    /// The bounds between rows, seconds, ascending: one more than rows. The last is infinite where the last row has no end.
    bounds: Vec<f64>,
    /// Above which value the row without an end begins: sources may not know more than that it is above a value that lies
    /// within other rows.
    above: Option<f64>,
}

impl Heat {
    pub(super) fn of(panel: &PanelSnapshot, columns: &Columns) -> Self {
        let (uppers, counts) = rows(panel, columns);
        let seen: Vec<bool> = counts
            .iter()
            .map(|row| row.iter().flatten().any(|count| *count > 0.0))
            .collect();
        let per = Millis::try_from(columns.size).unwrap_or(1) * Millis::from(panel.step) * SECOND;
        let (Some(first), Some(last)) = (seen.iter().position(|seen| *seen), seen.iter().rposition(|seen| *seen))
        else {
            return Self { per, ..Self::default() };
        };
        let merged = (last - first + 1).div_ceil(MOST_ROWS);
        let above = panel.series.iter().find_map(lower_end);
        let mut bounds = vec![lower_bound(&uppers, first, above)];
        let mut cells: Vec<(usize, usize, f64)> = Vec::new();
        for (row, start) in (first..=last).step_by(merged).enumerate() {
            let end = (start + merged).min(last + 1);
            let upper = uppers[end - 1];
            bounds.push(upper);
            for column in 0..counts[start].len() {
                let count: f64 = counts[start..end].iter().filter_map(|row| row[column]).sum();
                if count > 0.0 {
                    cells.push((column, row, count));
                }
            }
        }
        let peak = cells.iter().map(|cell| cell.2).fold(0.0, f64::max);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 8")]
        let level = |count: f64| (LEVELS * (count / peak).powf(STEEPNESS)).ceil().clamp(1.0, LEVELS) as u8;
        let lefts: Vec<f64> = columns.lefts().collect();
        Self {
            rows: bounds.len() - 1,
            columns: lefts.len(),
            offset: lefts.first().copied().unwrap_or_default(),
            cells: cells
                .into_iter()
                .map(|(column, row, count)| Cell {
                    left: lefts[column],
                    column,
                    row,
                    level: level(count),
                    count,
                })
                .collect(),
            peak: fixed(peak, 0),
            per,
            bounds,
            above,
        }
    }

    /// A cell in words: its bounds and its count.
    pub fn describe(&self, cell: &Cell, scale: &Scale, language: Language) -> (String, String) {
        let bound = |row: usize| self.bounds.get(row).copied();
        let bounds = match (bound(cell.row).unwrap_or_default(), bound(cell.row + 1)) {
            (low, Some(high)) if high.is_finite() => (low, Some(high)),
            (low, _) => (self.above.unwrap_or(low), None),
        };
        (bucket(scale, bounds, language), fixed(cell.count, 0))
    }

    /// Where a duration stands, from the top.
    fn top(&self, seconds: f64) -> Option<f64> {
        let row = self
            .bounds
            .windows(2)
            .position(|pair| (pair[0]..=pair[1]).contains(&seconds))?;
        let (low, high) = (self.bounds[row], self.bounds[row + 1]);
        // A row without an end is drawn as high as the others; nothing is known of where in it a value lies.
        if high.is_infinite() && seconds > low {
            return None;
        }
        let part = if low > 0.0 {
            (seconds / low).ln() / (high / low).ln()
        } else {
            seconds / high
        };
        #[allow(clippy::cast_precision_loss, reason = "at most 32 rows")]
        let height = (row as f64 + part) / self.rows as f64;
        Some(1.0 - height)
    }

    /// Powers of ten, and between them fives and twos where there is room.
    pub(super) fn ticks(&self, scale: &Scale) -> Vec<Tick> {
        let mut ticks: Vec<Tick> = Vec::new();
        for multiple in [1.0, 5.0, 2.0] {
            for exponent in -6..5 {
                let seconds = multiple * 10f64.powi(exponent);
                let Some(at) = self.top(seconds) else {
                    continue;
                };
                if ticks.len() < 5 && ticks.iter().all(|tick| (tick.at - at).abs() > APART) {
                    ticks.push(Tick {
                        at,
                        label: scale.level(seconds),
                        role: Role::Plain,
                        beyond: false,
                    });
                }
            }
        }
        sort_by(&mut ticks, |a, b| a.at.total_cmp(&b.at));
        ticks
    }
}

/// Upper bounds, ascending, and for each the counts per column: of a column that is only partly measured, what all of
/// it would come to.
fn rows(panel: &PanelSnapshot, columns: &Columns) -> (Vec<f64>, Vec<Vec<Option<f64>>>) {
    #[allow(clippy::cast_precision_loss, reason = "a column has few slots")]
    let whole = columns.size as f64;
    let mut rows: Vec<(f64, Vec<Option<f64>>)> = panel
        .series
        .iter()
        .filter_map(|series| {
            let upper = upper_bound(series)?;
            let counts = columns
                .ranges()
                .map(|range| mean(series.points.get(range).unwrap_or_default()).map(|mean| mean * whole))
                .collect();
            Some((upper, counts))
        })
        .collect();
    sort_by(&mut rows, |a, b| a.0.total_cmp(&b.0));
    rows.into_iter().unzip()
}

/// Up to which value a series counts.
pub(super) fn upper_bound(series: &SeriesPoints) -> Option<f64> {
    match series.labels.get("le")? {
        "+Inf" => Some(f64::INFINITY),
        bound => decimal(bound).filter(|bound| *bound > 0.0),
    }
}

/// Above which value a series without an upper bound counts, where it says so.
pub(super) fn lower_end(series: &SeriesPoints) -> Option<f64> {
    decimal(series.labels.get("gt")?)
}

/// A number of at most 15 digits without an exponent, as bounds are written. The standard library's reading of any number
/// brings tables of ten kilobytes into the WASM.
fn decimal(text: &str) -> Option<f64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let mut digits = 0.0;
    for digit in whole.bytes().chain(part.bytes()) {
        digits = digits * 10.0 + f64::from(char::from(digit).to_digit(10)?);
    }
    // Both exact, so that the quotient is the number nearest to what is written.
    let known = (1..=15).contains(&(whole.len() + part.len()));
    known.then(|| digits / part.bytes().fold(1.0, |power, _| power * 10.0))
}

/// The lower bound of a bucket: the upper one of the bucket below, else as far below as the next one is above. Of one without
/// an end that stands alone it is what it says itself.
fn lower_bound(uppers: &[f64], row: usize, above: Option<f64>) -> f64 {
    let upper = uppers[row];
    match (row.checked_sub(1).map(|below| uppers[below]), uppers.get(row + 1)) {
        (Some(below), _) => below,
        (None, Some(above)) if above.is_finite() && upper.is_finite() && *above > upper => upper * upper / above,
        _ if upper.is_finite() => upper / 2.0,
        _ => above.unwrap_or(1.0),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::decimal;

    #[test]
    fn bounds_are_plain_numbers() {
        assert_eq!(decimal("0.0001"), Some(1e-4));
        assert_eq!(decimal("60"), Some(60.0));
        for bad in ["", ".", "1e3", "-1", "+1", "1.2.3", "0.1234567890123456"] {
            assert_eq!(decimal(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_the_standard_library_reads(text in "[0-9]{1,8}(\\.[0-9]{1,7})?") {
            prop_assert_eq!(decimal(&text), text.parse().ok());
        }
    }
}

//! The names at the ends of lines, moved apart until none covers another.

use crate::chart::{End, Series};
use crate::panel::ChartKind;

/// How far apart names stand at least: 13 px on a plot of 200.
const APART: f64 = 0.065;
/// The widest name, in units of half a character; a longer one would leave the plate, and the keys name the lines.
const WIDEST: usize = 16;

/// Half characters: what is beyond Latin is as wide as it is high.
fn width(text: &str) -> usize {
    text.chars().map(|c| if c < '\u{2e80}' { 2 } else { 4 }).sum()
}

/// The names of the visible lines. None where one is too long, and none for bars.
pub(super) fn place(series: &[Series], kind: ChartKind) -> Vec<End> {
    let stacked = kind == ChartKind::StackedArea;
    if !stacked && !matches!(kind, ChartKind::Line | ChartKind::Area) {
        return Vec::new();
    }
    let mut ends: Vec<End> = series
        .iter()
        .filter_map(|series| {
            let last = series.points.iter().rev().find(|point| !point.is_break())?;
            // A band's name stands at its middle.
            let height = if stacked {
                f64::midpoint(last.low, last.high)
            } else {
                last.high
            };
            let text = if series.name.is_empty() {
                &series.latest.figure
            } else {
                &series.name
            };
            Some(End {
                top: 1.0 - height,
                class: series.class,
                text: text.clone(),
            })
        })
        .collect();
    if ends.iter().any(|end| width(&end.text) > WIDEST) {
        return Vec::new();
    }
    ends.sort_by(|a, b| a.top.total_cmp(&b.top));
    // Down as far as needed, then back up from the lower edge.
    let mut above = f64::NEG_INFINITY;
    for end in &mut ends {
        end.top = end.top.max(above + APART);
        above = end.top;
    }
    let mut below = 1.0 + APART;
    for end in ends.iter_mut().rev() {
        end.top = end.top.min(below - APART);
        below = end.top;
    }
    ends
}

//! The names at the ends of lines, moved apart until none covers another.

use crate::chart::{End, Series, keys};
use crate::panel::{ChartKind, PanelSnapshot};
use crate::sort::sort_by;
use crate::text::Language;

/// How far apart names stand at least: 13 px on the lowest plot of a page, 160.
const APART: f64 = 0.085;
/// The widest name, in units of half a character; a longer one would leave the plate, and the keys name the lines.
const WIDEST: usize = 16;

/// A band that is lower than this share of the plot has no name at its end.
const THINNEST: f64 = 0.015;

/// Half characters: what is beyond Latin is as wide as it is high.
fn width(text: &str) -> usize {
    text.chars().map(|c| if c < '\u{2e80}' { 2 } else { 4 }).sum()
}

/// Whether lines of these names are named at their ends.
fn fit<'n>(kind: ChartKind, mut names: impl Iterator<Item = &'n str>) -> bool {
    let lines = matches!(kind, ChartKind::Line | ChartKind::Area | ChartKind::StackedArea);
    lines && names.all(|name| width(name) <= WIDEST)
}

/// Whether a panel's series are named at the ends of their lines, so that a key row would only repeat them.
pub fn named(panel: &PanelSnapshot, language: Language) -> bool {
    let keys = keys(panel, language);
    fit(panel.spec.chart, keys.iter().map(|key| key.name.as_str()))
}

/// The names of the visible lines. None where one is too long, and none for bars.
pub(super) fn place(series: &[Series], kind: ChartKind) -> Vec<End> {
    let stacked = kind == ChartKind::StackedArea;
    if !fit(kind, series.iter().map(|series| series.name.as_str())) {
        return Vec::new();
    }
    let mut ends: Vec<End> = series
        .iter()
        .filter_map(|series| {
            let last = series.points.iter().rev().find(|point| !point.is_break())?;
            // A band's name stands at its middle; one that can't be seen has none.
            if stacked && last.high - last.low < THINNEST {
                return None;
            }
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
    sort_by(&mut ends, |a, b| a.top.total_cmp(&b.top));
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

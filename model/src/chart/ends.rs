//! The names at the ends of lines, moved apart until none covers another.

use crate::chart::{End, Series, keys};
use crate::panel::{ChartKind, PanelSnapshot};
use crate::sort::sort_by;
use crate::text::Language;

/// How far apart names stand at least, as a share of the plot: 13 px, a line's height, where a page's lowest chart leaves
/// 131 px to its data.
pub const APART: f64 = 0.1;
/// The same on a wall that shows one group: 33 px of 228, for a screen of 1920 by 1080.
pub const APART_ON_WALLS: f64 = 0.15;
/// The widest name, in units of half a character; a longer one would leave the plate, and the keys name the lines.
const WIDEST: usize = 16;

/// A band that is lower than this share of the plot has no name at its end.
const THINNEST: f64 = 0.015;

/// Half characters: what is beyond Latin is as wide as it is high.
fn width(text: &str) -> usize {
    text.chars().map(|c| if c < '\u{2e80}' { 2 } else { 4 }).sum()
}

/// Whether lines of these names are named at their ends. More than stand above each other are left to the keys.
fn fit<'n>(kind: ChartKind, apart: f64, mut names: impl ExactSizeIterator<Item = &'n str>) -> bool {
    let lines = matches!(kind, ChartKind::Line | ChartKind::Area | ChartKind::StackedArea);
    #[allow(clippy::cast_precision_loss, reason = "there are few lines")]
    let stand = names.len() as f64 * apart <= 1.0;
    lines && stand && names.all(|name| width(name) <= WIDEST)
}

/// Whether a panel's series are named at the ends of their lines, so that a key row would only repeat them.
pub fn named(panel: &PanelSnapshot, language: Language, apart: f64) -> bool {
    let keys = keys(panel, language);
    fit(panel.spec.chart, apart, keys.iter().map(|key| key.name.as_str()))
}

/// The names of the visible lines. None where one is too long or they are too many, and none for bars.
pub(super) fn place(series: &[Series], kind: ChartKind, apart: f64) -> Vec<End> {
    let stacked = kind == ChartKind::StackedArea;
    if !fit(kind, apart, series.iter().map(|series| series.name.as_str())) {
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
        end.top = end.top.max(above + apart);
        above = end.top;
    }
    let mut below = 1.0 + apart;
    for end in ends.iter_mut().rev() {
        end.top = end.top.min(below - apart);
        below = end.top;
    }
    ends
}

#[cfg(test)]
mod tests {
    use crate::chart::ends::{APART, APART_ON_WALLS, named};
    use crate::chart::tests::{model_apart, panel};
    use crate::panel::{ChartKind, PanelSnapshot};
    use crate::text::Language;
    use crate::unit::Unit;

    /// So many lines that end at the same height.
    fn level(count: usize) -> PanelSnapshot {
        panel(
            ChartKind::Line,
            Unit::Seconds,
            None,
            &vec![vec![Some(0.02); 300]; count],
        )
    }

    #[test]
    fn as_many_names_stand_above_each_other_as_there_is_room_for() {
        for (apart, most) in [(APART, 10), (APART_ON_WALLS, 6)] {
            for count in 1..=most {
                let ends = model_apart(&level(count), apart).ends;
                assert_eq!(ends.len(), count);
                assert!(ends.iter().all(|end| (0.0..=1.0).contains(&end.top)), "{ends:?}");
                assert!(
                    ends.windows(2).all(|pair| pair[1].top - pair[0].top > apart - 1e-9),
                    "{ends:?}"
                );
                assert!(named(&level(count), Language::En, apart));
            }
            // The keys name what has no room.
            let more = level(most + 1);
            assert!(model_apart(&more, apart).ends.is_empty());
            assert!(!named(&more, Language::En, apart));
        }
    }
}

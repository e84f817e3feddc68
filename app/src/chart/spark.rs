//! Sparklines: the shape of a series in a table's row. Its range need not start at zero.

use keiki_model::chart::percent;
use maud::{Markup, html};

use super::path::{Path, whole};

/// How many columns a sparkline is thinned to; of each the least and the greatest value stay.
const COLUMNS: usize = 40;

/// A line without axes, of one value per slot; a dashed line where its target is.
pub fn sparkline(points: &[Option<f64>], target: Option<f64>) -> Markup {
    let (line, level) = draw(points, target);
    html! {
        svg class="spark" aria-hidden="true" {
            @if let Some(level) = level {
                @let y = percent(level);
                line class="target" x2="100%" y1=(y) y2=(y) {}
            }
            svg class="plot" viewBox="0 0 1000 100" preserveAspectRatio="none" { path class="line" d=(line) {} }
        }
    }
}

/// The path on 1000 × 100, and where the target stands from the top.
fn draw(points: &[Option<f64>], target: Option<f64>) -> (String, Option<f64>) {
    let values = || points.iter().flatten().copied().filter(|value| value.is_finite());
    let low = values().fold(f64::INFINITY, f64::min);
    let high = values().fold(f64::NEG_INFINITY, f64::max);
    if low > high {
        return (String::new(), None);
    }
    // The target is drawn where it is not so far off that it would flatten the line.
    let reach = (high - low).max(high.abs() * 0.1).max(f64::MIN_POSITIVE);
    let target = target.filter(|level| *level < high + reach && *level > low - reach);
    let (low, high) = target.map_or((low, high), |level| (low.min(level), high.max(level)));
    let span = (high - low).max(high.abs() * 0.1).max(f64::MIN_POSITIVE);
    let middle = f64::midpoint(low, high);
    let top = |value: f64| 0.5 - (value - middle) / span;
    #[allow(clippy::cast_precision_loss, reason = "a panel has at most 1,000 slots")]
    let x = |slot: usize| whole((slot + 1) as f64 / points.len() as f64, 1000.0);
    let mut path = Path::default();
    let mut open = false;
    let size = points.len().div_ceil(COLUMNS);
    for (column, slots) in points.chunks(size).enumerate() {
        let there = || {
            let finite = |(slot, value): (usize, &Option<f64>)| {
                value
                    .filter(|v| v.is_finite())
                    .map(|value| (column * size + slot, value))
            };
            slots.iter().enumerate().filter_map(finite)
        };
        let least = there().min_by(|a, b| a.1.total_cmp(&b.1));
        let greatest = there().max_by(|a, b| a.1.total_cmp(&b.1));
        let (Some(least), Some(greatest)) = (least, greatest) else {
            open = false;
            continue;
        };
        let (first, second) = if least.0 <= greatest.0 {
            (least, greatest)
        } else {
            (greatest, least)
        };
        for (slot, value) in [first, second] {
            let (x, y) = (x(slot), whole(top(value), 100.0));
            if open {
                path.go(x, y);
            } else {
                path.start(x, y);
            }
            open = true;
            if first.0 == second.0 {
                break;
            }
        }
    }
    (path.finish(), target.map(top))
}

#[cfg(test)]
mod tests {
    use super::draw;

    #[test]
    fn a_gap_breaks_the_line_and_extremes_stay() {
        let (path, _) = draw(&[Some(1.0), Some(3.0), None, Some(2.0)], None);
        assert_eq!(path, "M250 100l250-100M1000 50");
    }

    #[test]
    fn flat_and_empty() {
        assert_eq!(draw(&[Some(2.0), Some(2.0)], None).0, "M500 50l500 0");
        assert_eq!(draw(&[None, None], Some(1.0)), (String::new(), None));
        assert_eq!(draw(&[], None).0, "");
    }

    #[test]
    fn a_target_far_away_is_left_out() {
        let points = [Some(1.0), Some(1.2)];
        assert_eq!(draw(&points, Some(9.0)).1, None);
        assert!(draw(&points, Some(1.2)).1.is_some_and(|top| top.abs() < 1e-9));
    }
}

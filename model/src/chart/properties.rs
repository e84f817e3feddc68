//! What holds for any points.

use std::collections::HashSet;

use proptest::prelude::*;

use super::tests::{model, model_apart, panel};
use super::*;
use crate::target::Goal;
use crate::unit::Unit;

fn kinds() -> impl Strategy<Value = ChartKind> {
    prop_oneof![
        Just(ChartKind::Line),
        Just(ChartKind::Area),
        Just(ChartKind::StackedArea),
        Just(ChartKind::Bar),
    ]
}

fn units() -> impl Strategy<Value = Unit> {
    prop_oneof![
        Just(Unit::Seconds),
        Just(Unit::Bytes),
        Just(Unit::Ratio),
        Just(Unit::Count),
        Just(Unit::PerSecond),
        Just(Unit::BytesPerSecond),
    ]
}

/// Values of one magnitude, as those of a panel are, with gaps.
fn series() -> impl Strategy<Value = Vec<Vec<Option<f64>>>> {
    (1usize..5, 1usize..400, -9i32..12).prop_flat_map(|(count, slots, exponent)| {
        let magnitude = 10f64.powi(exponent);
        let value = prop_oneof![
            1 => Just(None),
            1 => Just(Some(0.0)),
            6 => (0.0..1.0f64).prop_map(move |value| Some(value * magnitude)),
        ];
        prop::collection::vec(prop::collection::vec(value, slots), count)
    })
}

fn goals() -> impl Strategy<Value = Option<Goal>> {
    let goal = (1e-6..1e6f64, 1.0..3.0f64, any::<bool>()).prop_map(|(target, factor, below)| {
        if below {
            Goal::below(target, Some(target * factor))
        } else {
            Goal::above(target, Some(target / factor))
        }
    });
    prop::option::of(goal)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn ticks_are_round_unique_and_inside(kind in kinds(), unit in units(), goal in goals(), series in series()) {
        let model = model(&panel(kind, unit, goal, &series), 150);
        let (low, high) = model.range;
        prop_assert!(low.is_finite() && high.is_finite() && high > low);
        for ticks in [&model.y_ticks, &model.x_ticks] {
            for tick in ticks {
                prop_assert!((-1e-9..=1.0 + 1e-9).contains(&tick.at), "{tick:?}");
            }
            let labels: HashSet<&str> = ticks.iter().map(|tick| tick.label.as_str()).collect();
            prop_assert_eq!(labels.len(), ticks.len(), "{:?}", ticks);
            prop_assert!(ticks.len() <= 7);
        }
        // Round: the ticks divide the axis evenly.
        let factor = model.scale.factor();
        let plain = model.y_ticks.iter().filter(|tick| tick.role == Role::Plain);
        for tick in plain {
            let value = (high - tick.at * (high - low)) * factor;
            let digits: String = tick.label.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
            let power = match tick.label.chars().last() {
                Some('M') => 1e6,
                Some('G') => 1e9,
                _ => 1.0,
            };
            let label = digits.parse::<f64>().expect("a number") * power;
            prop_assert!((value - label).abs() <= 1e-5 * high * factor + 1e-6, "{value} {label}");
        }
    }

    #[test]
    fn nothing_is_drawn_outside_or_nowhere(kind in kinds(), unit in units(), goal in goals(), series in series()) {
        let model = model(&panel(kind, unit, goal, &series), 150);
        let inside = 0.0..=1.0;
        for point in model.series.iter().flat_map(|series| &series.points) {
            prop_assert!(inside.contains(&point.left) && inside.contains(&point.low));
            prop_assert!(point.is_break() || inside.contains(&point.high));
        }
        for gap in &model.gaps {
            prop_assert!(gap.left >= 0.0 && gap.left + gap.width <= 1.0 + 1e-9);
        }
        for stretch in [model.warn, model.bad, model.good].into_iter().flatten() {
            prop_assert!(stretch.top >= 0.0 && stretch.top + stretch.height <= 1.0 + 1e-9);
        }
    }

    #[test]
    fn thinning_keeps_the_extremes(unit in units(), series in series(), most in 8usize..200) {
        let panel = panel(ChartKind::Line, unit, None, &series);
        let all = model(&panel, usize::MAX);
        let thinned = model(&panel, most);
        for (all, thinned) in all.series.iter().zip(&thinned.series) {
            let drawn = |points: &[Point]| points.iter().filter(|point| !point.is_break()).map(|point| point.high).collect::<Vec<_>>();
            let (all, thinned) = (drawn(&all.points), drawn(&thinned.points));
            prop_assert!(thinned.len() <= most.max(8), "{} of {most}", thinned.len());
            let least = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
            let greatest = |values: &[f64]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            prop_assert_eq!(least(&all), least(&thinned));
            prop_assert_eq!(greatest(&all), greatest(&thinned));
            prop_assert_eq!(all.last(), thinned.last());
        }
    }

    #[test]
    fn names_at_the_ends_never_touch(series in series()) {
        for apart in [APART, APART_ON_WALLS] {
            let model = model_apart(&panel(ChartKind::Line, Unit::Seconds, None, &series), apart);
            for pair in model.ends.windows(2) {
                prop_assert!(pair[1].top - pair[0].top > apart - 1e-9);
            }
        }
    }
}

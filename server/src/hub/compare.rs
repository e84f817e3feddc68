//! The same lines of an earlier time, laid beside those of a panel.

use keiki_model::panel::{ChartKind, PanelSnapshot, SeriesPoints};
use keiki_model::series::Labels;
use keiki_model::time::{Millis, SECOND};

/// The earlier values on the slots of `now`: of each line that is there now, or of a stack the total, since parts would lie
/// upon each other. What is kept in coarser slots stands for each of the slots within.
pub(super) fn beside(now: &PanelSnapshot, before: &PanelSnapshot, shift: Millis) -> Vec<SeriesPoints> {
    let step = Millis::from(before.step.max(1)) * SECOND;
    let place = |slot: usize| usize::try_from((now.slot_time(slot) - shift - before.from()).div_euclid(step)).ok();
    let moved = |points: &[Option<f64>]| -> Vec<Option<f64>> {
        let value = |slot| points.get(place(slot)?).copied().flatten();
        (0..now.slots as usize).map(value).collect()
    };
    let mut found = Vec::new();
    match now.spec.chart {
        ChartKind::Line | ChartKind::Area => {
            for series in &before.series {
                if now.series.iter().any(|one| one.labels == series.labels) {
                    found.push(SeriesPoints::new(series.labels.clone(), moved(&series.points)));
                }
            }
        }
        ChartKind::StackedArea | ChartKind::Bar => {
            let total = |slot: usize| {
                let here = before
                    .series
                    .iter()
                    .filter_map(|series| series.points.get(slot).copied().flatten());
                here.reduce(|sum, value| sum + value)
            };
            let totals: Vec<_> = (0..before.slots as usize).map(total).collect();
            found.push(SeriesPoints::new(Labels::none(), moved(&totals)));
        }
        ChartKind::Heat | ChartKind::Table | ChartKind::Stat => {}
    }
    found.retain(|series| series.points.iter().any(Option::is_some));
    found
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use keiki_model::panel::State;

    use super::*;

    fn panel(id: &str, step: u32, to: Millis, series: &[(&str, &[f64])]) -> PanelSnapshot {
        let spec = Arc::new(keiki_model::group::panel(id).expect("a panel").spec.clone());
        let points = |points: &[f64]| points.iter().map(|value| (!value.is_nan()).then_some(*value)).collect();
        PanelSnapshot {
            spec,
            state: State::Live,
            status: None,
            itself: false,
            interval_ms: 1_000,
            newest: None,
            step,
            to,
            slots: u32::try_from(series[0].1.len()).expect("few"),
            series: series
                .iter()
                .map(|(name, values)| SeriesPoints::new(Labels::new([("stat", *name)]), points(values)))
                .collect(),
            before: Vec::new(),
            rows: Vec::new(),
            stats: Vec::new(),
            failure: None,
        }
    }

    #[test]
    fn lines_stand_beside_those_of_the_same_name() {
        let now = panel(
            "api.latency",
            1,
            86_404_000,
            &[("p50", &[1.0, 2.0, 3.0, 4.0]), ("p95", &[5.0; 4])],
        );
        let coarse = panel(
            "api.latency",
            2,
            4_000,
            &[("p50", &[7.0, f64::NAN]), ("p99", &[9.0, 9.0])],
        );
        let beside = beside(&now, &coarse, 86_400_000);
        assert_eq!(beside.len(), 1);
        assert_eq!(beside[0].points, [Some(7.0), Some(7.0), None, None]);
    }

    #[test]
    fn of_a_stack_the_total_is_compared() {
        let id = "queue.length";
        let now = panel(id, 1, 86_402_000, &[("a", &[1.0, 2.0])]);
        let before = panel(id, 1, 2_000, &[("a", &[1.0, f64::NAN]), ("b", &[2.0, f64::NAN])]);
        let found = beside(&now, &before, 86_400_000);
        assert_eq!(found[0].points, [Some(3.0), None]);
        let nothing = panel(id, 1, 2_000, &[("a", &[f64::NAN, f64::NAN])]);
        assert_eq!(beside(&now, &nothing, 86_400_000), []);
    }
}

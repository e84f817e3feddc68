//! Gaps: stretches that the window covers and nothing measured. They are hatched, never bridged.

use crate::chart::Gap;
use crate::format::duration;
use crate::panel::{ChartKind, PanelSnapshot};
use crate::sort::sort_by;
use crate::text::Language;
use crate::time::{Millis, SECOND};

/// How much of the plot a label needs.
const ROOM: f64 = 0.24;
/// The most gaps that are hatched; of more, the longest.
const MOST: usize = 12;

/// The stretches in which no visible series has a value. At the right edge only from where the panel is stale: until
/// then the next value is merely under way.
pub(super) fn find(panel: &PanelSnapshot, visible: &[bool], language: Language) -> Vec<Gap> {
    let slots = panel.slots as usize;
    let heat = panel.spec.chart == ChartKind::Heat;
    let seen = |index: usize| heat || visible.get(index).copied().unwrap_or(true);
    if slots == 0 || !(0..panel.series.len().max(1)).any(seen) {
        return Vec::new();
    }
    let measured = |slot: &usize| {
        let mut series = panel.series.iter().enumerate().filter(|(index, _)| seen(*index));
        series.any(|(_, series)| series.points.get(*slot).is_some_and(Option::is_some))
    };
    // A line's point is at the end of its slot: it stops at the end of the last and starts at the end of the next one.
    let columns = heat || panel.spec.chart == ChartKind::Bar;
    let slot_ms = Millis::from(panel.step.max(1)) * SECOND;
    let patience = (3 * Millis::from(panel.interval_ms)).max(3 * SECOND);
    let mut gaps = Vec::new();
    let mut start = 0;
    while start < slots {
        if measured(&start) {
            start += 1;
            continue;
        }
        let end = (start + 1..slots).find(measured).unwrap_or(slots);
        let lasts = Millis::try_from(end - start).unwrap_or_default() * slot_ms;
        let trailing = end == slots;
        if !trailing || start == 0 || lasts > patience {
            let right = if columns || trailing { end } else { end + 1 };
            gaps.push((start, right, lasts));
        }
        start = end;
    }
    if gaps.len() > MOST {
        sort_by(&mut gaps, |a, b| b.2.cmp(&a.2));
        gaps.truncate(MOST);
        sort_by(&mut gaps, |a, b| a.0.cmp(&b.0));
    }
    #[allow(clippy::cast_precision_loss, reason = "a panel has at most 1,000 slots")]
    let share = |slot: usize| slot as f64 / slots as f64;
    gaps.into_iter()
        .map(|(start, end, lasts)| {
            let (left, width) = (share(start), share(end) - share(start));
            let label = (width >= ROOM).then(|| no_data(lasts, language));
            Gap { left, width, label }
        })
        .collect()
}

fn no_data(lasts: Millis, language: Language) -> String {
    let words = match language {
        Language::En => "no data ",
        Language::Ja => "データなし ",
    };
    [words, &duration(lasts, language)].concat()
}

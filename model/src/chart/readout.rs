//! The values of one slot in words: for the tooltip and for the table of data behind a chart.

use std::ops::Range;

use crate::chart::heat::{lower_end, upper_bound};
use crate::chart::names;
use crate::chart::points::{Columns, mean};
use crate::format::{Formatted, MISSING, Scale, duration, fixed};
use crate::panel::{ChartKind, PanelSnapshot, SeriesPoints};
use crate::text::Language;
use crate::time::{Millis, SECOND, is_stale};

/// All values of a slot, or of the slots that are merged in a bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Readout {
    /// The start of the slot.
    pub time: Millis,
    /// How long it lasts, milliseconds.
    pub lasts: Millis,
    /// One per series, in their order.
    pub values: Vec<Formatted>,
}

/// The values of the slot that a time lies in, of bars those of the whole bar; `None` outside the window.
pub fn readout(panel: &PanelSnapshot, time: Millis, language: Language) -> Option<Readout> {
    let slot_ms = Millis::from(panel.step.max(1)) * SECOND;
    let slot = usize::try_from((time - panel.from()).div_euclid(slot_ms)).ok()?;
    let range = if panel.spec.chart == ChartKind::Bar {
        Columns::of(panel).ranges().find(|range| range.contains(&slot))?
    } else {
        slot..slot + 1
    };
    (slot < panel.slots as usize).then(|| read(panel, &Scale::of_panel(panel), range, language))
}

/// The values of evenly spaced slots, the newest first, at most `most`.
pub fn readouts(panel: &PanelSnapshot, most: usize, language: Language) -> Vec<Readout> {
    let scale = Scale::of_panel(panel);
    let slots = panel.slots as usize;
    let step = slots.div_ceil(most.max(1)).max(1);
    let newest_first = (0..slots).rev().step_by(step);
    if panel.spec.chart == ChartKind::Heat {
        // What is counted is added up, so that nothing lies between the rows.
        let counted = |slot: usize| counts(panel, (slot + 1).saturating_sub(step)..slot + 1);
        return newest_first.map(counted).collect();
    }
    newest_first
        .map(|slot| read(panel, &scale, slot..slot + 1, language))
        .collect()
}

/// How many there were in each row of a heat map.
fn counts(panel: &PanelSnapshot, slots: Range<usize>) -> Readout {
    let figure = |series: &SeriesPoints| {
        let known = || series.points.get(slots.clone()).unwrap_or_default().iter().flatten();
        let count = known().next().map(|_| known().sum::<f64>());
        Formatted {
            figure: count.map_or_else(|| MISSING.to_owned(), |count| fixed(count, 0)),
            unit: String::new(),
        }
    };
    Readout {
        time: panel.slot_time(slots.start),
        lasts: Millis::try_from(slots.len()).unwrap_or(1) * Millis::from(panel.step) * SECOND,
        values: panel.series.iter().map(figure).collect(),
    }
}

/// The name of a heat map's row: up to which value it reaches, or beyond which one where it has no end.
fn reach(panel: &PanelSnapshot, series: &SeriesPoints, scale: &Scale, language: Language) -> String {
    let named = |sign: &str, bound| {
        let value = Formatted {
            figure: scale.level(bound),
            unit: scale.unit(language).to_owned(),
        };
        [sign, &value.joined(language)].concat()
    };
    match upper_bound(series) {
        Some(bound) if bound.is_finite() => named("≤ ", bound),
        Some(_) => {
            let finite = panel
                .series
                .iter()
                .filter_map(upper_bound)
                .filter(|bound| bound.is_finite());
            lower_end(series)
                .or_else(|| finite.reduce(f64::max))
                .map_or_else(|| MISSING.to_owned(), |last| named("> ", last))
        }
        None => String::new(),
    }
}

fn read(panel: &PanelSnapshot, scale: &Scale, slots: Range<usize>, language: Language) -> Readout {
    let merged = |points: &[Option<f64>]| mean(points.get(slots.clone()).unwrap_or_default());
    let lasts = Millis::try_from(slots.len()).unwrap_or(1) * Millis::from(panel.step) * SECOND;
    Readout {
        time: panel.slot_time(slots.start),
        lasts,
        values: panel
            .series
            .iter()
            .map(|series| scale.format(merged(&series.points), language))
            .collect(),
    }
}

/// How many series a summary tells of; the rest is in the table of data.
const TOLD: usize = 6;

/// What a chart shows, in a sentence for each series: its newest, smallest and largest value, the newest with its age
/// where it is not of now. Nothing where there are no lines, or nothing is in them.
pub fn summary(panel: &PanelSnapshot, language: Language) -> String {
    let scale = Scale::of_panel(panel);
    let figure = |value: f64| scale.format(Some(value), language).joined(language);
    let sentence = |(name, series): (String, &SeriesPoints)| {
        let known = || series.points.iter().copied().flatten();
        let last = series.points.iter().rposition(Option::is_some)?;
        let [newest, least, most] = [
            series.points[last]?,
            known().reduce(f64::min)?,
            known().reduce(f64::max)?,
        ]
        .map(figure);
        let end = panel.slot_time(last + 1);
        let age = duration(panel.to - end, language);
        let newest = match (language, is_stale(end, panel.interval_ms, panel.to)) {
            (Language::En, false) => format!("newest {newest}"),
            (Language::En, true) => format!("last {newest}, {age} before the end"),
            (Language::Ja, false) => format!("最新 {newest}"),
            (Language::Ja, true) => format!("最後の値 {newest}（末尾の {age}前）"),
        };
        Some(match language {
            Language::En => format!("{name}: {newest}, from {least} to {most}."),
            Language::Ja => format!("{name}：{newest}、最小 {least}、最大 {most}。"),
        })
    };
    if panel.spec.chart == ChartKind::Heat {
        let count = |series: &SeriesPoints| series.points.iter().flatten().sum::<f64>();
        let all: f64 = panel.series.iter().map(count).sum();
        let most = panel.series.iter().max_by(|a, b| count(a).total_cmp(&count(b)));
        let Some(most) = most.filter(|_| all > 0.0) else {
            return String::new();
        };
        let (row, share) = (reach(panel, most, &scale, language), 100.0 * count(most) / all);
        let all = fixed(all, 0);
        return match language {
            Language::En => format!("{all} in all, most of them in the row {row}: {share:.0}%."),
            Language::Ja => format!("全 {all} 件。最も多いのは {row} の行で {share:.0}%。"),
        };
    }
    let name = |name: &str| match name {
        "" => panel.spec.axis.get(language).to_owned(),
        name => name.to_owned(),
    };
    let keys = names::keys(panel, language);
    let names = keys.iter().map(|key| name(&key.name)).zip(&panel.series);
    let sentences: Vec<String> = names.take(TOLD).filter_map(sentence).collect();
    sentences.join(if language == Language::En { " " } else { "" })
}

/// The names above the columns of [`readouts`], with the unit. A series without a name has the axis's.
pub fn headings(panel: &PanelSnapshot, language: Language) -> Vec<String> {
    let unit = Scale::of_panel(panel).unit(language);
    let heat = panel.spec.chart == ChartKind::Heat;
    let title = |name: &str| {
        let name = if name.is_empty() {
            panel.spec.axis.get(language)
        } else {
            name
        };
        match (unit, language) {
            ("", _) => name.to_owned(),
            (_, Language::En) => [name, ", ", unit].concat(),
            (_, Language::Ja) => [name, "（", unit, "）"].concat(),
        }
    };
    if heat {
        let scale = Scale::of_panel(panel);
        return panel
            .series
            .iter()
            .map(|series| reach(panel, series, &scale, language))
            .collect();
    }
    names::keys(panel, language)
        .iter()
        .map(|key| title(&key.name))
        .collect()
}

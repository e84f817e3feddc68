//! The values of one slot in words: for the tooltip and for the table of data behind a chart.

use std::ops::Range;

use crate::chart::names;
use crate::chart::points::{Columns, mean};
use crate::format::{Formatted, Scale};
use crate::panel::{ChartKind, PanelSnapshot, SeriesPoints};
use crate::text::Language;
use crate::time::{Millis, SECOND};

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
    (0..slots)
        .rev()
        .step_by(step)
        .map(|slot| read(panel, &scale, slot..slot + 1, language))
        .collect()
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

/// What a chart shows, in a sentence for each series: its newest, smallest and largest value. Nothing where there are no
/// lines, or nothing is in them.
pub fn summary(panel: &PanelSnapshot, language: Language) -> String {
    let scale = Scale::of_panel(panel);
    let figure = |value: f64| scale.format(Some(value), language).joined(language);
    let sentence = |(name, series): (String, &SeriesPoints)| {
        let known = || series.points.iter().copied().flatten();
        let (newest, least) = (known().next_back()?, known().reduce(f64::min)?);
        let [newest, least, most] = [newest, least, known().reduce(f64::max)?].map(figure);
        Some(match language {
            Language::En => format!("{name}: newest {newest}, from {least} to {most}."),
            Language::Ja => format!("{name}：最新 {newest}、最小 {least}、最大 {most}。"),
        })
    };
    if panel.spec.chart == ChartKind::Heat {
        return String::new();
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
        return Vec::new();
    }
    names::keys(panel, language)
        .iter()
        .map(|key| title(&key.name))
        .collect()
}

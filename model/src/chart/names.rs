//! Names and colours of series.

use crate::chart::Series;
use crate::format::{Formatted, Scale};
use crate::panel::{ChartKind, Palette, PanelSnapshot, PanelSpec, SeriesPoints, StatKey};
use crate::query::STATUS_CLASS;
use crate::text::Language;

/// A series without its points: its name, colour and last figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name; empty where the panel's only series has no label that names it.
    pub name: String,
    /// Its colour's class.
    pub class: &'static str,
    /// Its last point.
    pub latest: Formatted,
}

const CATEGORICAL: [&str; 8] = [
    "series-1", "series-2", "series-3", "series-4", "series-5", "series-6", "series-7", "series-8",
];
const RANKED: [&str; 3] = ["rank-1", "rank-2", "rank-3"];
const CLASSES: [&str; 5] = ["class-1", "class-2", "class-3", "class-4", "class-5"];

/// The keys of a panel's series, in their order. A heat map has none.
pub fn keys(panel: &PanelSnapshot, language: Language) -> Vec<Key> {
    if panel.spec.chart == ChartKind::Heat {
        return Vec::new();
    }
    let scale = Scale::of_panel(panel);
    let count = panel.series.len();
    panel
        .series
        .iter()
        .enumerate()
        .map(|(place, series)| Key {
            name: name(&panel.spec, series, language),
            class: class(&panel.spec, series, place, count),
            latest: scale.format(series.points.iter().rev().find_map(|point| *point), language),
        })
        .collect()
}

fn name(spec: &PanelSpec, series: &SeriesPoints, language: Language) -> String {
    let mut name = String::new();
    for label in &spec.naming {
        let Some(value) = series.labels.get(label) else {
            continue;
        };
        let value = match label.as_str() {
            "stat" => statistic(value, language),
            _ => value,
        };
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(value);
    }
    name
}

/// Statistics that have a word in Japanese.
fn statistic(value: &str, language: Language) -> &str {
    match (language, StatKey::from_name(value)) {
        (Language::Ja, Some(StatKey::Mean)) => "平均",
        (Language::Ja, Some(StatKey::Max)) => "最大",
        (Language::Ja, Some(StatKey::Min)) => "最小",
        _ => value,
    }
}

fn class(spec: &PanelSpec, series: &SeriesPoints, place: usize, count: usize) -> &'static str {
    match spec.palette {
        Palette::Categorical => CATEGORICAL[place % CATEGORICAL.len()],
        // The extreme is the strongest, whatever the number of ranks.
        Palette::Ranked if count == 1 => RANKED[1],
        Palette::Ranked => RANKED[(place * 2 + (count - 1) / 2) / (count - 1)],
        Palette::StatusClass => status_class(series).map_or("series-8", |class| CLASSES[class - 1]),
    }
}

/// Marks the leading series, and which are outlined.
///
/// Of a stack of status classes only the total is outlined, and never in the colour of failures: their line would lie
/// along all of it, however few they are.
pub(super) fn outline(series: &mut [Series], spec: &PanelSpec) {
    // The extreme of ranked series, else the first.
    let lead = match spec.palette {
        Palette::Ranked => series.iter_mut().rfind(|series| !series.hidden),
        _ => series.iter_mut().find(|series| !series.hidden),
    };
    if let Some(lead) = lead {
        lead.lead = true;
    }
    if spec.palette != Palette::StatusClass || spec.chart != ChartKind::StackedArea {
        return;
    }
    let drawn =
        |series: &Series| series.class != CLASSES[4] && series.points.iter().any(|point| point.high > point.low);
    let top = series.iter().rposition(drawn);
    for (place, series) in series.iter_mut().enumerate() {
        series.outlined = Some(place) == top;
    }
}

/// The class of an HTTP status series, 1 to 5.
pub(super) fn status_class(series: &SeriesPoints) -> Option<usize> {
    let first = series.labels.get(STATUS_CLASS)?.bytes().next()?;
    (b'1'..=b'5').contains(&first).then(|| usize::from(first - b'0'))
}

//! The one chart model: all that is drawn of a panel, computed once from its snapshot.
//!
//! The server's SVG and the browser's canvas are two drawings of a [`ChartModel`], so that hydration moves no tick.
//! Positions are shares of the plot: `left` runs from 0 at its left edge to 1, `top` from 0 at its upper edge to 1. A
//! model is a pure function of the points in the window: the same points give the same axis.

use crate::format::{self, Formatted, Scale};
use crate::frame::Annotation;
use crate::panel::{ChartKind, PanelSnapshot};
use crate::text::Language;
use crate::time::{Millis, SECOND, Zone};

mod ends;
mod gaps;
mod heat;
mod levels;
mod names;
mod points;
mod readout;
mod ticks;

pub use ends::{APART, APART_ON_WALLS, named};
pub use heat::{Cell, Heat};
pub use names::{Key, keys};
pub use points::Point;
pub use readout::{Readout, headings, readout, readouts, summary};

/// How many points a series of the first, static picture has at most.
pub const STATIC_POINTS: usize = 150;
/// How many points a series of the live picture has at most.
pub const LIVE_POINTS: usize = 300;

/// What a model depends on besides the panel.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// The language of labels.
    pub language: Language,
    /// The zone of the time axis.
    pub zone: &'a Zone,
    /// What is marked through all charts.
    pub annotations: &'a [Annotation],
    /// How many points a series may have; minima and maxima are kept.
    pub points: usize,
    /// The names of series that are not drawn; the axis follows the others.
    pub hidden: &'a [String],
    /// How far apart the names at the lines' ends stand at least: [`APART`] or [`APART_ON_WALLS`].
    pub apart: f64,
}

/// What a tick stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A round number.
    Plain,
    /// A goal's target.
    Target,
    /// What must not be passed, or a measured limit.
    Limit,
}

/// A tick of either axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// Share of the axis, from the left or from the top.
    pub at: f64,
    /// Its label.
    pub label: String,
    /// What it stands for.
    pub role: Role,
    /// Whether its value lies outside the axis, beyond the end at which it stands.
    pub beyond: bool,
}

/// A stretch of the vertical axis beyond a level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// Where it starts.
    pub top: f64,
    /// How long it is.
    pub height: f64,
}

/// A stretch of time that was not measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Gap {
    /// Where it starts.
    pub left: f64,
    /// How long it is.
    pub width: f64,
    /// What it is and how long, where there is room for it.
    pub label: Option<String>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// When.
    pub left: f64,
    /// What.
    pub label: String,
    /// Whether there is room for the label.
    pub roomy: bool,
}

/// What lies beneath the lines.
#[derive(Clone, Debug, PartialEq)]
pub struct Shade {
    /// `band` for how far the values within the slots went, `ghost` for the line of an earlier time.
    pub kind: &'static str,
    /// The colour of its series.
    pub class: &'static str,
    /// Of a band from `low` to `high`.
    pub points: Vec<Point>,
}

/// The name at the end of a line.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    /// Its height.
    pub top: f64,
    /// The colour of its series.
    pub class: &'static str,
    /// Its name; of a line without one, its last figure.
    pub text: String,
}

/// A series as it is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// Its colour: `series-1`…`8`, `rank-1`…`3`, `class-1`…`5`.
    pub class: &'static str,
    /// Whether it is left out.
    pub hidden: bool,
    /// Whether the upper edge of its area has a line.
    pub outlined: bool,
    /// Whether it is the one that is shown where there is room for one.
    pub lead: bool,
    /// Its last point.
    pub latest: Formatted,
    /// What is drawn; empty where it is hidden.
    pub points: Vec<Point>,
}

/// All that is drawn of a panel.
#[derive(Clone, Debug, PartialEq)]
pub struct ChartModel {
    /// How.
    pub kind: ChartKind,
    /// What the vertical axis measures, with its unit.
    pub label: String,
    /// How its values are written.
    pub scale: Scale,
    /// The start of the time axis.
    pub from: Millis,
    /// The end of the time axis.
    pub to: Millis,
    /// The lowest and the highest value of the axis, in base units.
    pub range: (f64, f64),
    /// Whether the axis does not start at zero.
    pub cut: bool,
    /// Of the vertical axis, highest first; levels among them.
    pub y_ticks: Vec<Tick>,
    /// Of the time axis.
    pub x_ticks: Vec<Tick>,
    /// Beyond the target.
    pub warn: Option<Stretch>,
    /// Beyond the limit.
    pub bad: Option<Stretch>,
    /// Within the target.
    pub good: Option<Stretch>,
    /// What was not measured.
    pub gaps: Vec<Gap>,
    /// What happened.
    pub marks: Vec<Mark>,
    /// What lies beneath the lines.
    pub shades: Vec<Shade>,
    /// What is drawn. Stacked ones from the bottom up.
    pub series: Vec<Series>,
    /// The lines' names.
    pub ends: Vec<End>,
    /// Where rare failures were; drawn above the plot, because within it they are too small to see.
    pub rug: Vec<f64>,
    /// How wide a bar or a column of a heat map is, with its distance from the next.
    pub column: f64,
    /// The cells of a heat map.
    pub heat: Option<Heat>,
}

impl ChartModel {
    /// Computes the model of a panel.
    pub fn new(panel: &PanelSnapshot, options: &Options<'_>) -> Self {
        let spec = &panel.spec;
        let scale = Scale::of_panel(panel);
        let label = format::caption(&spec.axis, scale.unit(options.language), options.language);
        let (from, to) = (panel.from(), panel.to);
        let keys = names::keys(panel, options.language);
        let visible: Vec<bool> = keys.iter().map(|key| !options.hidden.contains(&key.name)).collect();
        let columns = points::Columns::of(panel);
        let mut model = Self {
            kind: spec.chart,
            label,
            scale,
            from,
            to,
            range: (0.0, 1.0),
            cut: false,
            y_ticks: Vec::new(),
            x_ticks: ticks::time(from, to, options.zone),
            warn: None,
            bad: None,
            good: None,
            gaps: gaps::find(panel, &visible, options.language),
            marks: marks(from, to, options),
            shades: Vec::new(),
            series: Vec::new(),
            ends: Vec::new(),
            rug: points::rug(panel, &visible),
            column: columns.width(),
            heat: None,
        };
        if spec.chart == ChartKind::Heat {
            let heat = heat::Heat::of(panel, &columns);
            model.y_ticks = heat.ticks(&scale);
            model.heat = Some(heat);
            return model;
        }
        let drawn = points::Drawn::of(panel, &visible, &columns);
        let axis = levels::Axis::of(panel, &scale, drawn.extent());
        model.range = axis.range;
        model.cut = axis.cut;
        (model.warn, model.bad, model.good) = axis.stretches();
        let lines = drawn.lines(axis.range, options.points);
        model.shades = drawn.shades(panel, &keys, axis.range, options.points);
        model.series = keys
            .into_iter()
            .zip(visible)
            .zip(lines)
            .map(|((key, visible), points)| Series {
                name: key.name,
                class: key.class,
                hidden: !visible,
                outlined: true,
                lead: false,
                latest: key.latest,
                points,
            })
            .collect();
        names::outline(&mut model.series, spec);
        model.ends = ends::place(&model.series, spec.chart, options.apart);
        model.y_ticks = axis.ticks;
        model
    }

    /// Whether there is anything to draw.
    pub fn is_empty(&self) -> bool {
        let cells = self.heat.as_ref().is_none_or(|heat| heat.cells.is_empty());
        cells && self.series.iter().all(|series| series.points.is_empty())
    }

    /// The time at a share of the plot's width.
    pub fn time_at(&self, left: f64) -> Millis {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "windows are far below 2^53 milliseconds"
        )]
        let offset = (left.clamp(0.0, 1.0) * (self.to - self.from) as f64) as Millis;
        self.from + offset
    }
}

/// Where a time stands in a window.
#[allow(clippy::cast_precision_loss, reason = "windows are far below 2^53 milliseconds")]
fn share(time: Millis, from: Millis, to: Millis) -> f64 {
    (time - from) as f64 / (to - from).max(SECOND) as f64
}

fn marks(from: Millis, to: Millis, options: &Options<'_>) -> Vec<Mark> {
    /// How much of the plot a label needs.
    const ROOM: f64 = 0.3;
    let within: Vec<&Annotation> = options
        .annotations
        .iter()
        .filter(|annotation| annotation.time > from && annotation.time <= to)
        .collect();
    let lefts: Vec<f64> = within.iter().map(|mark| share(mark.time, from, to)).collect();
    let next = |index: usize| lefts.get(index + 1).copied().unwrap_or(1.1);
    within
        .iter()
        .enumerate()
        .map(|(index, annotation)| Mark {
            left: lefts[index],
            label: clipped(annotation.says(options.language)),
            roomy: next(index) - lefts[index] > ROOM,
        })
        .collect()
}

/// A mark's label, no longer than there is room for.
fn clipped(mut label: String) -> String {
    const MOST: usize = 24;
    if let Some((end, _)) = label.char_indices().nth(MOST) {
        label.truncate(end);
        label.push('…');
    }
    label
}

/// A share as an attribute in percent, with two decimals: `33.33%`.
pub fn percent(share: f64) -> String {
    let hundredths = if share.is_finite() {
        (share * 10_000.0).round().clamp(-1e6, 1e6)
    } else {
        0.0
    };
    #[allow(clippy::cast_possible_truncation, reason = "whole, and clamped")]
    let hundredths = hundredths as i32;
    let (sign, whole, rest) = (
        if hundredths < 0 { "-" } else { "" },
        (hundredths / 100).abs().to_string(),
        (hundredths % 100).abs(),
    );
    match (rest / 10, rest % 10) {
        (0, 0) => [sign, &whole, "%"].concat(),
        (tens, 0) => [sign, &whole, ".", &tens.to_string(), "%"].concat(),
        (tens, ones) => [sign, &whole, ".", &tens.to_string(), &ones.to_string(), "%"].concat(),
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

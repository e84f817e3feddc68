//! Figures: values in base units become text here and nowhere else.
//!
//! A [`Scale`] fixes unit and decimals once for a figure, by its unit, its panel and the magnitude of its goal, never by
//! the value: a live figure keeps its unit. Pure, without a locale and without the float formatting of the standard
//! library, so that the server and the browser write the same characters.

use crate::panel::{ColumnSpec, PanelSnapshot, PanelSpec, Stat, StatKey, StatSpec};
use crate::target::{Direction, Goal};
use crate::text::{Language, Text};
use crate::unit::Unit;

mod number;
mod span;

pub use number::{MISSING, fixed, trimmed};
pub use span::{age, duration};

/// A figure and its unit, apart, because they are set in different sizes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Formatted {
    /// Such as `1,191`; an en dash where there is no value.
    pub figure: String,
    /// Such as `ms` or `/ 50`; may be empty.
    pub unit: String,
}

impl Formatted {
    /// Both in one text: `205 ms`, in Japanese `205ms`; `%` sits on the number in both.
    pub fn joined(&self, language: Language) -> String {
        let apart = match language {
            Language::En => self.unit != "%",
            Language::Ja => self.unit.starts_with("/ "),
        };
        let space = if apart && !self.unit.is_empty() { " " } else { "" };
        [self.figure.as_str(), space, self.unit.as_str()].concat()
    }
}

/// What a ratio is, which decides how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// Everything that is no ratio.
    Amount,
    /// Per cent; three decimals, compared with its goal by proportion.
    Errors,
    /// Per cent.
    Share,
    /// A score of 0 to 1.
    Score,
}

/// Unit and decimals of a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// What base units are multiplied by.
    factor: f64,
    decimals: u8,
    style: Style,
    ja: &'static str,
    en: &'static str,
}

/// Decimals by which a value just below the goal shows three significant figures.
fn decimals_below(goal: f64) -> u8 {
    match goal {
        goal if goal > 100.0 => 0,
        goal if goal > 10.0 => 1,
        goal if goal > 1.0 => 2,
        _ => 3,
    }
}

/// Decimals by which a value of a power of ten or more shows three significant figures.
fn decimals_of(size: f64) -> u8 {
    decimals_below(size * 1.01)
}

/// Amounts that are shown with a unit of their own rather than as a number of things.
const PLAIN_COUNTS: [&str; 3] = ["resources", "database", "explore"];

impl Scale {
    /// The scale of a stat. `limit` is the measured one that came with its value.
    pub fn of_stat(panel: &PanelSpec, stat: &StatSpec, limit: Option<f64>) -> Self {
        let owner = stat.of.as_deref().unwrap_or(&panel.id);
        let reference = limit.or(panel.magnitude);
        Self::new(owner, stat.key, stat.unit, goals(panel, owner, stat.unit), reference)
    }

    /// The scale of a table's column.
    pub fn of_column(panel: &PanelSpec, column: &ColumnSpec) -> Self {
        let goals = panel.columns.iter().filter(|other| other.unit == column.unit);
        let goals = goals.filter_map(|column| column.goal.as_ref());
        Self::new(&panel.id, column.key, column.unit, goals, None)
    }

    /// The scale of a panel's axis, keys and tooltips.
    pub fn of_panel(panel: &PanelSnapshot) -> Self {
        let spec = &panel.spec;
        let own = || {
            let both = spec.stats.iter().zip(&panel.stats);
            both.filter(|(stat, _)| stat.of.is_none() && stat.unit == spec.unit)
        };
        let reference = own().find_map(|(_, stat)| stat.limit).or(spec.magnitude);
        let key = own().next().map_or(StatKey::Last, |(stat, _)| stat.key);
        Self::new(&spec.id, key, spec.unit, goals(spec, &spec.id, spec.unit), reference)
    }

    fn new<'g>(
        owner: &str,
        key: StatKey,
        unit: Unit,
        goals: impl Iterator<Item = &'g Goal>,
        reference: Option<f64>,
    ) -> Self {
        let group = owner.split('.').next().unwrap_or_default();
        let goals: Vec<&Goal> = goals.collect();
        let targets = || goals.iter().map(|goal| goal.target);
        let smallest = targets().fold(f64::INFINITY, f64::min);
        let largest = targets().fold(0.0, f64::max);
        let amount = |factor, decimals, ja, en| Self {
            factor,
            decimals,
            style: Style::Amount,
            ja,
            en,
        };
        match unit {
            Unit::Seconds => {
                // Requests, queries and the cache are in milliseconds, tasks in seconds; a goal of another magnitude
                // decides otherwise, as does the size of what nobody has a goal for. Never both in one panel.
                let in_seconds = if group == "queue" {
                    largest == 0.0 || largest >= 0.1
                } else {
                    largest.max(reference.unwrap_or(0.0)) >= 10.0
                };
                let (factor, word) = if in_seconds { (1.0, "s") } else { (1e3, "ms") };
                let decimals = match (reference, smallest.is_finite(), in_seconds, group) {
                    (_, true, ..) => decimals_below(smallest * factor).clamp(1, 2),
                    (Some(size), ..) => decimals_of(size * factor),
                    (None, false, true, _) | (None, false, false, "cache") => 2,
                    (None, false, false, _) => 1,
                };
                amount(factor, decimals, word, word)
            }
            Unit::Bytes | Unit::BytesPerSecond => {
                let reference = if largest > 0.0 { Some(largest) } else { reference };
                let power = match reference.unwrap_or(1e6) {
                    size if size >= 1e12 => 4,
                    size if size >= 1e9 => 3,
                    size if size >= 1e6 => 2,
                    size if size >= 1e3 => 1,
                    _ => 0,
                };
                let words = if unit == Unit::Bytes {
                    ["B", "kB", "MB", "GB", "TB"]
                } else {
                    ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"]
                };
                let factor = [1.0, 1e-3, 1e-6, 1e-9, 1e-12][power];
                let decimals = reference.map_or(1, |size| decimals_below(size * factor).clamp(1, 2));
                amount(
                    factor,
                    if power == 0 { 0 } else { decimals },
                    words[power],
                    words[power],
                )
            }
            Unit::Ratio => Self::ratio(owner, key, &goals),
            Unit::Count => {
                let decimals = match reference {
                    _ if owner == "resources.load" => 2,
                    Some(size) if group == "explore" => decimals_of(size),
                    _ => 0,
                };
                let ja = if PLAIN_COUNTS.contains(&group) { "" } else { "件" };
                let ja = if owner == "queue.workers" { "" } else { ja };
                amount(1.0, decimals, ja, "")
            }
            Unit::PerSecond => {
                let decimals = if smallest.is_finite() {
                    decimals_below(smallest).max(1)
                } else {
                    1
                };
                // A user's own panel in these groups may count anything.
                let (ja, en) = match owner {
                    "api.throughput" | "api.endpoints" => ("req/s", "req/s"),
                    "queue.rate" | "queue.failures" | "queue.tasks" => ("件/s", "/s"),
                    _ => ("/s", "/s"),
                };
                amount(1.0, decimals, ja, en)
            }
        }
    }

    fn ratio(owner: &str, key: StatKey, goals: &[&Goal]) -> Self {
        let style = match (owner, key) {
            ("users.apdex", _) | ("users.table", StatKey::Ratio) => Style::Score,
            ("api.errors", _) | ("api.endpoints" | "queue.tasks", StatKey::Ratio) => Style::Errors,
            _ => Style::Share,
        };
        // Near one it is the shortfall that has to be seen.
        let near_one = goals.iter().filter(|goal| goal.direction == Direction::Above);
        let shortfall = near_one.map(|goal| 1.0 - goal.target).fold(1.0, f64::min);
        let decimals = match style {
            Style::Score => 2,
            Style::Errors => 3,
            _ if shortfall < 0.002 => 3,
            _ if shortfall < 0.02 || owner == "database.transactions" => 2,
            _ => 1,
        };
        let word = if style == Style::Score { "" } else { "%" };
        Self {
            factor: if style == Style::Score { 1.0 } else { 100.0 },
            decimals,
            style,
            ja: word,
            en: word,
        }
    }

    /// What base units are multiplied by to get the figure.
    pub fn factor(&self) -> f64 {
        self.factor
    }

    /// The unit's word or sign; may be empty.
    pub fn unit(&self, language: Language) -> &'static str {
        match language {
            Language::Ja => self.ja,
            Language::En => self.en,
        }
    }

    /// The figure alone. Whole from 100 up, rates of errors with one decimal from 10 up. What would be rounded to nothing, or to all, says so: `<0.1`, `>99.9`.
    pub fn figure(&self, value: f64) -> String {
        let shown = value * self.factor;
        if !shown.is_finite() {
            return MISSING.to_owned();
        }
        if shown == 0.0 {
            return "0".to_owned();
        }
        let smallest = number::unit_of(self.decimals);
        if shown > 0.0 && shown < smallest / 2.0 {
            return ["<", &fixed(smallest, self.decimals)].concat();
        }
        if self.style == Style::Share && value < 1.0 && shown > 100.0 - smallest / 2.0 {
            return [">", &fixed(100.0 - smallest, self.decimals)].concat();
        }
        let decimals = match self.style {
            // Three decimals tell small rates apart; of large ones nobody reads them.
            Style::Errors if shown.abs() >= 9.9995 => 1,
            _ if shown.abs() >= 100.0 - smallest / 2.0 => 0,
            _ => self.decimals,
        };
        fixed(shown, decimals)
    }

    /// Figure and unit.
    pub fn format(&self, value: Option<f64>, language: Language) -> Formatted {
        match value.filter(|value| value.is_finite()) {
            Some(value) => Formatted {
                figure: self.figure(value),
                unit: self.unit(language).to_owned(),
            },
            None => Formatted {
                figure: MISSING.to_owned(),
                unit: String::new(),
            },
        }
    }

    /// A tick of an axis, exact to the step between ticks; from steps of 100,000 on in millions, `2.5M`.
    pub fn tick(&self, value: f64, step: f64) -> String {
        let (value, step) = (value * self.factor, step * self.factor);
        let (power, suffix) = match step {
            step if step >= 1e8 => (1e9, "G"),
            step if step >= 1e5 => (1e6, "M"),
            _ => (1.0, ""),
        };
        let suffix = if value == 0.0 { "" } else { suffix };
        let decimals = if value == 0.0 {
            0
        } else {
            number::decimals_of(step / power)
        };
        [fixed(value / power, decimals).as_str(), suffix].concat()
    }

    /// A level to keep, without trailing zeros: `200`, `0.94`.
    pub fn level(&self, value: f64) -> String {
        trimmed(value * self.factor, 4)
    }

    /// A measured limit, in three significant figures: `25.3`.
    pub fn limit(&self, value: f64) -> String {
        let shown = value * self.factor;
        trimmed(shown, decimals_below(shown.abs()).min(2))
    }

    /// The goal as a stat names it: `< 50`, `≤ 10`, `≥ 1,000`, `30–50`.
    pub fn aim(&self, goal: &Goal) -> String {
        if let Some(best) = goal.best {
            let (least, most) = (goal.target.min(best), goal.target.max(best));
            return [&self.level(least), "–", &self.level(most)].concat();
        }
        let sign = match goal.direction {
            Direction::Below if goal.inclusive => "≤ ",
            Direction::Below => "< ",
            Direction::Above => "≥ ",
        };
        [sign, &self.level(goal.target)].concat()
    }

    /// How far the value is from the goal: `+3%` of it; of a share that should be high in points, `−1.5 pt`; of a score
    /// plainly, `+0.03`.
    pub fn distance(&self, value: f64, goal: &Goal) -> String {
        let (difference, decimals, word) = match (self.style, goal.direction) {
            (Style::Score, _) => (value - goal.target, self.decimals, ""),
            (Style::Share, Direction::Above) => ((value - goal.target) * 100.0, self.decimals, " pt"),
            _ if goal.target == 0.0 => return String::new(),
            _ => {
                let percent = (value / goal.target - 1.0) * 100.0;
                (percent, u8::from(percent.abs() < 0.95), "%")
            }
        };
        if !difference.is_finite() {
            return String::new();
        }
        let figure = fixed(difference.abs(), decimals);
        let sign = match difference {
            _ if figure.bytes().all(|byte| matches!(byte, b'0' | b'.')) => return ["±0", word].concat(),
            difference if difference < 0.0 => "−",
            _ => "+",
        };
        [sign, &figure, word].concat()
    }
}

/// The goals of one panel's stats of a unit.
fn goals<'p>(panel: &'p PanelSpec, owner: &'p str, unit: Unit) -> impl Iterator<Item = &'p Goal> {
    let same = move |stat: &&StatSpec| stat.unit == unit && stat.of.as_deref().unwrap_or(&panel.id) == owner;
    panel.stats.iter().filter(same).filter_map(|stat| stat.goal.as_ref())
}

/// A stat as it is shown; things counted against a measured limit have it for their unit: `24`, `/ 50`.
pub fn stat(panel: &PanelSpec, spec: &StatSpec, stat: &Stat, language: Language) -> Formatted {
    let scale = Scale::of_stat(panel, spec, stat.limit);
    let mut formatted = scale.format(stat.value, language);
    if let (Unit::Count, Some(_), Some(limit)) = (spec.unit, stat.value, stat.limit) {
        formatted.unit = ["/ ", &scale.limit(limit)].concat();
    }
    formatted
}

/// A cell of a table.
pub fn cell(panel: &PanelSpec, column: &ColumnSpec, stat: &Stat, language: Language) -> Formatted {
    Scale::of_column(panel, column).format(stat.value, language)
}

/// The bucket that a quantile lies in, with its unit: `100–250 ms`, and `> 10,000 ms` for the last one.
pub fn bucket(scale: &Scale, (low, high): (f64, Option<f64>), language: Language) -> String {
    let figure = match high {
        Some(high) => [scale.level(low).as_str(), "–", &scale.level(high)].concat(),
        None => ["> ", &scale.level(low)].concat(),
    };
    let unit = scale.unit(language).to_owned();
    Formatted { figure, unit }.joined(language)
}

/// What an axis measures, with its unit: `Response time, ms`; `応答時間（ms）`.
pub fn caption(text: &Text, unit: &str, language: Language) -> String {
    let text = text.get(language);
    match (unit, language) {
        ("", _) => text.to_owned(),
        (_, Language::En) => [text, ", ", unit].concat(),
        (_, Language::Ja) => [text, "（", unit, "）"].concat(),
    }
}

/// A strip gauge: where it is filled and where its goal lies, as shares of its length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gauge {
    /// The filled part, from the left.
    pub fill: f64,
    /// Where the goal is.
    pub notch: Option<f64>,
    /// The stretch in which the goal is kept: start and end.
    pub good: (f64, f64),
}

/// The gauge of a value: linear from zero to the limit, or to 1.5 × the goal where the limit is far beyond. A share
/// that should be near one draws its shortfall. None without a value, or with neither goal nor limit.
pub fn gauge(value: Option<f64>, goal: Option<&Goal>, limit: Option<f64>) -> Option<Gauge> {
    let value = value.filter(|value| value.is_finite())?;
    let limit = limit.filter(|limit| *limit > 0.0);
    let Some(goal) = goal.filter(|goal| goal.target > 0.0) else {
        return limit.map(|limit| Gauge {
            fill: (value / limit).clamp(0.0, 1.0),
            notch: None,
            good: (0.0, 1.0),
        });
    };
    let above = goal.direction == Direction::Above;
    let (value, target, above, limit) = if above && goal.target > 0.95 && limit == Some(1.0) && goal.target < 1.0 {
        (1.0 - value, 1.0 - goal.target, false, None)
    } else {
        (value, goal.target, above, limit)
    };
    let end = limit.map_or(1.5 * target, |limit| limit.min(1.5 * target).max(target));
    let notch = target / end;
    Some(Gauge {
        fill: (value / end).clamp(0.0, 1.0),
        notch: Some(notch),
        good: if above { (notch, 1.0) } else { (0.0, notch) },
    })
}

#[cfg(test)]
mod tests;

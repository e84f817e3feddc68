//! The vertical axis of values: its range, its round ticks, and the levels that the values should keep.

use crate::chart::ticks::round_steps;
use crate::chart::{Role, Stretch, Tick};
use crate::format::Scale;
use crate::panel::{ChartKind, PanelSnapshot};
use crate::sort::sort_by;
use crate::target::{Direction, Goal};
use crate::unit::Unit;

/// Below this share of the highest value, an axis of lines starts at zero.
const CUT_FROM: f64 = 0.4;
/// An axis that is cut spans at least this share of its highest value: noise must not look like news.
const LEAST_SPAN: f64 = 0.2;
/// A target so many times the highest value stands beyond the axis, or the lines would lie on the ground.
const FAR: f64 = 10.0;
/// A limit is drawn from this share of it on.
const LIMIT_FROM: f64 = 0.5;
/// How far sums of shares may miss one.
const ROUNDING: f64 = 0.005;
/// Labels nearer than this share of the plot would touch (13 px of 200).
const APART: f64 = 0.065;

/// The vertical axis.
pub(super) struct Axis {
    pub(super) range: (f64, f64),
    pub(super) cut: bool,
    pub(super) ticks: Vec<Tick>,
    direction: Direction,
    target: Option<f64>,
    limit: Option<f64>,
}

/// The goal that a panel draws: of several in its unit the one that is easiest to keep (p99 rather than p50), because
/// beyond it every line is.
fn goal(panel: &PanelSnapshot) -> Option<Goal> {
    let own = panel
        .spec
        .stats
        .iter()
        .filter(|stat| stat.of.is_none() && stat.unit == panel.spec.unit);
    own.filter_map(|stat| stat.goal).reduce(|one, other| {
        let later = match one.direction {
            Direction::Below => other.target > one.target,
            Direction::Above => other.target < one.target,
        };
        if later && one.direction == other.direction {
            other
        } else {
            one
        }
    })
}

/// The measured limit of a panel: pool size, memory size.
fn measured_limit(panel: &PanelSnapshot) -> Option<f64> {
    let both = panel.spec.stats.iter().zip(&panel.stats);
    both.filter(|(stat, _)| stat.of.is_none() && stat.unit == panel.spec.unit)
        .find_map(|(_, stat)| stat.limit)
}

impl Axis {
    /// The axis of values that reach from `low` to `high`, in base units; `None` where there are none.
    pub(super) fn of(panel: &PanelSnapshot, scale: &Scale, extent: Option<(f64, f64)>) -> Self {
        let spec = &panel.spec;
        let goal = goal(panel);
        let direction = goal.map_or(Direction::Below, |goal| goal.direction);
        let target = goal.map(|goal| goal.target);
        let (mut low, mut high) = extent.unwrap_or((0.0, 0.0));
        let (lowest, highest) = (low, high);
        let far = |level: f64| spec.unit != Unit::Ratio && highest > 0.0 && level > FAR * highest;
        // A share ends at one, by whatever hair a sum of shares misses it.
        let share = spec.unit == Unit::Ratio && highest < 1.0 + ROUNDING;
        let end = spec.axis_limit.or(share.then_some(1.0));
        // A tick at the very edge has nothing beyond it to show.
        let beyond = |level: f64| end.map_or(level * 1.02, |end| end.min(level * 1.02));
        if let Some(level) = target.filter(|level| !far(*level)) {
            (low, high) = (low.min(level), high.max(beyond(level)));
        }
        let allowed = goal.and_then(|goal| goal.allowed).or_else(|| measured_limit(panel));
        let near = |limit: &f64| match direction {
            Direction::Below => highest >= LIMIT_FROM * limit,
            Direction::Above if share => 1.0 - lowest >= LIMIT_FROM * (1.0 - limit),
            Direction::Above => lowest * LIMIT_FROM <= *limit,
        };
        let limit = allowed.filter(near);
        if let Some(limit) = limit {
            (low, high) = (low.min(limit), high.max(beyond(limit)));
        }
        let cut = spec.chart == ChartKind::Line && low > CUT_FROM * high;
        if cut {
            let missing = LEAST_SPAN * high - (high - low);
            if missing > 0.0 {
                (low, high) = (low - missing / 2.0, high + missing / 2.0);
            }
            if let Some(end) = end.filter(|end| high > *end) {
                (low, high) = ((low - (high - end)).max(0.0), end);
            }
        } else {
            low = low.min(0.0);
        }
        high = end.map_or(high, |end| high.min(end));
        if high <= low {
            high = low + 1.0 / scale.factor();
        }
        let factor = scale.factor();
        let whole = spec.unit == Unit::Count && scale.figure(0.5) != "0.50";
        let (step, first, mut last) = round_steps(low * factor, high * factor, whole);
        if let Some(end) = end {
            last = last.min((end * factor).max(first + step));
        }
        let mut axis = Self {
            range: (first / factor, last / factor),
            cut: first > 0.0,
            ticks: Vec::new(),
            direction,
            target: target.filter(|level| !far(*level)),
            limit,
        };
        let marked = [(target, Role::Target), (limit, Role::Limit)];
        axis.fill_ticks(scale, step, &marked, extent.is_some());
        axis
    }

    /// Puts the levels first and round ticks where they leave room.
    fn fill_ticks(&mut self, scale: &Scale, step: f64, levels: &[(Option<f64>, Role)], measured: bool) {
        let (low, high) = self.range;
        let factor = scale.factor();
        for (level, role) in levels
            .iter()
            .filter_map(|(level, role)| level.map(|level| (level, *role)))
        {
            let tick = Tick {
                at: self.top(level).clamp(0.0, 1.0),
                label: if role == Role::Limit {
                    scale.limit(level)
                } else {
                    scale.level(level)
                },
                role,
                beyond: level > high || level < low,
            };
            if self.ticks.iter().all(|other| (other.at - tick.at).abs() > APART) {
                self.ticks.push(tick);
            }
        }
        if !measured && self.ticks.is_empty() {
            return;
        }
        let count = ((high - low) * factor / step).round();
        let mut index = 0.0;
        while index <= count {
            // The ticks of an axis without any value would be made up, but for its zero.
            let value = (low * factor / step).round() * step + index * step;
            let at = self.top(value / factor);
            if (measured || index == 0.0) && self.ticks.iter().all(|level| (level.at - at).abs() > APART) {
                self.ticks.push(Tick {
                    at,
                    label: scale.tick(value / factor, step / factor),
                    role: Role::Plain,
                    beyond: false,
                });
            }
            index += 1.0;
        }
        sort_by(&mut self.ticks, |a, b| a.at.total_cmp(&b.at));
    }

    /// Where a value stands, from the top.
    fn top(&self, value: f64) -> f64 {
        let (low, high) = self.range;
        (high - value) / (high - low)
    }

    /// The stretches beyond the target, beyond the limit and within the target.
    pub(super) fn stretches(&self) -> (Option<Stretch>, Option<Stretch>, Option<Stretch>) {
        let stretch = |from: f64, to: f64| {
            let (from, to) = (from.clamp(0.0, 1.0), to.clamp(0.0, 1.0));
            (to - from > 0.001).then_some(Stretch {
                top: from,
                height: to - from,
            })
        };
        let target = self.target.map(|level| self.top(level));
        let limit = self.limit.map(|level| self.top(level));
        match self.direction {
            Direction::Below => (
                target.and_then(|target| stretch(limit.unwrap_or(0.0), target)),
                limit.and_then(|limit| stretch(0.0, limit)),
                target.and_then(|target| stretch(target, 1.0)),
            ),
            Direction::Above => (
                target.and_then(|target| stretch(target, limit.unwrap_or(1.0))),
                limit.and_then(|limit| stretch(limit, 1.0)),
                target.and_then(|target| stretch(0.0, target)),
            ),
        }
    }
}

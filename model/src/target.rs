//! Targets and what is judged by them.

use serde::{Deserialize, Serialize};

/// The judgement of a value against its target, from good to worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Within the target.
    Ok,
    /// The target is missed.
    Warn,
    /// What is allowed is passed.
    Bad,
}

impl Status {
    /// The attribute's value: `ok`, `warn` or `bad`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// Which way is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The value should stay below.
    Below,
    /// The value should stay at or above.
    Above,
}

/// A target of two levels: missing the first is a warning, passing the second is bad. Base units.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    /// Which way is good.
    pub direction: Direction,
    /// The level to keep.
    pub target: f64,
    /// The level that must not be passed; where there is none, nothing is ever bad.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<f64>,
    /// Where the target is a range, its better end: what lies beyond that is better than was aimed at, and good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best: Option<f64>,
    /// Whether a value that should stay below is good at the target itself, too. One that should stay above always is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inclusive: bool,
}

impl Goal {
    /// The value should stay below the target, and must stay below what is allowed.
    pub const fn below(target: f64, allowed: Option<f64>) -> Self {
        Self {
            direction: Direction::Below,
            target,
            allowed,
            best: None,
            inclusive: false,
        }
    }

    /// The value should be at most the target, and must stay below what is allowed.
    pub const fn at_most(target: f64, allowed: Option<f64>) -> Self {
        Self {
            inclusive: true,
            ..Self::below(target, allowed)
        }
    }

    /// The same, with a range for the target.
    #[must_use]
    pub const fn from(self, best: f64) -> Self {
        Self {
            best: Some(best),
            inclusive: true,
            ..self
        }
    }

    /// The value should reach the target, and must reach what is allowed.
    pub const fn above(target: f64, allowed: Option<f64>) -> Self {
        Self {
            direction: Direction::Above,
            target,
            allowed,
            best: None,
            inclusive: false,
        }
    }

    /// Judges a value.
    pub fn judge(&self, value: f64) -> Status {
        let missed = |level: f64| match self.direction {
            Direction::Below => value >= level,
            Direction::Above => value < level,
        };
        let is_met = self.inclusive && value == self.target;
        if self.allowed.is_some_and(missed) {
            Status::Bad
        } else if missed(self.target) && !is_met {
            Status::Warn
        } else {
            Status::Ok
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_levels_below() {
        let goal = Goal::below(0.7, Some(0.8));
        assert_eq!(
            [0.69, 0.7, 0.79, 0.8].map(|v| goal.judge(v)),
            [Status::Ok, Status::Warn, Status::Warn, Status::Bad]
        );
    }

    #[test]
    fn a_range_is_met_at_both_ends_and_beyond_the_better_one() {
        let goal = Goal::below(0.05, Some(0.1)).from(0.03);
        assert_eq!(
            [0.02, 0.03, 0.05, 0.051, 0.1].map(|v| goal.judge(v)),
            [Status::Ok, Status::Ok, Status::Ok, Status::Warn, Status::Bad]
        );
        let most = Goal::at_most(10.0, None);
        assert_eq!([10.0, 11.0].map(|v| most.judge(v)), [Status::Ok, Status::Warn]);
        let goal = Goal::above(3_000.0, None).from(5_000.0);
        assert_eq!(
            [2_999.0, 3_000.0, 9_000.0].map(|v| goal.judge(v)),
            [Status::Warn, Status::Ok, Status::Ok]
        );
    }

    #[test]
    fn one_level_above_is_never_bad() {
        let goal = Goal::above(0.9, None);
        assert_eq!(
            [0.9, 0.89, 0.0].map(|v| goal.judge(v)),
            [Status::Ok, Status::Warn, Status::Warn]
        );
    }
}

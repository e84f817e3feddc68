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
}

impl Goal {
    /// The value should stay below the target, and must stay below what is allowed.
    pub const fn below(target: f64, allowed: Option<f64>) -> Self {
        Self {
            direction: Direction::Below,
            target,
            allowed,
        }
    }

    /// The value should reach the target, and must reach what is allowed.
    pub const fn above(target: f64, allowed: Option<f64>) -> Self {
        Self {
            direction: Direction::Above,
            target,
            allowed,
        }
    }

    /// Judges a value.
    pub fn judge(&self, value: f64) -> Status {
        let missed = |level: f64| match self.direction {
            Direction::Below => value >= level,
            Direction::Above => value < level,
        };
        if self.allowed.is_some_and(missed) {
            Status::Bad
        } else if missed(self.target) {
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
    fn one_level_above_is_never_bad() {
        let goal = Goal::above(0.9, None);
        assert_eq!(
            [0.9, 0.89, 0.0].map(|v| goal.judge(v)),
            [Status::Ok, Status::Warn, Status::Warn]
        );
    }
}

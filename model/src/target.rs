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

/// A set of targets that ships with Keiki, named after the team that asked for it.
pub struct Preset {
    /// What `[[service]] preset = "…"` names.
    pub name: &'static str,
    /// Panel, stat key and target.
    pub goals: &'static [(&'static str, &'static str, Goal)],
}

const S0: &[(&str, &str, Goal)] = &[
    ("api.latency", "mean", Goal::below(0.1, Some(0.5))),
    ("database.query_time", "mean", Goal::below(0.05, Some(0.2))),
    ("database.connections", "last", Goal::below(10.5, None)),
    ("database.transactions", "ratio", Goal::above(0.99, None)),
];
const S2: &[(&str, &str, Goal)] = &[
    ("api.latency", "p95", Goal::below(30.0, None)),
    ("api.errors", "ratio", Goal::below(0.01, None)),
];
const S3: &[(&str, &str, Goal)] = &[
    ("api.latency", "p50", Goal::below(0.05, None)),
    ("api.latency", "p99", Goal::below(0.2, None)),
    ("api.throughput", "rate", Goal::above(1_000.0, None)),
    ("api.errors", "ratio", Goal::below(0.001, None)),
    ("database.query_time", "p99", Goal::below(0.1, None)),
];
const S4: &[(&str, &str, Goal)] = &[
    ("api.throughput", "rate", Goal::above(3_000.0, None)),
    ("api.latency", "mean", Goal::below(0.05, Some(0.1))),
    ("api.latency", "p50", Goal::below(0.03, None)),
    ("api.latency", "p99", Goal::below(0.3, None)),
    ("api.errors", "ratio", Goal::below(0.01, None)),
    ("cache.hit_rate", "ratio", Goal::above(0.8, None)),
];
/// What holds where no preset is chosen: hosts by ratios, API and database by the third team's SLO. Its throughput is
/// left out: how much a service is asked for is no fault of the service.
const DEFAULT: &[(&str, &str, Goal)] = &[
    ("api.latency", "p50", Goal::below(0.05, None)),
    ("api.latency", "p99", Goal::below(0.2, None)),
    ("api.errors", "ratio", Goal::below(0.001, None)),
    ("database.query_time", "p99", Goal::below(0.1, None)),
    ("resources.cpu", "last", Goal::below(0.7, Some(0.8))),
    ("resources.memory", "last", Goal::below(0.8, Some(0.9))),
    ("resources.disk_space", "max", Goal::below(0.8, Some(0.9))),
    ("resources.swap", "last", Goal::below(0.5, Some(0.8))),
];

/// The presets; the first holds where none is chosen.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: "default",
        goals: DEFAULT,
    },
    Preset { name: "s0", goals: S0 },
    Preset { name: "s2", goals: S2 },
    Preset { name: "s3", goals: S3 },
    Preset { name: "s4", goals: S4 },
];

/// The target of a panel's stat under a preset. What the preset does not name falls back to the default only for the
/// resources of the host, which no service's preset replaces.
pub fn goal(preset: Option<&str>, panel: &str, key: &str) -> Option<Goal> {
    let find = |name: &str| {
        let preset = PRESETS.iter().find(|preset| preset.name == name)?;
        preset
            .goals
            .iter()
            .find(|(p, k, _)| *p == panel && *k == key)
            .map(|(_, _, goal)| *goal)
    };
    match preset {
        Some(name) if !panel.starts_with("resources.") => find(name),
        _ => find("default"),
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

    #[test]
    fn a_preset_replaces_service_targets_and_keeps_those_of_the_host() {
        assert_eq!(goal(Some("s4"), "database.query_time", "p99"), None);
        assert_eq!(
            goal(Some("s4"), "resources.cpu", "last"),
            goal(None, "resources.cpu", "last")
        );
        assert!(goal(Some("s3"), "api.throughput", "rate").is_some());
        assert!(goal(None, "api.throughput", "rate").is_none());
    }
}

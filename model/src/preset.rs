//! Sets of targets that ship with Keiki, each named after the team that asked for it. A preset may judge by load: what is
//! slow while nothing happens is good while much does.
//!
//! `[[service]] preset = "s0"` chooses one; `docs/presets.md` lists what each demands.

use crate::target::Goal;
use crate::text::Text;

/// The name of the one that holds where none is chosen.
pub const DEFAULT_NAME: &str = "default";

/// Panel, stat key and target.
pub type Entry = (&'static str, &'static str, Goal);

/// A set of targets.
pub struct Preset {
    /// Its name in the configuration.
    pub name: &'static str,
    /// Whom it is for, and how it came to its figures: a sentence of the documentation.
    pub about: &'static str,
    /// What holds whatever the load is.
    pub goals: &'static [Entry],
    /// What else holds at a level of load, from the lowest level; none where the load does not matter.
    pub bands: &'static [Band],
}

/// A level of load.
pub struct Band {
    /// Its name.
    pub name: &'static str,
    /// What readers call it.
    pub title: Text,
    /// It ends at so many requests per second; the highest one does not end.
    pub below: f64,
    /// The targets at this level.
    pub goals: &'static [Entry],
}

/// The figures by which the load is measured, per second: requests; of a program that answers none, tasks, such as a bot's
/// commands.
pub const LOAD: [(&str, &str); 2] = [("api.throughput", "rate"), ("queue.rate", "rate")];
/// A level is left downwards only when the load is this much below where it began: else targets would flicker.
const SLACK: f64 = 0.8;

const fn below(panel: &'static str, key: &'static str, target: f64, allowed: Option<f64>) -> Entry {
    (panel, key, Goal::below(target, allowed))
}

const fn at_most(panel: &'static str, key: &'static str, target: f64, allowed: Option<f64>) -> Entry {
    (panel, key, Goal::at_most(target, allowed))
}

/// As good as the one, or better up to the other and beyond.
const fn range(panel: &'static str, key: &'static str, target: f64, best: f64, allowed: Option<f64>) -> Entry {
    let goal = if best < target {
        Goal::below(target, allowed)
    } else {
        Goal::above(target, allowed)
    };
    (panel, key, goal.from(best))
}

const fn above(panel: &'static str, key: &'static str, target: f64, allowed: Option<f64>) -> Entry {
    (panel, key, Goal::above(target, allowed))
}

const MINUTE: f64 = 60.0;

const S0: Preset = Preset {
    name: "s0",
    about: "A bot: judged by its load, in requests, or commands where it answers none. What is allowed of the host is where the team would scale up.",
    goals: &[
        below("api.latency", "mean", 0.1, None),
        below("database.query_time", "mean", 0.05, None),
        below("database.statements", "mean", 0.1, None),
        below("database.top_statements", "mean", 0.1, None),
        at_most("database.connections", "last", 10.0, None),
        above("database.transactions", "ratio", 0.99, None),
        below("queue.run_time", "p95", 0.2, None),
        // What is allowed of the host is where the team would scale up.
        below("resources.cpu", "last", 0.3, Some(0.7)),
        below("resources.memory", "last", 0.7, Some(0.8)),
        below("resources.disk_space", "max", 0.8, None),
        below("resources.watched", "last", 0.3, None),
    ],
    bands: &[
        Band {
            name: "light",
            title: Text::new("軽負荷", "light load"),
            below: 10.0 / MINUTE,
            goals: &[
                below("api.latency", "mean", 0.05, Some(0.1)),
                below("database.query_time", "mean", 0.02, Some(0.05)),
                below("resources.watched", "last", 0.05, Some(0.15)),
                below("resources.watched", "total", 100e6, Some(200e6)),
            ],
        },
        Band {
            name: "medium",
            title: Text::new("中負荷", "medium load"),
            below: 50.0 / MINUTE,
            goals: &[
                below("api.latency", "mean", 0.1, Some(0.2)),
                below("database.query_time", "mean", 0.05, Some(0.1)),
                below("resources.watched", "last", 0.15, Some(0.3)),
                below("resources.watched", "total", 200e6, Some(400e6)),
            ],
        },
        Band {
            name: "heavy",
            title: Text::new("高負荷", "heavy load"),
            below: f64::INFINITY,
            goals: &[
                below("api.latency", "mean", 0.2, Some(0.5)),
                below("database.query_time", "mean", 0.1, Some(0.2)),
                below("resources.watched", "last", 0.3, Some(0.5)),
                below("resources.watched", "total", 400e6, Some(800e6)),
            ],
        },
    ],
};

/// Its document names groups and no figures: the default's targets for services, and Apdex by its authors' ratings
/// ("excellent" from 0.94, "good" from 0.85).
const S1: Preset = Preset {
    name: "s1",
    about: "An analytics service. Apdex by its authors' ratings: excellent from 0.94, good from 0.85.",
    goals: &[
        below("api.latency", "p50", 0.05, None),
        below("api.latency", "p99", 0.2, None),
        below("api.errors", "ratio", 0.001, None),
        below("database.query_time", "p99", 0.1, None),
        above("users.apdex", "ratio", 0.94, Some(0.85)),
    ],
    bands: &[],
};
const S2: Preset = Preset {
    name: "s2",
    about: "A service that waits for AI. A share of a processor from 10 to 30 % is normal, and a quiet hour is no fault.",
    goals: &[
        at_most("api.latency", "p95", 30.0, None),
        below("api.errors", "ratio", 0.01, None),
        // From 10 to 30 % is normal, and a quiet hour is no fault; beyond 80 % is the warning.
        range("resources.watched", "last", 0.3, 0.1, Some(0.8)),
        range("resources.memory", "last", 0.8, 0.7, Some(0.9)),
    ],
    bands: &[],
};
const S3: Preset = Preset {
    name: "s3",
    about: "A backend with service-level objectives.",
    goals: &[
        below("api.latency", "p50", 0.05, None),
        below("api.latency", "p99", 0.2, None),
        above("api.throughput", "rate", 1_000.0, None),
        below("api.errors", "ratio", 0.001, None),
        below("database.query_time", "p99", 0.1, None),
        below("resources.watched", "last", 0.3, None),
        below("resources.watched", "total", 500e6, None),
    ],
    bands: &[],
};
/// The next rung of its ladder, "short". The range "30 to 50 ms" is reached at 50; its alert is at 100. Of requests all should
/// succeed; its alert is at one in a hundred.
const S4: Preset = Preset {
    name: "s4",
    about: "A diary on its way up a ladder of goals: this is its next rung. Of its requests all should succeed.",
    goals: &[
        range("api.throughput", "rate", 3_000.0, 5_000.0, None),
        range("api.latency", "mean", 0.05, 0.03, Some(0.1)),
        range("api.latency", "p50", 0.03, 0.02, None),
        range("api.latency", "p99", 0.3, 0.2, None),
        at_most("api.errors", "ratio", 0.0, Some(0.01)),
        range("cache.hit_rate", "ratio", 0.8, 0.9, None),
    ],
    bands: &[],
};
/// What holds where no preset is chosen: hosts by ratios; API, database and processes by the third team's SLO. Its
/// throughput is left out: how much a service is asked for is no fault of the service.
const DEFAULT: Preset = Preset {
    name: DEFAULT_NAME,
    about: "Hosts by ratios; requests, queries and processes by common objectives. How much a service is asked for is no fault of the service, and has no target.",
    goals: &[
        below("api.latency", "p50", 0.05, None),
        below("api.latency", "p99", 0.2, None),
        below("api.errors", "ratio", 0.001, None),
        below("database.query_time", "p99", 0.1, None),
        below("resources.cpu", "last", 0.7, Some(0.8)),
        below("resources.memory", "last", 0.8, Some(0.9)),
        below("resources.disk_space", "max", 0.8, Some(0.9)),
        below("resources.swap", "last", 0.5, Some(0.8)),
        below("resources.watched", "last", 0.3, None),
        below("resources.watched", "total", 500e6, None),
    ],
    bands: &[],
};

/// The presets; the first holds where none is chosen.
pub const PRESETS: &[Preset] = &[DEFAULT, S0, S1, S2, S3, S4];

/// A preset, and the level of load at which it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Targets {
    /// The name of the preset.
    pub preset: &'static str,
    /// The name of the band, where the preset has bands and the load is known.
    pub band: Option<&'static str>,
}

impl Targets {
    /// Those of a preset.
    pub fn of(preset: &str) -> Option<Self> {
        let preset = PRESETS.iter().find(|one| one.name == preset)?.name;
        Some(Self { preset, band: None })
    }

    fn found(self) -> &'static Preset {
        PRESETS.iter().find(|one| one.name == self.preset).unwrap_or(&DEFAULT)
    }

    /// Whether they depend on the load.
    pub fn has_bands(self) -> bool {
        !self.found().bands.is_empty()
    }

    /// The level of load that these are for.
    pub fn level(self) -> Option<&'static Band> {
        self.found().bands.iter().find(|band| Some(band.name) == self.band)
    }

    /// The targets at a load, given those before; without a known load what holds at any.
    #[must_use]
    pub fn at(self, load: Option<f64>, before: Option<&str>) -> Self {
        let bands = self.found().bands;
        let place = |name: &str| bands.iter().position(|band| band.name == name);
        let at = |load: f64| bands.iter().position(|band| load < band.below);
        let now = load.and_then(|load| {
            let now = at(load)?;
            match before.and_then(place) {
                // Not left before the load is well below where the level began.
                Some(before) if now < before => at(load / SLACK).map(|slack| slack.min(before)),
                _ => Some(now),
            }
        });
        Self {
            band: now.map(|place| bands[place].name),
            ..self
        }
    }

    /// The target of a panel's stat. What the preset does not name falls back to the default only for the host's own
    /// resources.
    pub fn goal(self, panel: &str, key: &str) -> Option<Goal> {
        let find = |goals: &[Entry]| {
            let found = goals.iter().find(|(p, k, _)| *p == panel && *k == key);
            found.map(|(_, _, goal)| *goal)
        };
        let own = || {
            self.level()
                .and_then(|band| find(band.goals))
                .or_else(|| find(self.found().goals))
        };
        if panel.starts_with("resources.") && panel != "resources.watched" {
            return own().or_else(|| find(DEFAULT.goals));
        }
        own()
    }
}

impl Default for Targets {
    fn default() -> Self {
        Self {
            preset: DEFAULT.name,
            band: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::target::Status;

    fn targets(preset: &str) -> Targets {
        Targets::of(preset).unwrap()
    }

    #[test]
    fn every_goal_is_of_a_stat_that_there_is() {
        let mut names = BTreeSet::new();
        for preset in PRESETS {
            assert!(names.insert(preset.name));
            let bands = preset.bands.iter().flat_map(|band| band.goals);
            for (id, key, goal) in preset.goals.iter().chain(bands) {
                let panel = crate::group::panel(id).unwrap_or_else(|| panic!("{}: no panel {id}", preset.name));
                let stats = panel.spec.stats.iter().map(|stat| stat.key);
                let keys: Vec<_> = stats
                    .chain(panel.spec.columns.iter().map(|column| column.key))
                    .collect();
                assert!(
                    keys.iter().any(|one| one.as_str() == *key),
                    "{}: {id} has no {key}",
                    preset.name
                );
                let worse = goal.allowed.is_none_or(|allowed| goal.judge(allowed) != Status::Ok);
                assert!(worse, "{}: {id} {key} allows what its target forbids", preset.name);
            }
            let edges: Vec<f64> = preset.bands.iter().map(|band| band.below).collect();
            assert!(
                edges.is_sorted() && edges.last().is_none_or(|last| last.is_infinite()),
                "{}",
                preset.name
            );
        }
        assert_eq!(names.len(), 6);
    }

    #[test]
    fn the_host_keeps_its_targets_and_processes_take_those_of_their_service() {
        assert_eq!(targets("s4").goal("database.query_time", "p99"), None);
        let cpu = |name: &str| targets(name).goal("resources.cpu", "last");
        assert_eq!(cpu("s4"), cpu("default"));
        assert!(targets("s3").goal("api.throughput", "rate").is_some());
        assert!(targets("default").goal("api.throughput", "rate").is_none());
        assert_eq!(
            targets("s3").goal("resources.watched", "total"),
            Some(Goal::below(500e6, None))
        );
        assert_eq!(Targets::of("s9"), None);
    }

    #[test]
    fn a_band_follows_the_load_and_does_not_flicker() {
        let s0 = targets("s0");
        let mean = |load: Option<f64>, before| s0.at(load, before).goal("api.latency", "mean").unwrap();
        assert_eq!(mean(None, None), Goal::below(0.1, None));
        assert_eq!(mean(Some(0.0), None), Goal::below(0.05, Some(0.1)));
        assert_eq!(mean(Some(30.0 / 60.0), None), Goal::below(0.1, Some(0.2)));
        assert_eq!(mean(Some(1e9), None), Goal::below(0.2, Some(0.5)));
        let band = |per_minute: f64, before| s0.at(Some(per_minute / 60.0), before).band.unwrap();
        assert_eq!(band(10.0, Some("light")), "medium");
        assert_eq!(band(9.0, Some("medium")), "medium", "only a little below");
        assert_eq!(band(7.9, Some("medium")), "light");
        assert_eq!(band(45.0, Some("heavy")), "heavy");
        assert_eq!(band(9.0, Some("heavy")), "medium");
        assert_eq!(band(1.0, Some("heavy")), "light");
        assert_eq!(targets("s3").at(Some(1.0), None), targets("s3"));
    }
}

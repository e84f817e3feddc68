//! The catalogue: groups and their panels, as pure data.
//!
//! A new group is one file here and one line in [`groups!`]; the module, the variant and [`Group::ALL`] come from it.

pub mod build;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::panel::{Panel, StatKey};
use crate::text::Text;

/// What a group's file defines.
pub struct Definition {
    /// Its title.
    pub title: Text,
    /// Its panels; the first leads: the overview shows its chart.
    pub panels: Vec<Panel>,
    /// The figures of its overview card: panel and key.
    pub card: Vec<(&'static str, StatKey)>,
}

macro_rules! groups {
    ($($module:ident => $variant:ident, $doc:literal;)+) => {
        $(mod $module;)+

        /// A built-in group.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Group {
            $(#[doc = $doc] $variant,)+
        }

        impl Group {
            /// Every group, in the order of the tabs.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The id in addresses and panel ids.
            pub fn id(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($module),)+
                }
            }

            fn define(self) -> Definition {
                match self {
                    $(Self::$variant => $module::define(),)+
                }
            }
        }
    };
}

groups! {
    api => Api, "Requests that the service answers.";
    database => Database, "Queries, connections and transactions.";
    cache => Cache, "Hit rate, size and speed of each tier.";
    resources => Resources, "The host and its processes.";
    queue => Queue, "Asynchronous work.";
    users => Users, "What users experience.";
}

static CATALOGUE: LazyLock<HashMap<Group, Definition>> =
    LazyLock::new(|| Group::ALL.iter().map(|&group| (group, group.define())).collect());

static CARDS: LazyLock<HashMap<Group, Panel>> = LazyLock::new(|| {
    Group::ALL
        .iter()
        .map(|&group| (group, build::card(group.definition())))
        .collect()
});

impl Group {
    /// The group of an id.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|group| group.id() == id)
    }

    /// Its definition.
    pub fn definition(self) -> &'static Definition {
        &CATALOGUE[&self]
    }

    /// Its panels.
    pub fn panels(self) -> &'static [Panel] {
        &self.definition().panels
    }

    /// Its overview card: the lead panel with its siblings' headline figures.
    pub fn card(self) -> &'static Panel {
        &CARDS[&self]
    }
}

/// The threshold *T* of Apdex where nothing else is configured, seconds.
pub const APDEX_SECONDS: f64 = users::THRESHOLD;

/// The panels of [`Group::Users`] and its card with another threshold *T* of Apdex, seconds.
pub fn users_judged_by(threshold: f64) -> (Vec<Panel>, Panel) {
    let definition = users::judged_by(threshold);
    let card = build::card(&definition);
    (definition.panels, card)
}

/// The built-in panel of an id.
pub fn panel(id: &str) -> Option<&'static Panel> {
    let group = Group::from_id(id.split_once('.')?.0)?;
    group.panels().iter().find(|panel| panel.spec.id == id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::panel::ChartKind;
    use crate::text::Language;

    fn panels() -> impl Iterator<Item = (Group, &'static Panel)> {
        Group::ALL
            .iter()
            .flat_map(|&group| group.panels().iter().map(move |panel| (group, panel)))
    }

    #[test]
    fn ids_are_unique_and_name_their_group() {
        let mut seen = BTreeSet::new();
        for (group, panel) in panels() {
            let (prefix, noun) = panel.spec.id.split_once('.').unwrap_or_default();
            assert_eq!(
                (prefix, panel.spec.group.as_str()),
                (group.id(), group.id()),
                "{}",
                panel.spec.id
            );
            assert!(
                noun.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
                "{}",
                panel.spec.id
            );
            assert!(seen.insert(&panel.spec.id), "{} twice", panel.spec.id);
        }
    }

    #[test]
    fn the_ids_that_others_rely_on_exist_with_their_headline_keys() {
        for (id, keys) in [
            ("api.latency", &["p50", "p95", "p99"][..]),
            ("api.throughput", &["rate"]),
            ("api.errors", &["ratio"]),
            ("database.query_time", &["mean", "p95", "p99"]),
            ("database.connections", &["last"]),
            ("cache.hit_rate", &["ratio"]),
            ("cache.size", &["last"]),
            ("resources.cpu", &["last"]),
            ("resources.memory", &["last"]),
            ("resources.disk_io", &["rate"]),
            ("queue.length", &["last"]),
            ("queue.run_time", &["p95"]),
            ("queue.rate", &["rate"]),
            ("users.apdex", &["ratio"]),
        ] {
            let panel = panel(id).unwrap_or_else(|| panic!("{id} is missing"));
            let first: Vec<_> = panel
                .spec
                .stats
                .iter()
                .map(|stat| stat.key.as_str())
                .take(keys.len())
                .collect();
            assert_eq!(first, keys, "{id}");
            let card = Group::from_id(&panel.spec.group).unwrap().card();
            for key in keys {
                let shown = card
                    .spec
                    .stats
                    .iter()
                    .any(|stat| stat.key.as_str() == *key && stat.of.as_deref().unwrap_or(&card.spec.id) == id);
                assert!(shown, "the overview lacks {key} of {id}");
            }
        }
    }

    #[test]
    fn every_panel_is_whole() {
        for (_, panel) in panels().chain(Group::ALL.iter().map(|&group| (group, group.card()))) {
            let spec = &panel.spec;
            assert_eq!(panel.stats.len(), spec.stats.len(), "{}", spec.id);
            assert_eq!(panel.limits.len(), spec.stats.len(), "{}", spec.id);
            assert_eq!(
                panel.table.as_ref().map_or(0, |table| table.columns.len()),
                spec.columns.len(),
                "{}",
                spec.id
            );
            assert_eq!(panel.table.is_some(), spec.chart == ChartKind::Table, "{}", spec.id);
            assert_eq!(panel.heat.is_some(), spec.chart == ChartKind::Heat, "{}", spec.id);
            let keys: BTreeSet<_> = spec.stats.iter().map(|stat| (&stat.of, stat.key)).collect();
            assert_eq!(keys.len(), spec.stats.len(), "{}: a key twice", spec.id);
            let keys: BTreeSet<_> = spec.columns.iter().map(|column| column.key).collect();
            assert_eq!(keys.len(), spec.columns.len(), "{}: a column twice", spec.id);
        }
    }

    #[test]
    fn the_threshold_of_apdex_is_said_and_used() {
        let (panels, card) = users_judged_by(0.3);
        let usual = Group::Users.panels();
        let ids = |panels: &[Panel]| panels.iter().map(|panel| panel.spec.id.clone()).collect::<Vec<_>>();
        assert_eq!((ids(&panels), &card.spec.id), (ids(usual), &usual[0].spec.id));
        for language in Language::ALL {
            let (own, usual) = (panels[0].spec.help.get(language), usual[0].spec.help.get(language));
            assert!(
                own.contains("0.3") && own.contains("1.2") && !own.contains("1.20"),
                "{own}"
            );
            assert!(usual.contains("0.5") && !usual.contains("0.3"), "{usual}");
        }
        let json = |panels: &[Panel]| {
            panels
                .iter()
                .map(|panel| format!("{:?}", panel.stats))
                .collect::<String>()
        };
        assert!(json(&panels).contains("Score(0.3)") && json(usual).contains("Score(0.5)"));
    }

    #[test]
    fn every_text_is_there_in_both_languages() {
        for (group, panel) in panels() {
            let spec = &panel.spec;
            let texts = [
                &spec.title,
                &spec.help,
                &spec.axis,
                &spec.feed.sentence,
                &group.definition().title,
            ];
            let labels = spec
                .stats
                .iter()
                .map(|stat| &stat.label)
                .chain(spec.columns.iter().map(|c| &c.label));
            for text in texts.into_iter().chain(labels) {
                for language in Language::ALL {
                    assert!(!text.get(language).trim().is_empty(), "{}: {text:?}", spec.id);
                }
            }
        }
    }
}

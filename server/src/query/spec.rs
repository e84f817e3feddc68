//! The specs that snapshots carry: shared, and with the targets of a preset in place.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use keiki_model::panel::PanelSpec;
use keiki_model::preset::{Band, Targets};
use keiki_model::text::Text;

/// How many specs of one id and targets are kept. The overview's card of a group has the id of the group's lead panel,
/// and so has a panel whose configuration was just read anew.
const SAME_ID: usize = 4;

/// How many specs are kept in all; panels of metrics are as many as somebody looks at.
const MOST: usize = 1_000;

/// A panel's id and its targets.
type Key = (String, Option<Targets>);

/// Specs made so far, so that the same panel has the same `Arc` from tick to tick and a frame need not compare texts.
#[derive(Debug, Default)]
pub(crate) struct Specs {
    /// Where programs reach this Keiki, if that is known.
    address: Option<String>,
    made: Mutex<HashMap<Key, Vec<Made>>>,
}

#[derive(Debug)]
struct Made {
    original: PanelSpec,
    shared: Arc<PanelSpec>,
}

/// What stands for Keiki's address in the lines that tell how to feed a panel.
const ADDRESS: &str = "http://127.0.0.1:3000";

impl Specs {
    /// Those whose lines name an address.
    pub(crate) fn at(address: String) -> Self {
        Self {
            address: Some(address),
            ..Self::default()
        }
    }

    /// The spec to show for a panel under a preset's targets; without them the catalogue's own.
    pub(crate) fn get(&self, spec: &PanelSpec, targets: Option<Targets>) -> Arc<PanelSpec> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.len() >= MOST && !made.contains_key(&(spec.id.clone(), targets)) {
            made.clear();
        }
        let same_id = made.entry((spec.id.clone(), targets)).or_default();
        if let Some(found) = same_id.iter().find(|made| made.original == *spec) {
            return Arc::clone(&found.shared);
        }
        let mut shared = targets.map_or_else(|| spec.clone(), |targets| with_targets(spec, targets));
        if let Some(address) = &self.address {
            shared.feed.lines = shared.feed.lines.replace(ADDRESS, address);
        }
        let shared = Arc::new(shared);
        if same_id.len() == SAME_ID {
            same_id.remove(0);
        }
        same_id.push(Made {
            original: spec.clone(),
            shared: Arc::clone(&shared),
        });
        shared
    }
}

/// With the targets in place; where they are of a level of load, the caption says of which.
fn with_targets(spec: &PanelSpec, targets: Targets) -> PanelSpec {
    let mut spec = spec.clone();
    for stat in &mut spec.stats {
        let owner = stat.of.as_deref().unwrap_or(&spec.id);
        stat.goal = targets.goal(owner, stat.key.as_str());
    }
    for column in &mut spec.columns {
        column.goal = targets.goal(&spec.id, column.key.as_str());
    }
    if let Some(band) = targets.level()
        && band.goals.iter().any(|(panel, ..)| *panel == spec.id)
    {
        spec.axis = at_level(&spec.axis, band);
        spec.help = at_level(&spec.help, band);
    }
    spec
}

fn at_level(text: &Text, band: &Band) -> Text {
    Text::of(
        [&text.ja, "・", &band.title.ja, "の目標"].concat(),
        [&text.en, ", targets for ", &band.title.en].concat(),
    )
}

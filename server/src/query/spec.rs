//! The specs that snapshots carry: shared, and with the targets of a preset in place.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use keiki_model::panel::PanelSpec;
use keiki_model::target::goal;

/// How many specs of one id and preset are kept. The overview's card of a group has the id of the group's lead panel,
/// and so has a panel whose configuration was just read anew.
const SAME_ID: usize = 4;

/// A panel's id and the preset.
type Key = (String, Option<String>);

/// Specs made so far, so that the same panel has the same `Arc` from tick to tick and a frame need not compare texts.
#[derive(Debug, Default)]
pub(crate) struct Specs {
    made: Mutex<HashMap<Key, Vec<Made>>>,
}

#[derive(Debug)]
struct Made {
    original: PanelSpec,
    shared: Arc<PanelSpec>,
}

impl Specs {
    /// The spec to show for a panel under a preset; without one the catalogue's own.
    pub(crate) fn get(&self, spec: &PanelSpec, preset: Option<&str>) -> Arc<PanelSpec> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let same_id = made.entry((spec.id.clone(), preset.map(str::to_owned))).or_default();
        if let Some(found) = same_id.iter().find(|made| made.original == *spec) {
            return Arc::clone(&found.shared);
        }
        let shared = Arc::new(preset.map_or_else(|| spec.clone(), |preset| with_targets(spec, preset)));
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

fn with_targets(spec: &PanelSpec, preset: &str) -> PanelSpec {
    let mut spec = spec.clone();
    for stat in &mut spec.stats {
        let owner = stat.of.as_deref().unwrap_or(&spec.id);
        stat.goal = goal(Some(preset), owner, stat.key.as_str());
    }
    for column in &mut spec.columns {
        column.goal = goal(Some(preset), &spec.id, column.key.as_str());
    }
    spec
}

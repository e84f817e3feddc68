//! What a screen reader is told: changes of state, never figures; and not more often than one can listen to.

use keiki_model::frame::Snapshot;
use keiki_model::panel::{PanelSnapshot, State};
use keiki_model::target::Status;
use keiki_model::text::Language;
use keiki_model::time::{Millis, SECOND};

use crate::panel::head::reason;
use crate::text;

/// The shortest time between two announcements.
const PAUSE: Millis = 5 * SECOND;

/// What was said of the panels.
#[derive(Debug, Default)]
pub struct Announcer {
    said: Vec<(State, Option<Status>)>,
    last: Millis,
}

impl Announcer {
    /// What there is to say of a state; the first one says itself. `title` names a panel.
    pub fn next(
        &mut self,
        snapshot: &Snapshot,
        language: Language,
        title: impl Fn(&PanelSnapshot) -> String,
    ) -> Option<String> {
        let states: Vec<_> = snapshot
            .panels
            .iter()
            .map(|panel| (panel.state, panel.status))
            .collect();
        if self.said.len() != states.len() {
            self.said = states;
            return None;
        }
        if self.said == states || snapshot.now - self.last < PAUSE {
            return None;
        }
        let changed = snapshot.panels.iter().zip(&self.said);
        let changed = changed.filter(|(panel, said)| (panel.state, panel.status) != **said);
        let sentences: Vec<String> = changed
            .filter_map(|(panel, _)| {
                let word = text::state(panel.state, panel.status)?.get(language);
                let reason = if panel.state == State::Live {
                    reason(panel, language)
                } else {
                    None
                };
                Some(text::announcement(&title(panel), word, reason.as_deref(), language))
            })
            .collect();
        self.said = states;
        self.last = snapshot.now;
        (!sentences.is_empty()).then(|| sentences.join(" "))
    }
}

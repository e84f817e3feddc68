//! What a screen reader is told: changes of state, never figures; and not more often than one can listen to.

use keiki_model::frame::Snapshot;
use keiki_model::panel::{PanelSnapshot, State};
use keiki_model::target::Status;
use keiki_model::text::Language;
use keiki_model::time::{Millis, SECOND};

use crate::text;

/// The shortest time between two announcements.
const PAUSE: Millis = 5 * SECOND;

/// How long a state must have held before it is said, unless it is critical or an error: a figure that goes up and down
/// about its target must not be told each time.
const HOLD: Millis = 15 * SECOND;

/// The state of a panel's data, and what is judged of them.
type Shown = (State, Option<Status>);

/// What was said of the panels.
#[derive(Debug, Default)]
pub struct Announcer {
    said: Vec<Shown>,
    /// What each shows now, and since when.
    shown: Vec<(Shown, Millis)>,
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
        let now = snapshot.now;
        let states = || snapshot.panels.iter().map(|panel| (panel.state, panel.status));
        if self.said.len() != snapshot.panels.len() {
            self.said = states().collect();
            self.shown = states().map(|state| (state, now)).collect();
            return None;
        }
        for (shown, state) in self.shown.iter_mut().zip(states()) {
            if shown.0 != state {
                *shown = (state, now);
            }
        }
        if now - self.last < PAUSE {
            return None;
        }
        let mut sentences = Vec::new();
        for ((panel, said), (state, since)) in snapshot.panels.iter().zip(&mut self.said).zip(&self.shown) {
            let at_once = matches!(state, (State::Error, _) | (State::Live, Some(Status::Bad)));
            if said == state || !(at_once || now - since >= HOLD) {
                continue;
            }
            let was_live = std::mem::replace(said, *state).0 == State::Live;
            let word = match text::state(state.0, state.1) {
                // Nothing judges it any more, and it was never away.
                None if was_live => continue,
                word => word.unwrap_or(text::LIVE_AGAIN),
            };
            sentences.push(text::announcement(&title(panel), word.get(language), language));
        }
        if !sentences.is_empty() {
            self.last = now;
        }
        (!sentences.is_empty()).then(|| sentences.join(" "))
    }
}

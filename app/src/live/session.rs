//! What an event means for the state of a view. Pure: the browser's loop only does what this says.

use std::sync::Arc;

use keiki_model::frame::{Delta, Folded, Snapshot};
use serde::Deserialize;

use crate::json;

/// An event of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its kind.
    pub name: String,
    /// Its data: JSON.
    pub data: String,
}

/// What to do after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The state changed: paint it.
    Changed,
    /// Nothing to do.
    Nothing,
    /// The stream is there, and lacks nothing that the state has not: the page's script says so.
    Linked,
    /// The event does not follow the state: open the stream again from [`Session::since`].
    Resume,
    /// The server says that it can't go on, or talks nonsense: open the stream again, after a while.
    Retry,
    /// Another build of Keiki answers: load the page anew.
    Reload,
}

/// The state of a view, and of which build the page is.
#[derive(Debug)]
pub struct Session {
    build: Arc<str>,
    /// The newest state, painted or not.
    pub snapshot: Snapshot,
    /// The other build that is put up with: the page was loaded anew for it already.
    pub tolerated: Option<Arc<str>>,
    /// The other build that answered.
    pub other: Option<Arc<str>>,
}

/// The part of an event that every build can read.
#[derive(Deserialize)]
struct Head {
    build: Arc<str>,
    view: Arc<str>,
}

impl Session {
    /// Begins with the snapshot of the page.
    pub fn new(snapshot: Snapshot) -> Self {
        Self {
            build: Arc::clone(&snapshot.build),
            snapshot,
            tolerated: None,
            other: None,
        }
    }

    /// Where the stream is to be resumed.
    pub fn since(&self) -> String {
        [&*self.snapshot.boot, "-", &self.snapshot.seq.to_string()].concat()
    }

    /// Folds an event into the state.
    pub fn take(&mut self, event: &Event) -> Outcome {
        let snapshot = match event.name.as_str() {
            "snapshot" => true,
            "delta" => false,
            "error" => return Outcome::Retry,
            "live" => return Outcome::Linked,
            // A kind that this build does not know.
            _ => return Outcome::Nothing,
        };
        if !snapshot
            && let Some(delta) = json::read::<Delta>(&event.data)
            && delta.build == self.build
        {
            return if delta.view == self.snapshot.view {
                self.fold(delta)
            } else {
                Outcome::Nothing
            };
        }
        let Some(head) = json::read::<Head>(&event.data) else {
            return Outcome::Retry;
        };
        if head.build != self.build && self.tolerated.as_ref() != Some(&head.build) {
            self.other = Some(head.build);
            return Outcome::Reload;
        }
        if head.view != self.snapshot.view {
            return Outcome::Nothing;
        }
        if snapshot {
            let Some(new) = json::read(&event.data) else {
                return Outcome::Retry;
            };
            self.snapshot = new;
            return Outcome::Changed;
        }
        json::read(&event.data).map_or(Outcome::Retry, |delta| self.fold(delta))
    }

    fn fold(&mut self, delta: Delta) -> Outcome {
        match self.snapshot.fold(delta) {
            Folded::Applied => Outcome::Changed,
            Folded::Ignored => Outcome::Nothing,
            Folded::Broken => Outcome::Resume,
        }
    }
}

#[cfg(test)]
mod tests {
    use keiki_model::frame::Header;
    use keiki_model::time::Zone;

    use super::*;

    fn snapshot(seq: u64) -> Snapshot {
        Snapshot {
            build: "one".into(),
            boot: "boot".into(),
            seq,
            now: 1_000 * seq as i64,
            view: "overview@1/300".into(),
            header: Header {
                groups: Vec::new(),
                sources: (1, 1),
                services: Vec::new(),
                zone: Zone::default(),
                annotations: Vec::new(),
            },
            panels: Vec::new(),
        }
    }

    fn event(name: &str, data: &impl serde::Serialize) -> Event {
        Event {
            name: name.to_owned(),
            data: serde_json::to_string(data).unwrap(),
        }
    }

    fn delta(from: u64, to: u64) -> Event {
        event("delta", &Delta::between(&snapshot(from), &snapshot(to)).unwrap())
    }

    #[test]
    fn follows_repeats_and_gaps() {
        let mut session = Session::new(snapshot(5));
        assert_eq!(session.since(), "boot-5");
        assert_eq!(session.take(&delta(4, 5)), Outcome::Nothing);
        assert_eq!(session.take(&delta(5, 6)), Outcome::Changed);
        assert_eq!(session.take(&delta(7, 8)), Outcome::Resume);
        assert_eq!(session.since(), "boot-6");
        assert_eq!(session.take(&delta(6, 8)), Outcome::Changed);
        assert_eq!((session.snapshot.now, session.since()), (8_000, "boot-8".to_owned()));
    }

    #[test]
    fn a_snapshot_replaces_the_state_even_of_another_run() {
        let mut session = Session::new(snapshot(5));
        let mut new = snapshot(2);
        new.boot = "next".into();
        assert_eq!(session.take(&event("snapshot", &new)), Outcome::Changed);
        assert_eq!(session.since(), "next-2");
        // Deltas of the old run no longer fit.
        assert_eq!(session.take(&delta(5, 6)), Outcome::Resume);
    }

    #[test]
    fn another_build_reloads_once() {
        let mut session = Session::new(snapshot(5));
        let mut new = snapshot(6);
        new.build = "two".into();
        let new = event("snapshot", &new);
        assert_eq!(session.take(&new), Outcome::Reload);
        session.tolerated = session.other.clone();
        assert_eq!(session.take(&new), Outcome::Changed);
        assert_eq!(session.since(), "boot-6");
        let mut third = snapshot(7);
        third.build = "three".into();
        assert_eq!(
            session.take(&event("snapshot", &third)),
            Outcome::Reload,
            "and for the next one"
        );
    }

    #[test]
    fn a_build_whose_panels_cannot_be_read_is_known_by_its_head() {
        let mut session = Session::new(snapshot(5));
        let unreadable = serde_json::json!({ "build": "two", "view": "overview@1/300", "panels": "none" });
        assert_eq!(session.take(&event("snapshot", &unreadable)), Outcome::Reload);
        session.tolerated = session.other.clone();
        assert_eq!(session.take(&event("snapshot", &unreadable)), Outcome::Retry);
    }

    #[test]
    fn other_views_and_unknown_events_are_left_alone() {
        let mut session = Session::new(snapshot(5));
        let mut other = snapshot(6);
        other.view = "group:api@1/300".into();
        assert_eq!(session.take(&event("snapshot", &other)), Outcome::Nothing);
        assert_eq!(session.take(&event("greeting", &"hello")), Outcome::Nothing);
        assert_eq!(session.take(&event("live", &"")), Outcome::Linked);
        assert_eq!(
            session.take(&event("error", &serde_json::json!({ "error": "shutting_down" }))),
            Outcome::Retry
        );
        assert_eq!(session.take(&event("delta", &"nonsense")), Outcome::Retry);
    }
}

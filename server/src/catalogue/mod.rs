//! Which panels there are: the built-in ones, those of the configuration, and one for every metric that the store holds or remembers.

use std::borrow::Cow;
use std::sync::Arc;

use keiki_model::group::{self, Group};
use keiki_model::panel::Panel;
use keiki_model::view::{Subject, View};

use crate::store::Store;

pub mod explore;
pub(crate) mod units;

/// All panels. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Catalogue {
    own: Arc<Vec<Panel>>,
    store: Store,
    sizes: Arc<explore::Sizes>,
}

impl Catalogue {
    /// The built-in panels, a user's own beside them, and the metrics of a store.
    pub fn new(own: Vec<Panel>, store: Store) -> Self {
        Self {
            own: Arc::new(own),
            store,
            sizes: Arc::default(),
        }
    }

    /// The panels of a group's page: the built-in ones, then the user's own.
    pub fn panels(&self, group: Group) -> impl Iterator<Item = &Panel> {
        let own = self.own.iter().filter(move |panel| panel.spec.group == group.id());
        group.panels().iter().chain(own)
    }

    /// The panel of an id.
    pub fn panel(&self, id: &str) -> Option<Cow<'_, Panel>> {
        if let Some(asked) = explore::Asked::parse(id) {
            return explore::panel(&self.store, &asked, &self.sizes).map(Cow::Owned);
        }
        let own = || self.own.iter().find(|panel| panel.spec.id == id);
        group::panel(id).or_else(own).map(Cow::Borrowed)
    }

    /// As [`Catalogue::panel`]; an empty one for a metric of which nothing is left, or nothing yet. Somebody may have opened
    /// its page while there was something.
    pub fn shown(&self, id: &str) -> Option<Cow<'_, Panel>> {
        let nothing = || Some(Cow::Owned(explore::nothing(&explore::Asked::parse(id)?)));
        self.panel(id).or_else(nothing)
    }

    /// Whether there is what a view is about.
    pub fn knows(&self, view: &View) -> bool {
        match &view.subject {
            Subject::Overview | Subject::Group(_) => true,
            Subject::Panel(id) => self.shown(id).is_some(),
        }
    }

    /// What the store holds whose name, or one of whose labels, has all of these words.
    pub fn find(&self, words: &str, unseen: bool) -> explore::Findings {
        let panels: Vec<&Panel> = Group::ALL.iter().flat_map(|&group| self.panels(group)).collect();
        explore::find(&self.store, &panels, words, unseen)
    }
}

#[cfg(test)]
mod tests;

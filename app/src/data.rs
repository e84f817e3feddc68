//! What a page is made of, on the server and in the browser alike: it lies in the document as JSON.

use keiki_model::frame::Snapshot;
use keiki_model::panel::StatKey;
use keiki_model::text::Text;
use serde::{Deserialize, Serialize};

use crate::request::PageRequest;

/// All that a page shows. The browser knows the catalogue's titles only from here: the catalogue itself, with its
/// queries, stays on the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageData {
    /// What was asked for.
    pub request: PageRequest,
    /// The groups of the tabs: id and title.
    pub groups: Vec<(String, Text)>,
    /// The figures at the top of a group's page: panel and key.
    pub headline: Vec<(String, StatKey)>,
    /// The state of the view.
    pub snapshot: Snapshot,
}

#[cfg(feature = "ssr")]
impl PageData {
    /// The data of a page, with what the catalogue adds.
    pub fn new(request: &PageRequest, snapshot: &Snapshot) -> Self {
        use keiki_model::group::Group;
        use keiki_model::view::Subject;

        let groups = Group::ALL.iter();
        let headline = match request.subject {
            Subject::Group(group) => group.definition().card.as_slice(),
            Subject::Overview | Subject::Panel(_) => &[],
        };
        Self {
            request: request.clone(),
            groups: groups
                .map(|group| (group.id().to_owned(), group.definition().title.clone()))
                .collect(),
            headline: headline.iter().map(|&(id, key)| (id.to_owned(), key)).collect(),
            snapshot: snapshot.clone(),
        }
    }
}

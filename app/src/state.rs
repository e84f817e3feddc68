//! The signals that a page is painted from.
//!
//! They are made once, at set-up, from the data in the document. The live client folds frames outside any reactive
//! scope and then sets the signals of what changed, once per tick. Panels are `Arc`-kept, for they may come and go.

use std::sync::Arc;

use keiki_model::frame::{Header, Snapshot};
use keiki_model::panel::{PanelSnapshot, PanelSpec, StatKey};
use keiki_model::text::{Language, Text};
use keiki_model::time::Millis;
use keiki_model::view::Subject;
use leptos::prelude::*;

use crate::data::PageData;
use crate::request::PageRequest;

/// The state of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// It is being opened.
    Connecting,
    /// Events come.
    Live,
    /// It broke, and could not be reopened at once.
    Lost,
}

impl Link {
    /// The value of `data-link`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Live => "live",
            Self::Lost => "lost",
        }
    }
}

/// A panel of the page.
#[derive(Clone)]
pub struct PanelStore {
    /// What it shows. Another spec makes another store.
    pub spec: Arc<PanelSpec>,
    /// What is known of it.
    pub snapshot: ArcRwSignal<Arc<PanelSnapshot>>,
}

impl PanelStore {
    fn new(snapshot: &PanelSnapshot) -> Self {
        Self {
            spec: Arc::clone(&snapshot.spec),
            snapshot: ArcRwSignal::new(Arc::new(snapshot.clone())),
        }
    }
}

/// What never changes while the page is open.
pub struct Fixed {
    /// The groups' ids and titles.
    pub groups: Vec<(String, Text)>,
    /// The figures at the top of a group's page.
    pub headline: Vec<(String, StatKey)>,
    /// Seconds between two events of the view.
    pub step: u32,
}

/// The state of a page. A handle: copies share it.
#[derive(Clone, Copy)]
pub struct Page {
    /// The language of all texts.
    pub language: Language,
    /// What never changes.
    pub fixed: StoredValue<Fixed>,
    /// What is shown, and how; the links follow it.
    pub request: RwSignal<PageRequest>,
    /// What is true of the whole view.
    pub header: RwSignal<Header>,
    /// The panels. Set only when they become other panels.
    pub panels: RwSignal<Vec<PanelStore>>,
    /// The server's clock at the newest event that is shown.
    pub clock: RwSignal<Millis>,
    /// The server's clock now, as far as it is known: moves on when events fail to come.
    pub time: RwSignal<Millis>,
    /// Whether an event is overdue, so that the page must judge by itself what is stale.
    pub overdue: RwSignal<bool>,
    /// The stream; nothing before hydration.
    pub link: RwSignal<Option<Link>>,
    /// Whether painting is stopped.
    pub paused: RwSignal<bool>,
    /// Counts the wishes to reconnect at once.
    pub reconnect: RwSignal<u32>,
    /// What a screen reader is told.
    pub announcement: RwSignal<String>,
}

impl Page {
    /// The state of a fresh page.
    pub fn new(data: PageData) -> Self {
        let PageData {
            request,
            groups,
            headline,
            snapshot,
        } = data;
        let fixed = Fixed {
            groups,
            headline,
            step: request.view().step,
        };
        Self {
            language: request.language,
            fixed: StoredValue::new(fixed),
            request: RwSignal::new(request),
            panels: RwSignal::new(snapshot.panels.iter().map(PanelStore::new).collect()),
            header: RwSignal::new(snapshot.header),
            clock: RwSignal::new(snapshot.now),
            time: RwSignal::new(snapshot.now),
            overdue: RwSignal::new(false),
            link: RwSignal::new(None),
            paused: RwSignal::new(false),
            reconnect: RwSignal::new(0),
            announcement: RwSignal::new(String::new()),
        }
    }

    /// Shows a snapshot: sets the signals of what differs from what is shown.
    pub fn show(&self, snapshot: &Snapshot) {
        if self.header.with_untracked(|header| *header != snapshot.header) {
            self.header.set(snapshot.header.clone());
        }
        let same = self.panels.with_untracked(|stores| {
            stores.len() == snapshot.panels.len()
                && stores
                    .iter()
                    .zip(&snapshot.panels)
                    .all(|(store, panel)| Arc::ptr_eq(&store.spec, &panel.spec) || store.spec == panel.spec)
        });
        if same {
            self.panels.with_untracked(|stores| {
                for (store, panel) in stores.iter().zip(&snapshot.panels) {
                    if store.snapshot.with_untracked(|shown| **shown != *panel) {
                        store.snapshot.set(Arc::new(panel.clone()));
                    }
                }
            });
        } else {
            self.panels.set(snapshot.panels.iter().map(PanelStore::new).collect());
        }
        self.clock.set(snapshot.now);
        self.time.set(snapshot.now);
        self.overdue.set(false);
    }

    /// What the page calls a panel: a card bears its group's name.
    pub fn title_of(&self, spec: &PanelSpec) -> String {
        let card = self
            .request
            .with_untracked(|request| request.subject == Subject::Overview);
        let group = self.fixed.with_value(|fixed| {
            let named = fixed.groups.iter().find(|(id, _)| card && *id == spec.group);
            named.map(|(_, title)| title.get(self.language).to_owned())
        });
        group.unwrap_or_else(|| spec.title.get(self.language).to_owned())
    }

    /// The time of day in the configured zone, hours to seconds.
    pub fn hms(&self, time: Millis) -> String {
        self.header.with(|header| header.zone.hms(time))
    }
}

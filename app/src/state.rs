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

use crate::changing::{self, Changing};
use crate::chart::{CARD, moves};
use crate::data::PageData;
use crate::request::PageRequest;
use crate::surface::{Surface, Wall};

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
    /// How far back it reaches, seconds.
    pub window: u32,
    /// What it is shown on. On a wall and in a frame a panel may have room for one figure only.
    pub surface: Surface,
    /// Whether tables stand below the charts: on a group's page.
    pub rack: bool,
    /// How a wall shows the groups, where the page is one.
    pub wall: Option<Wall>,
}

/// The state of a page. A handle: copies share it.
#[derive(Clone, Copy)]
pub struct Page {
    /// The language of all texts.
    pub language: Language,
    /// What never changes.
    pub fixed: StoredValue<Arc<Fixed>>,
    /// What is shown, and how; the links follow it.
    pub request: RwSignal<Arc<PageRequest>>,
    /// What is true of the whole view.
    pub header: RwSignal<Arc<Header>>,
    /// The panels. Set only when they become other panels.
    pub panels: RwSignal<Arc<Vec<PanelStore>>>,
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
    pub reconnect: RwSignal<i64>,
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
            // Of a stretch of the past there is nothing to come.
            step: request.until.map_or(request.view().pace(), |_| u32::MAX),
            window: request.window,
            surface: request.surface(),
            rack: matches!(request.subject, Subject::Group(_)),
            wall: request.wall.clone(),
        };
        Self {
            language: request.language,
            fixed: StoredValue::new(Arc::new(fixed)),
            request: RwSignal::new(Arc::new(request)),
            panels: RwSignal::new(stores(&snapshot)),
            header: RwSignal::new(Arc::new(snapshot.header)),
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
        if *self.header.get_untracked() != snapshot.header {
            self.header.set(Arc::new(snapshot.header.clone()));
        }
        let shown = self.panels.get_untracked();
        let pairs = || shown.iter().zip(&snapshot.panels);
        let same = |(store, panel): (&PanelStore, &PanelSnapshot)| {
            Arc::ptr_eq(&store.spec, &panel.spec) || store.spec == panel.spec
        };
        if shown.len() == snapshot.panels.len() && pairs().all(same) {
            let fixed = self.fixed.get_value();
            // Tables and heat maps have longer slots than their view; their figures are of every event all the same.
            let still = |(store, panel): (&PanelStore, &PanelSnapshot)| {
                panel.step == fixed.step && !moves(&store.snapshot.get_untracked(), panel, CARD)
            };
            // A dozen frames may share a thread: all of one moves with its chart, by columns.
            if fixed.surface == Surface::Frame && !self.overdue.get_untracked() && pairs().all(still) {
                return;
            }
            for (store, panel) in pairs() {
                if *store.snapshot.get_untracked() != *panel {
                    store.snapshot.set(Arc::new(panel.clone()));
                }
            }
        } else {
            self.panels.set(stores(snapshot));
        }
        self.clock.set(snapshot.now);
        self.time.set(snapshot.now);
        self.overdue.set(false);
    }

    /// Changes what is shown, or how.
    pub fn change(&self, change: impl FnOnce(&mut PageRequest)) {
        let request = self.request.get_untracked().with(change);
        self.request.set(Arc::new(request));
    }

    /// A link to this page with something changed; it keeps all else as it is then.
    pub fn link(&self, change: impl Fn(&mut PageRequest) + Send + 'static) -> Changing<String> {
        let request = self.request;
        changing::text(move || request.get().with(&change).href())
    }

    /// A link to another page.
    pub fn link_to(&self, subject: Subject) -> Changing<String> {
        let request = self.request;
        changing::text(move || request.get().to(subject.clone()))
    }

    /// The title of a group.
    pub fn group_title(&self, group: &str) -> Option<String> {
        let fixed = self.fixed.get_value();
        let named = fixed.groups.iter().find(|(id, _)| id == group);
        named.map(|(_, title)| title.get(self.language).to_owned())
    }

    /// What the page calls a panel: a card bears its group's name.
    pub fn title_of(&self, spec: &PanelSpec) -> String {
        let card = self.request.get_untracked().subject == Subject::Overview;
        let group = if card { self.group_title(&spec.group) } else { None };
        group.unwrap_or_else(|| spec.title.get(self.language).to_owned())
    }

    /// The time of day in the configured zone, hours to seconds.
    pub fn hms(&self, time: Millis) -> String {
        self.header.get().zone.hms(time)
    }
}

fn stores(snapshot: &Snapshot) -> Arc<Vec<PanelStore>> {
    Arc::new(snapshot.panels.iter().map(PanelStore::new).collect())
}

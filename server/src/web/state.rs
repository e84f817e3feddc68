//! What the rest of Keiki gives to the web.

use std::sync::Arc;

use axum::routing::MethodRouter;
use keiki_app::PageRequest;
use keiki_instrument::Recorder;
use keiki_model::frame::Snapshot;
use keiki_model::panel::StatKey;
use keiki_model::text::Language;
use keiki_model::view::View;

use super::metrics::Exposed;
use crate::annotation::Annotations;
use crate::catalogue::Catalogue;
use crate::ingest::Inlets;

/// Where snapshots come from.
pub trait Views: Send + Sync + 'static {
    /// The newest published snapshot of a view, computed if nobody watches it now. Cheap where this tick already has
    /// it. Called on a thread that may block.
    ///
    /// # Errors
    ///
    /// Too many distinct views are asked for, or nothing has been published yet.
    fn snapshot(&self, view: &View) -> Result<Arc<Snapshot>, ViewsError>;

    /// The newest published tick. Asked for at every request.
    fn tick(&self) -> u64;

    /// This run of the server.
    fn boot(&self) -> &str;
}

/// Why a snapshot cannot be had now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ViewsError {
    /// A limit of distinct views is reached.
    #[error("too many distinct views")]
    TooMany,
    /// Nothing has been published yet, or never will again.
    #[error("no data yet")]
    Unavailable,
}

/// Draws snapshots. Called on threads that may block.
pub trait Render: Send + Sync + 'static {
    /// A whole page as HTML.
    fn page(&self, request: &PageRequest, snapshot: &Snapshot) -> String;

    /// The snapshot's first panel as an SVG document.
    fn picture(&self, look: &Look, snapshot: &Snapshot) -> String;

    /// One figure of the snapshot's first panel as an SVG document; `None` where the panel has no such stat.
    fn badge(&self, stat: Option<StatKey>, look: &Look, snapshot: &Snapshot) -> Option<String>;
}

/// How a picture looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Look {
    /// The language of its words.
    pub language: Language,
    /// Dark or light ground; none follows the viewer's system.
    pub dark: Option<bool>,
}

/// All that the web is made of.
#[derive(Clone)]
pub struct State {
    /// Where snapshots come from.
    pub views: Arc<dyn Views>,
    /// What draws them.
    pub render: Arc<dyn Render>,
    /// Answers `GET {base}/api/live`: [`super::live::route`].
    pub live: MethodRouter,
    /// Keiki's own metrics as they are now. Running totals, of histograms too.
    pub metrics: Arc<dyn Fn() -> Vec<Exposed> + Send + Sync>,
    /// What still lacks before Keiki is of use, a phrase each; none means ready.
    pub readiness: Arc<dyn Fn() -> Vec<String> + Send + Sync>,
    /// Which panels there are.
    pub catalogue: Catalogue,
    /// What happened.
    pub annotations: Annotations,
    /// Every source, and what is known of its series.
    pub sources: Arc<dyn Fn() -> super::sources::Sources + Send + Sync>,
    /// Where programs send their measurements.
    pub inlets: Inlets,
    /// Records requests, the cache and the making of bodies.
    pub recorder: Recorder,
}

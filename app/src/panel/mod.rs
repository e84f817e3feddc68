//! A panel: header with state and age, figures, caption with keys, chart or table. Where there are no data it says
//! how to feed it, or what failed.

pub mod head;
pub mod message;
pub mod order;
pub mod row;
pub mod stat;
pub mod table;

use std::sync::Arc;

use keiki_model::format::{self, Scale};
use keiki_model::panel::{ChartKind, PanelSnapshot, StatSpec, State};
use keiki_model::target::Status;
use keiki_model::time::is_stale;
use leptos::either::Either;
use leptos::prelude::*;

use self::head::Head;
use self::message::message;
pub use self::stat::Stat;
use self::table::Table;
use crate::changing;
use crate::chart::{Chart, DataTable, Keys, Summary, frozen};
use crate::page::wall::{in_order, is_away};
use crate::state::{Page, PanelStore};
use crate::text;

/// Where a panel stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the overview, for its group.
    Card,
    /// In the rack of its group's page.
    Rack,
    /// Below that rack: a table.
    Table,
    /// Alone, in a frame of another page.
    Embed,
    /// On a wall, for its group.
    Tile,
}

impl Place {
    /// Whether it is where this panel stands.
    fn holds(self, chart: ChartKind) -> bool {
        match self {
            Self::Card | Self::Embed | Self::Tile => true,
            Self::Rack => chart != ChartKind::Table,
            Self::Table => chart == ChartKind::Table,
        }
    }
}

/// The state of a panel's data as the page must show it: while events fail to come, the page itself judges what has
/// become stale, by the server's rule.
pub fn shown_state(page: Page, panel: &PanelSnapshot) -> State {
    let newest = || panel.newest.filter(|_| page.overdue.get());
    match panel.state {
        State::Live if newest().is_some_and(|newest| is_stale(newest, panel.interval_ms, page.time.get())) => {
            State::Stale
        }
        state => state,
    }
}

/// The panels that stand in a place.
#[component]
pub fn Plates(
    /// The state of the page.
    page: Page,
    /// The place.
    place: Place,
) -> impl IntoView {
    move || {
        let stores = in_order(page);
        let rack = page.fixed.get_value().rack;
        let here = stores
            .iter()
            .filter(|store| (rack || place != Place::Table) && place.holds(store.spec.chart));
        here.map(|store| view! { <Panel page store=store.clone() place/> })
            .collect::<Vec<_>>()
    }
}

/// A panel.
#[component]
pub fn Panel(
    /// The state of the page.
    page: Page,
    /// The panel.
    store: PanelStore,
    /// Where it stands.
    place: Place,
) -> impl IntoView {
    let spec = Arc::clone(&store.spec);
    let panel: RwSignal<Arc<PanelSnapshot>> = store.snapshot.into();
    let state = Memo::new(move |_| shown_state(page, &panel.get()));
    let kind = Memo::new(move |_| match state.get() {
        State::Stale => State::Live,
        other => other,
    });
    let body = move || match kind.get() {
        State::Live | State::Stale => Either::Left(view! { <Figures page panel place/> }),
        state => {
            let message = changing::markup(move || message(page, &panel.get(), state));
            Either::Right(view! { <div class="message" inner_html=message></div> })
        }
    };
    let (id, title) = (spec.id.clone(), spec.id.clone());
    let class = if place == Place::Tile { "tile" } else { "panel" };
    let away = changing::flag(move || place == Place::Tile && is_away(page, &spec.id));
    let word = changing::text(move || state.get().as_str().to_owned());
    let status = changing::attribute(move || panel.get().status.map(Status::as_str).map(str::to_owned));
    view! {
        <section class=class data-panel=id data-state=word data-status=status hidden=away aria-labelledby=title>
            <Head page panel state place/>
            {body}
        </section>
    }
}

/// What a panel with data shows under its header.
#[component]
fn Figures(page: Page, panel: RwSignal<Arc<PanelSnapshot>>, place: Place) -> impl IntoView {
    let shown = panel.get_untracked();
    let spec = &shown.spec;
    let count = spec.stats.len();
    let stats = (count > 0).then(|| {
        let plain = |spec: &StatSpec| spec.goal.is_none() && spec.natural_limit.is_none() && !spec.limited;
        let plain = place != Place::Card && spec.stats.iter().all(plain);
        let class = [
            "stats of-",
            &count.min(6).to_string(),
            if plain { " plain" } else { "" },
        ]
        .concat();
        let stats: Vec<_> = (0..count).map(|at| view! { <Stat page panel at/> }).collect();
        view! { <dl class=class>{stats}</dl> }
    });
    let rest = match spec.chart {
        ChartKind::Stat => None,
        ChartKind::Table => Some(Either::Left(view! { <Table page panel/> })),
        _ => Some(Either::Right(view! { <Figure page panel place/> })),
    };
    view! {
        {stats}
        {rest}
    }
}

/// A chart with its caption and keys, and its data table.
#[component]
fn Figure(page: Page, panel: RwSignal<Arc<PanelSnapshot>>, place: Place) -> impl IntoView {
    let hidden: RwSignal<Vec<String>> = RwSignal::new(Vec::new());
    let language = page.language;
    // A chart that nothing can draw anew says of when it is: the figures beside it live on.
    let as_of = frozen().then(|| panel.get_untracked().to);
    let caption = changing::text(move || {
        let panel = panel.get();
        let caption = format::caption(&panel.spec.axis, Scale::of_panel(&panel).unit(language), language);
        // Not before the stream is opened: until then the page is the server's.
        match as_of.filter(|_| page.link.get().is_some()) {
            Some(time) => [&caption, " · ", &text::as_of(&page.hms(time), language)].concat(),
            None => caption,
        }
    });
    // On a card the lines' ends name the series; a group's page has room for their newest values.
    let brief = matches!(place, Place::Card | Place::Tile);
    view! {
        <figure>
            <figcaption>
                <span>{caption}</span>
                <Keys panel hidden brief/>
            </figcaption>
            <Chart panel hidden=hidden/>
            <Summary panel/>
        </figure>
        <DataTable panel/>
    }
}

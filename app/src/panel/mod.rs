//! A panel: header with state and age, figures, caption with keys, chart or table. Where there are no data it says
//! how to feed it, or what failed.

pub mod head;
pub mod message;
pub mod order;
pub mod stat;
pub mod table;

use std::collections::HashSet;
use std::sync::Arc;

use keiki_model::format::{self, Scale};
use keiki_model::panel::{ChartKind, PanelSnapshot, StatSpec, State};
use keiki_model::time::is_stale;
use leptos::prelude::*;

use self::head::Head;
use self::message::{Failed, Unfed};
pub use self::stat::Stat;
use self::table::Table;
use crate::chart::{Chart, DataTable, Keys};
use crate::state::{Page, PanelStore};

/// Where a panel stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the overview, for its group.
    Card,
    /// On its group's page.
    Rack,
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
    let spec = store.spec;
    let panel: Signal<Arc<PanelSnapshot>> = store.snapshot.into();
    let state = Memo::new(move |_| panel.with(|panel| shown_state(page, panel)));
    let status = move || panel.with(|panel| panel.status.map(|status| status.as_str()));
    let class = if spec.chart == ChartKind::Table {
        "panel wide"
    } else {
        "panel"
    };
    let body = {
        let spec = Arc::clone(&spec);
        let kind = Memo::new(move |_| match state.get() {
            State::Live | State::Stale => State::Live,
            other => other,
        });
        move || match kind.get() {
            State::Empty => view! { <Unfed page spec=Arc::clone(&spec)/> }.into_any(),
            State::Error => view! { <Failed page panel/> }.into_any(),
            State::Live | State::Stale => figures(page, panel, place),
        }
    };
    let title = spec.id.clone();
    view! {
        <section class=class data-panel=spec.id.clone() data-state=move || state.get().as_str() data-status=status aria-labelledby=title>
            <Head page panel state place/>
            {body}
        </section>
    }
}

/// What a panel with data shows under its header.
fn figures(page: Page, panel: Signal<Arc<PanelSnapshot>>, place: Place) -> AnyView {
    let spec = panel.with_untracked(|panel| Arc::clone(&panel.spec));
    let count = spec.stats.len();
    let stats = (count > 0).then(|| {
        let stats = (0..count)
            .map(|at| view! { <Stat page panel at/> }.into_any())
            .collect_view();
        let plain = |spec: &StatSpec| spec.goal.is_none() && spec.natural_limit.is_none();
        let limited = panel.with_untracked(|panel| panel.stats.iter().any(|stat| stat.limit.is_some()));
        let plain = place == Place::Rack && !limited && spec.stats.iter().all(plain);
        let class = [
            "stats of-",
            &count.min(6).to_string(),
            if plain { " plain" } else { "" },
        ]
        .concat();
        view! { <dl class=class>{stats}</dl> }.into_any()
    });
    let rest = match spec.chart {
        ChartKind::Stat => ().into_any(),
        ChartKind::Table => view! { <Table page panel/> }.into_any(),
        kind => {
            let hidden: RwSignal<HashSet<String>> = RwSignal::new(HashSet::new());
            let language = page.language;
            let caption = move || {
                panel.with(|panel| format::caption(&panel.spec.axis, Scale::of_panel(panel).unit(language), language))
            };
            // On a card the lines' ends name the series; a group's page has room for their newest values.
            let keyed = place == Place::Rack || matches!(kind, ChartKind::Bar | ChartKind::Heat);
            view! {
                <figure>
                    <figcaption>
                        <span>{caption}</span>
                        {keyed.then(|| view! { <Keys panel hidden/> }.into_any())}
                    </figcaption>
                    {view! { <Chart panel hidden=hidden/> }.into_any()}
                </figure>
                {view! { <DataTable panel/> }.into_any()}
            }
            .into_any()
        }
    };
    view! {
        {stats}
        {rest}
    }
    .into_any()
}

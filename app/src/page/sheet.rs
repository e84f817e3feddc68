//! What a page is about: cards on the overview; on a group's page its headline figures, its charts in a rack, its tables in
//! full width; tiles on a wall; a single panel in a frame. One piece of markup for all: Leptos compiles its machinery anew for
//! each.

use keiki_model::panel::{ChartKind, StatSpec};
use keiki_model::view::Subject;
use leptos::prelude::*;

use super::wall;
use crate::changing;
use crate::panel::{Place, Plates, Stat};
use crate::state::Page;
use crate::text;

/// The page's content.
#[component]
pub fn Sheet(
    /// The state.
    page: Page,
) -> impl IntoView {
    let request = page.request.get_untracked();
    let (class, rack, place) = match (&request.subject, &request.wall) {
        (Subject::Overview, None) => ("sheet", "rack overview", Place::Card),
        (Subject::Overview, Some(wall)) if wall.rotate.is_some() => ("wall one", "tiles", Place::Tile),
        (Subject::Overview, Some(_)) => ("wall", "tiles", Place::Tile),
        (Subject::Group(_), _) => ("sheet", "rack group", Place::Rack),
        (Subject::Panel(_), _) if request.explored => ("sheet explored", "rack group", Place::Rack),
        (Subject::Panel(_), _) => ("sheet", "embed", Place::Embed),
    };
    let title = match &request.subject {
        Subject::Group(group) => page.group_title(group.id()),
        Subject::Panel(_) => page
            .panels
            .get_untracked()
            .first()
            .map(|store| page.title_of(&store.spec)),
        Subject::Overview => None,
    };
    let title = title.unwrap_or_else(|| text::OVERVIEW.get(page.language).to_owned());
    // An odd chart would leave a hole in the rack: the lead then takes a row of its own.
    let rack = changing::text(move || {
        let stores = page.panels.get();
        let charts = stores.iter().filter(|store| store.spec.chart != ChartKind::Table);
        let odd = place == Place::Rack && charts.count() % 2 == 1;
        [rack, if odd { " odd" } else { "" }].concat()
    });
    let ground = request.transparent.then_some("transparent");
    let figures = matches!(request.subject, Subject::Group(_)).then(|| {
        view! {
            <section class="readout" aria-label=text::READOUT.get(page.language)>
                <dl class="stats">{move || headline(page)}</dl>
            </section>
        }
    });
    view! {
        <main id="main" class=class>
            <h1 class="sr">{title}</h1>
            {figures}
            <header inner_html=wall::part(page, wall::head)></header>
            <div class=rack data-ground=ground><Plates page place/></div>
            <div class="rack tables"><Plates page place=Place::Table/></div>
            <ol inner_html=wall::part(page, wall::rail)></ol>
            <footer inner_html=wall::part(page, wall::foot)></footer>
        </main>
    }
}

/// The headline figures. Each is of another panel: `data-of` names it.
fn headline(page: Page) -> Vec<impl IntoView> {
    let (fixed, stores) = (page.fixed.get_value(), page.panels.get());
    let figures = fixed.headline.iter().filter_map(|(id, key)| {
        let store = stores.iter().find(|store| store.spec.id == *id)?;
        let own = |stat: &StatSpec| stat.key == *key && stat.of.is_none();
        let at = store.spec.stats.iter().position(own)?;
        let panel: RwSignal<_> = store.snapshot.clone().into();
        Some(view! { <Stat page panel at of=id.clone()/> })
    });
    figures.collect()
}

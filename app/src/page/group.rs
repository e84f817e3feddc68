//! A group's page: its headline figures in a strip, its charts in a rack, its tables in full width.

use keiki_model::panel::{ChartKind, StatSpec};
use leptos::prelude::*;

use crate::changing;
use crate::panel::{Place, Plates, Stat};
use crate::state::Page;
use crate::text;

/// The page of the group of this id.
#[component]
pub fn GroupPage(
    /// The state.
    page: Page,
    /// The group's id.
    group: &'static str,
) -> impl IntoView {
    // An odd chart would leave a hole in the rack: the lead then takes a row of its own.
    let class = changing::text(move || {
        let stores = page.panels.get();
        let charts = stores.iter().filter(|store| store.spec.chart != ChartKind::Table);
        if charts.count() % 2 == 1 {
            "rack group odd"
        } else {
            "rack group"
        }
        .to_owned()
    });
    view! {
        <main id="main" class="sheet">
            <h1 class="sr">{page.group_title(group)}</h1>
            <section class="readout" aria-label=text::READOUT.get(page.language)>
                <dl class="stats">{move || headline(page)}</dl>
            </section>
            <div class=class><Plates page place=Place::Rack/></div>
            <div class="rack tables"><Plates page place=Place::Table/></div>
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

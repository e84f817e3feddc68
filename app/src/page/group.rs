//! A group's page: its headline figures in a strip, its charts in a rack, its tables in full width.

use keiki_model::panel::ChartKind;
use leptos::prelude::*;

use crate::panel::{Panel, Place, Stat};
use crate::state::{Page, PanelStore};
use crate::text;

/// The page of the group of this id.
#[component]
pub fn GroupPage(
    /// The state.
    page: Page,
    /// The group's id.
    group: &'static str,
) -> impl IntoView {
    let language = page.language;
    let title = page.fixed.with_value(|fixed| {
        let title = fixed.groups.iter().find(|(id, _)| id == group);
        title
            .map(|(_, title)| title.get(language).to_owned())
            .unwrap_or_default()
    });
    let body = move || {
        let stores = page.panels.get();
        let strip = readout(page, &stores);
        let (tables, charts): (Vec<_>, Vec<_>) = stores
            .into_iter()
            .partition(|store| store.spec.chart == ChartKind::Table);
        // An odd one would leave a hole in the rack: the lead then takes a row of its own.
        let class = if charts.len() % 2 == 1 {
            "rack group odd"
        } else {
            "rack group"
        };
        let plates = |stores: Vec<PanelStore>| {
            stores
                .into_iter()
                .map(|store| view! { <Panel page store place=Place::Rack/> }.into_any())
                .collect_view()
        };
        view! {
            {strip}
            <div class=class>{plates(charts)}</div>
            <div class="rack tables">{plates(tables)}</div>
        }
        .into_any()
    };
    view! {
        <main id="main" class="sheet">
            <h1 class="sr">{title}</h1>
            {body}
        </main>
    }
}

/// The headline figures. Each is of another panel: `data-of` names it.
fn readout(page: Page, stores: &[PanelStore]) -> AnyView {
    let headline = page.fixed.with_value(|fixed| fixed.headline.clone());
    let figures = headline.into_iter().filter_map(|(id, key)| {
        let store = stores.iter().find(|store| store.spec.id == id)?;
        let at = store
            .spec
            .stats
            .iter()
            .position(|stat| stat.key == key && stat.of.is_none())?;
        let panel: Signal<_> = store.snapshot.clone().into();
        Some(view! { <Stat page panel at of=id/> }.into_any())
    });
    view! {
        <section class="readout" aria-label=text::READOUT.get(page.language)>
            <dl class="stats">{figures.collect_view()}</dl>
        </section>
    }
    .into_any()
}

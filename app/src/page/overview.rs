//! The overview: a card per group.

use leptos::prelude::*;

use crate::panel::{Panel, Place};
use crate::state::Page;
use crate::text;

/// The rack of cards.
#[component]
pub fn Overview(
    /// The state.
    page: Page,
) -> impl IntoView {
    let cards = move || {
        let stores = page.panels.get();
        stores
            .into_iter()
            .map(|store| view! { <Panel page store place=Place::Card/> }.into_any())
            .collect_view()
    };
    view! {
        <main id="main" class="rack overview">
            <h1 class="sr">{text::OVERVIEW.get(page.language)}</h1>
            {cards}
        </main>
    }
}

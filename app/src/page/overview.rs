//! The overview: a card per group.

use leptos::prelude::*;

use crate::panel::{Place, Plates};
use crate::state::Page;
use crate::text;

/// The rack of cards.
#[component]
pub fn Overview(
    /// The state.
    page: Page,
) -> impl IntoView {
    view! {
        <main id="main" class="rack overview">
            <h1 class="sr">{text::OVERVIEW.get(page.language)}</h1>
            <Plates page place=Place::Card/>
        </main>
    }
}

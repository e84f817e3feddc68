//! What a panel says that has nothing to show.

use std::sync::Arc;

use keiki_model::panel::{PanelSnapshot, PanelSpec};
use leptos::prelude::*;

use crate::state::Page;
use crate::text;

/// How to feed a panel: one sentence, and the lines of configuration.
#[component]
pub fn Unfed(
    /// The state of the page.
    page: Page,
    /// What the panel shows.
    spec: Arc<PanelSpec>,
) -> impl IntoView {
    let lines = spec.feed.lines.clone();
    view! {
        <div class="message">
            <p>{spec.feed.sentence.get(page.language).to_owned()}</p>
            {(!lines.is_empty()).then(|| view! { <pre><code>{lines}</code></pre> })}
        </div>
    }
}

/// What failed, and when it is tried again.
#[component]
pub fn Failed(
    /// The state of the page.
    page: Page,
    /// The panel.
    panel: Signal<Arc<PanelSnapshot>>,
) -> impl IntoView {
    let language = page.language;
    let failure = Memo::new(move |_| panel.with(|panel| panel.failure.clone()));
    let head = move || failure.with(|failure| failure.as_ref().map(|failure| text::failed(&failure.source, language)));
    let message = move || failure.with(|failure| failure.as_ref().map(|failure| failure.message.clone()));
    let retry = move || {
        let next = failure.with(|failure| failure.as_ref()?.next_attempt)?;
        let when = match page.link.get() {
            None => text::at(&page.hms(next), language),
            Some(_) => text::after(next - page.time.get(), language),
        };
        Some(text::retry(&when, language))
    };
    view! {
        <div class="message">
            <p><b>{move || head().unwrap_or_default()}</b></p>
            <p class="said">{move || message().unwrap_or_default()}</p>
            <p>{move || retry().unwrap_or_default()}</p>
        </div>
    }
}

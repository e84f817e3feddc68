//! What a panel says that has nothing to show.

use std::sync::Arc;

use keiki_model::panel::{Failure, PanelSnapshot, PanelSpec};
use leptos::prelude::*;

use crate::changing;
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
    let tell = move |tell: fn(&Failure, Page) -> String| {
        changing::text(move || {
            let panel = panel.get();
            let told = panel.failure.as_ref().map(|failure| tell(failure, page));
            told.unwrap_or_default()
        })
    };
    let retry = changing::text(move || {
        let next = panel.get().failure.as_ref().and_then(|failure| failure.next_attempt);
        let when = |next| match page.link.get() {
            None => text::at(&page.hms(next), language),
            Some(_) => text::after(next - page.time.get(), language),
        };
        next.map(|next| text::retry(&when(next), language)).unwrap_or_default()
    });
    view! {
        <div class="message">
            <p><b>{tell(|failure, page| text::failed(&failure.source, page.language))}</b></p>
            <p class="said">{tell(|failure, _| failure.message.clone())}</p>
            <p>{retry}</p>
        </div>
    }
}

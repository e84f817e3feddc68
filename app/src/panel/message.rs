//! What a panel says that has nothing to show.

use keiki_model::panel::{Feed, PanelSnapshot, State};
use leptos::prelude::*;
use maud::{Markup, html};

use crate::state::Page;
use crate::text;

/// What is said of a panel in this state.
pub fn message(page: Page, panel: &PanelSnapshot, state: State) -> Markup {
    if state == State::Error {
        failed(page, panel)
    } else {
        unfed(page, &panel.spec.feed)
    }
}

/// How to feed a panel: one sentence, and the lines of configuration.
fn unfed(page: Page, feed: &Feed) -> Markup {
    html! {
        p { (feed.sentence.get(page.language)) }
        @if !feed.lines.is_empty() { pre { code { (feed.lines) } } }
    }
}

/// What failed, and when it is tried again.
fn failed(page: Page, panel: &PanelSnapshot) -> Markup {
    let language = page.language;
    let when = |next| match page.link.get() {
        None => text::at(&page.hms(next), language),
        Some(_) => text::after(next - page.time.get(), language),
    };
    html! {
        @if let Some(failure) = &panel.failure {
            p { b { (text::failed(failure, &page.header.get().zone, page.clock.get(), language)) } }
            p class="said" { (failure.message.get(language)) }
            @if let Some(next) = failure.next_attempt { p { (text::retry(&when(next), language)) } }
        }
    }
}

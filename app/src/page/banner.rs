//! The strip that tells of a lost stream, as long as it is lost.

use leptos::prelude::*;
use maud::html;

use crate::changing;
use crate::icon::shape;
use crate::state::{Link, Page};
use crate::text;

/// The banner; hidden while the stream runs.
#[component]
pub fn Banner(
    /// The state.
    page: Page,
) -> impl IntoView {
    let language = page.language;
    let lost = move || page.link.get() == Some(Link::Lost);
    // Empty while it is hidden: a text browser shows what is hidden, too.
    let told = changing::markup(move || {
        html! {
            @if lost() {
                @let (clock, time) = (page.clock.get(), page.time.get());
                b { (text::LOST.get(language)) } " " (text::figures_from(&page.hms(clock), time - clock, language))
            }
        }
    });
    let word = changing::text(move || if lost() { text::TRY_NOW.get(language) } else { "" }.to_owned());
    let again = move |_| page.reconnect.set(page.reconnect.get_untracked() + 1);
    view! {
        <div class="banner" hidden=changing::flag(move || !lost())>
            <i class="mark" inner_html=shape("stale").into_string()></i>
            <p inner_html=told></p>
            <button type="button" class="button" on:click=again>{word}</button>
        </div>
    }
}

//! The strip that tells of a lost stream, as long as it is lost.

use leptos::prelude::*;

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
    let from = changing::text(move || {
        if !lost() {
            return String::new();
        }
        let (clock, time) = (page.clock.get(), page.time.get());
        text::figures_from(&page.hms(clock), time - clock, language)
    });
    let again = move |_| page.reconnect.set(page.reconnect.get_untracked() + 1);
    view! {
        <div class="banner" hidden=changing::flag(move || !lost())>
            <i class="mark" inner_html=shape("stale").into_string()></i>
            <p><b>{text::LOST.get(language)}</b>" "{from}</p>
            <button type="button" class="button" on:click=again>{text::TRY_NOW.get(language)}</button>
        </div>
    }
}

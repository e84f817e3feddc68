//! The strip that tells of a lost stream, as long as it is lost.

use keiki_model::panel::State;
use leptos::prelude::*;

use crate::icon::shape;
use crate::state::{Link, Page};
use crate::{icon, text};

/// The banner; nothing while the stream runs.
#[component]
pub fn Banner(
    /// The state.
    page: Page,
) -> impl IntoView {
    let language = page.language;
    let lost = Memo::new(move |_| page.link.get() == Some(Link::Lost));
    let from = move || {
        let (clock, time) = (page.clock.get(), page.time.get());
        text::figures_from(&page.hms(clock), time - clock, language)
    };
    move || {
        lost.get().then(|| {
            view! {
                <div class="banner">
                    {shape(|| icon::shape_of(State::Stale, None))}
                    <p><b>{text::LOST.get(language)}</b>" "{from}</p>
                    <button type="button" class="button" on:click=move |_| page.reconnect.update(|count| *count += 1)>
                        {text::TRY_NOW.get(language)}
                    </button>
                </div>
            }
            .into_any()
        })
    }
}

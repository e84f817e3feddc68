//! The page: strips at the top, then what it is about.

pub mod banner;
pub mod bar;
pub mod group;
pub mod overview;
pub mod tabs;

use keiki_model::view::Subject;
use leptos::either::Either;
use leptos::ev::MouseEvent;
use leptos::prelude::*;

use self::banner::Banner;
use self::bar::Bar;
use self::group::GroupPage;
use self::overview::Overview;
use self::tabs::Tabs;
use crate::changing;
use crate::chart::{CARD, Charts, WIDE};
use crate::state::Page;
use crate::text;

/// All that is inside the document's body.
#[component]
pub fn App(
    /// The state.
    page: Page,
) -> impl IntoView {
    let subject = page.request.get_untracked().subject.clone();
    let points = if subject == Subject::Overview { CARD } else { WIDE };
    provide_context(Charts::new(page.language, page.header, points));
    let main = match subject {
        Subject::Group(group) => Either::Left(view! { <GroupPage page group=group.id()/> }),
        Subject::Overview | Subject::Panel(_) => Either::Right(view! { <Overview page/> }),
    };
    view! {
        <a class="skip" href="#main">{text::SKIP.get(page.language)}</a>
        <Bar page/>
        <Tabs page/>
        <Banner page/>
        {main}
        <p class="sr" role="status">{changing::text(move || page.announcement.get())}</p>
    }
}

/// Whether a click is for the page itself: with a key held down a browser opens a link elsewhere.
pub(crate) fn is_plain(event: &MouseEvent) -> bool {
    !(event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key())
}

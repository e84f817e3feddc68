//! The page: strips at the top, then what it is about.

pub mod banner;
pub mod bar;
pub mod sheet;
pub mod tabs;
pub mod wall;

use keiki_model::chart::{APART, APART_ON_WALLS};
use keiki_model::view::Subject;
use leptos::ev::MouseEvent;
use leptos::prelude::*;

use self::banner::Banner;
use self::bar::Bar;
use self::sheet::Sheet;
use self::tabs::Tabs;
use crate::changing;
use crate::chart::{CARD, Charts, WIDE};
use crate::state::Page;
use crate::surface::Surface;
use crate::text;

/// All that is inside the document's body.
#[component]
pub fn App(
    /// The state.
    page: Page,
) -> impl IntoView {
    let request = page.request.get_untracked();
    // Only on the page of a group or of a metric are charts wide.
    let wide = request.explored || matches!(request.subject, Subject::Group(_));
    let points = if wide { WIDE } else { CARD };
    let apart = match request.surface() {
        Surface::Wall => APART_ON_WALLS,
        Surface::App | Surface::Frame => APART,
    };
    provide_context(Charts::new(page.language, page.header, points, apart));
    view! {
        {(request.surface() == Surface::App).then(|| controls(page))}
        <Sheet page/>
        <p class="sr" role="status">{changing::text(move || page.announcement.get())}</p>
    }
}

/// What stands above a page's content.
fn controls(page: Page) -> impl IntoView {
    view! {
        <a class="skip" href="#main">{text::SKIP.get(page.language)}</a>
        <Bar page/>
        <Tabs page/>
        <Banner page/>
    }
}

/// Whether a click is for the page itself: with a key held down a browser opens a link elsewhere.
pub(crate) fn is_plain(event: &MouseEvent) -> bool {
    !(event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key())
}

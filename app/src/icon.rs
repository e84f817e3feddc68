//! Shapes of states and icons of controls: references into the page's sprite.
//!
//! A state is told by its shape alone, without colour: disc, triangle, diamond, broken ring, square, cross.

use keiki_model::panel::State;
use keiki_model::target::Status;
use leptos::prelude::*;

/// The drawings, once per document. The hatching is what charts fill gaps with.
#[cfg(feature = "ssr")]
pub const SPRITE: &str = include_str!("sprite.svg");

/// The shape of a state; none where the data are live and nothing judges them.
pub fn shape_of(state: State, status: Option<Status>) -> &'static str {
    match (state, status) {
        (State::Live, None) => "",
        (State::Live, Some(status)) => status.as_str(),
        (state, _) => state.as_str(),
    }
}

/// The shape of a state, drawn.
pub fn shape(kind: impl Fn() -> &'static str + Copy + Send + Sync + 'static) -> AnyView {
    let class = move || match kind() {
        "ok" => "shape ok",
        "warn" => "shape warn",
        "bad" => "shape bad",
        "error" => "shape error",
        "" => "shape none",
        _ => "shape",
    };
    let drawing = move || match kind() {
        "ok" => r##"<use href="#s-ok"/>"##,
        "warn" => r##"<use href="#s-warn"/>"##,
        "bad" => r##"<use href="#s-bad"/>"##,
        "stale" => r##"<use href="#s-stale"/>"##,
        "empty" => r##"<use href="#s-empty"/>"##,
        "error" => r##"<use href="#s-error"/>"##,
        _ => "",
    };
    view! { <svg class=class aria-hidden="true" inner_html=drawing></svg> }.into_any()
}

/// An icon of the sprite.
pub fn icon(reference: &'static str) -> AnyView {
    view! { <svg class="icon" aria-hidden="true" inner_html=reference></svg> }.into_any()
}

/// Keiki's mark.
pub const LOGO: &str = r##"<use href="#i-logo"/>"##;
/// Two bars.
pub const PAUSE: &str = r##"<use href="#i-pause"/>"##;
/// A triangle to the right.
pub const PLAY: &str = r##"<use href="#i-play"/>"##;
/// A disc, half filled.
pub const HALF: &str = r##"<use href="#i-half"/>"##;
/// A sun.
pub const SUN: &str = r##"<use href="#i-sun"/>"##;
/// A crescent.
pub const MOON: &str = r##"<use href="#i-moon"/>"##;
/// An arrow head downwards.
pub const DOWN: &str = r##"<use href="#i-down"/>"##;

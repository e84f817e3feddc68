//! Shapes of states and icons of controls: references into the page's sprite.
//!
//! A state is told by its shape alone, without colour: disc, triangle, diamond, broken ring, square, cross.

use keiki_model::panel::State;
use keiki_model::target::Status;
use leptos::prelude::*;
use maud::{Markup, html};

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

/// A shape; nothing for a kind that has none.
pub fn shape(kind: &str) -> Markup {
    html! {
        @if !kind.is_empty() {
            svg class={ "shape " (kind) } aria-hidden="true" { use href={ "#s-" (kind) } {} }
        }
    }
}

/// What a shape is drawn by, twelve units wide and high, in the colour of the text: for pictures and pages that have no
/// sprite. Nothing for a kind that has none.
#[cfg(feature = "ssr")]
pub fn drawing(kind: &str) -> &'static str {
    let symbol = [r#"<symbol id="s-"#, kind, r#"" viewBox="0 0 12 12">"#].concat();
    let inside = SPRITE.split_once(symbol.as_str());
    let inside = inside.and_then(|(_, rest)| rest.split_once("</symbol>"));
    inside.map_or("", |(drawing, _)| drawing)
}

/// An icon of the sprite.
pub fn icon(reference: &'static str) -> impl IntoView {
    view! { <svg class="icon" aria-hidden="true" inner_html=reference></svg> }
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

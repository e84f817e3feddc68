//! Badges: one number for a README or a status page.

use keiki_model::panel::State;
use keiki_model::target::Status;
use maud::{PreEscaped, html};

use super::standalone::printable;
use crate::icon::{drawing, shape_of};

const FONT: &str = "system-ui,-apple-system,'Segoe UI','Noto Sans','Noto Sans JP','Hiragino Sans',sans-serif";

/// The width of a text of 11 px in a common sans-serif, generously.
fn width(text: &str) -> u32 {
    text.chars()
        .map(|c| match c {
            'i' | 'l' | 'j' | '.' | ',' | ' ' | ':' | '|' | '\'' => 4,
            'm' | 'w' | 'M' | 'W' | '%' | '@' => 10,
            c if c >= '\u{2e80}' => 12,
            _ => 7,
        })
        .sum()
}

/// A badge: a label, a value, and the colour of its state and judgement beside the shape that says the same. `note` is
/// said to who asks for more.
pub fn badge_svg(label: &str, value: &str, (state, status): (State, Option<Status>), note: &str) -> String {
    const HEIGHT: u32 = 20;
    let kind = shape_of(state, status);
    let (colour, ink) = match kind {
        "ok" => ("#1a7345", "#fff"),
        "warn" => ("#f0ab2e", "#14171b"),
        "bad" => ("#c81e2c", "#fff"),
        "error" => ("#8f2430", "#fff"),
        _ => ("#5b6573", "#fff"),
    };
    let shape = drawing(kind);
    let left = width(label) + 12;
    let icon = if shape.is_empty() { 0 } else { 14 };
    let right = width(value) + 12 + icon;
    let (total, text_at) = (left + right, left + 6 + icon);
    let half = left - 6;
    let edge = right.saturating_sub(3);
    let name = [label, ": ", value, if note.is_empty() { "" } else { " · " }, note].concat();
    printable(html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(total) height=(HEIGHT) role="img" aria-label=(name) {
            title { (name) }
            path fill="#2a313a" d={ "M3 0h" (left) "v20H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z" } {}
            path fill=(colour) d={ "M" (left) " 0h" (edge) "a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-" (edge) "z" } {}
            svg x=(left + 6) y="5" width="10" height="10" viewBox="0 0 12 12" fill=(ink) color=(ink) { (PreEscaped(shape)) }
            g font-family=(FONT) font-size="11" {
                text x="6" y="14" fill="#eceef1" textLength=(half - 6) lengthAdjust="spacingAndGlyphs" { (label) }
                text x=(text_at) y="14" fill=(ink) font-weight="600" textLength=(right - 12 - icon)
                    lengthAdjust="spacingAndGlyphs" { (value) }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_badge_is_well_formed_and_escaped() {
        let svg = badge_svg("a<b", "205 ms", (State::Live, Some(Status::Warn)), "");
        assert!(svg.contains("a&lt;b: 205 ms") && !svg.contains("a<b"));
        assert!(!svg.contains("style="));
        assert!(svg.contains("M6 .8 11.8 11H.2z"));
        assert_eq!(svg.matches('<').count(), svg.matches('>').count());
    }

    #[test]
    fn a_state_has_its_shape_and_no_judgement() {
        for state in [State::Stale, State::Empty, State::Error] {
            let shape = drawing(state.as_str());
            assert!(!shape.is_empty());
            let svg = badge_svg("p95", "—", (state, Some(Status::Ok)), "db can’t be read.");
            assert!(
                svg.contains(shape) && svg.contains("p95: — · db can’t be read."),
                "{svg}"
            );
            assert!(!svg.contains("#1a7345"), "{svg}");
        }
    }
}

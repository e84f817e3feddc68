//! Badges: one number for a README or a status page.

use keiki_model::target::Status;
use maud::{PreEscaped, html};

use super::standalone::printable;

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

/// A badge: a label, a value, and the colour of its judgement beside the shape that says the same.
pub fn badge_svg(label: &str, value: &str, status: Option<Status>) -> String {
    const HEIGHT: u32 = 20;
    let (colour, ink, shape) = match status {
        Some(Status::Ok) => ("#1a7345", "#fff", r#"<circle cx="6" cy="6" r="4"/>"#),
        Some(Status::Warn) => ("#f0ab2e", "#14171b", r#"<path d="M6 .8 11.8 11H.2z"/>"#),
        Some(Status::Bad) => ("#c81e2c", "#fff", r#"<path d="M6 0l6 6-6 6-6-6z"/>"#),
        None => ("#5b6573", "#fff", ""),
    };
    let left = width(label) + 12;
    let icon = if shape.is_empty() { 0 } else { 14 };
    let right = width(value) + 12 + icon;
    let (total, text_at) = (left + right, left + 6 + icon);
    let half = left - 6;
    let edge = right.saturating_sub(3);
    let name = [label, ": ", value].concat();
    printable(html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(total) height=(HEIGHT) role="img" aria-label=(name) {
            title { (name) }
            path fill="#2a313a" d={ "M3 0h" (left) "v20H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z" } {}
            path fill=(colour) d={ "M" (left) " 0h" (edge) "a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-" (edge) "z" } {}
            svg x=(left + 6) y="5" width="10" height="10" viewBox="0 0 12 12" fill=(ink) { (PreEscaped(shape)) }
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
        let svg = badge_svg("a<b", "205 ms", Some(Status::Warn));
        assert!(svg.contains("a&lt;b: 205 ms") && !svg.contains("a<b"));
        assert!(!svg.contains("style="));
        assert_eq!(svg.matches('<').count(), svg.matches('>').count());
    }
}

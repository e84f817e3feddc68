//! A panel as a picture of its own: it brings its colours, because no page's style sheet reaches it.

use keiki_model::chart::ChartModel;
use keiki_model::panel::ChartKind;
use maud::{Markup, PreEscaped, html};

use super::plot;
use crate::chart::frame::{fixed, moving, under};

/// The insets of the plot: left, top (with the title), right, bottom.
const INSETS: (u32, u32, u32, u32) = (52, 46, 60, 26);

/// The width of a letter of what is said, pixels; one of Japanese takes two.
const LETTER: u32 = 7;
/// The most lines that are said, and their height, pixels.
const LINES: usize = 5;
const LINE: u32 = 16;

/// The panel as a picture; `dark` is the theme, by default that of the reader. `said` are the sentences that stand where there
/// would be data.
pub fn standalone_svg(
    model: &ChartModel,
    title: &str,
    said: &[String],
    width: u32,
    height: u32,
    dark: Option<bool>,
) -> String {
    let (left, top, right, bottom) = INSETS;
    let (width, height) = (width.clamp(240, 4_000), height.clamp(120, 4_000));
    let (plot_width, plot_height) = (width - left - right, height - top - bottom);
    let scheme = match dark {
        Some(true) => "dark",
        Some(false) => "light",
        None => "light dark",
    };
    let kind = match model.kind {
        ChartKind::StackedArea => "o stack",
        ChartKind::Heat => "o heat",
        _ => "o",
    };
    let name = said.iter().fold([title, ": ", &model.label].concat(), |name, said| {
        [&name, ". ", said].concat()
    });
    let columns = (plot_width / LETTER) as usize;
    let said: Vec<_> = said
        .iter()
        .flat_map(|said| wrapped(said, columns))
        .take(LINES)
        .collect();
    let first = (left + plot_width / 2, top + plot_height / 2);
    let half = u32::try_from(said.len()).unwrap_or(0) * LINE / 2;
    let style = PreEscaped([":root{color-scheme:", scheme, "}", STYLE].concat());
    let svg = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(width) height=(height) viewBox={ "0 0 " (width) " " (height) }
            role="img" aria-label=(name) {
            title { (name) }
            style { (style) }
            pattern #hatch width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                path d="M0 0v6" {}
            }
            rect.plate width="100%" height="100%" {}
            text.title x="16" y="22" { (title) }
            text.label x="16" y="38" { (model.label) }
            svg class=(kind) x=(left) y=(top) width=(plot_width) height=(plot_height) {
                (under(model)) (PreEscaped(plot(model))) (fixed(model)) (moving(model))
            }
            @for (line, y) in said.iter().zip((first.1 - half + LINE..).step_by(LINE as usize)) {
                text.note x=(first.0) y=(y) { (line) }
            }
        }
    };
    printable(svg)
}

/// A text in lines of so many columns, broken between words, or within one that is longer than a line or has no end, as in
/// Japanese.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut line, mut used, mut space) = (String::new(), 0, None);
    for letter in text.chars() {
        let width = if letter.is_ascii() { 1 } else { 2 };
        if used + width > columns {
            let rest: String = space.map_or_else(String::new, |space: usize| line.split_off(space));
            lines.push(std::mem::replace(&mut line, rest.trim_start().to_owned()));
            used = line.chars().map(|letter| if letter.is_ascii() { 1 } else { 2 }).sum();
            space = None;
        }
        if letter == ' ' {
            space = Some(line.len());
        }
        line.push(letter);
        used += width;
    }
    lines.push(line);
    lines
}

/// The text of an XML document, where control characters are not allowed at all.
pub(super) fn printable(markup: Markup) -> String {
    markup.into_string().replace(|c: char| c.is_control() && c != '\n', "")
}

/// The tokens that a chart uses, and `style/chart.css` as far as a picture needs it. The values are those of
/// `style/tokens.css`; a test compares them.
const STYLE: &str = include_str!("standalone.css");

#[cfg(test)]
mod tests {
    use super::{STYLE, wrapped};

    #[test]
    fn what_is_said_is_broken_into_lines() {
        assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
        assert_eq!(wrapped("abcdefghijk", 4), ["abcd", "efgh", "ijk"]);
        assert_eq!(wrapped("計器は取得できません", 8), ["計器は取", "得できま", "せん"]);
        assert_eq!(wrapped("", 8), [""]);
    }

    #[test]
    fn the_picture_has_the_pages_colours() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../style/tokens.css");
        let tokens = std::fs::read_to_string(path).expect("the tokens are readable");
        let squeeze = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        let tokens = squeeze(&tokens);
        let declared = STYLE
            .split(['{', '}', ';'])
            .filter(|part| part.trim_start().starts_with("--"));
        let mut count = 0;
        for declaration in declared {
            assert!(
                tokens.contains(&squeeze(declaration)),
                "{declaration} is not in the tokens"
            );
            count += 1;
        }
        assert!(count > 20);
    }
}

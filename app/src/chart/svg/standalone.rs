//! A panel as a picture of its own: it brings its colours, because no page's style sheet reaches it.

use keiki_model::chart::ChartModel;
use keiki_model::panel::ChartKind;
use maud::{Markup, PreEscaped, html};

use super::plot;
use crate::chart::frame::{fixed, moving, under};

/// The insets of the plot: left, top (with the title), right, bottom.
const INSETS: (u32, u32, u32, u32) = (52, 46, 60, 26);

/// The panel as a picture; `dark` is the theme, by default that of the reader.
pub fn standalone_svg(model: &ChartModel, title: &str, width: u32, height: u32, dark: Option<bool>) -> String {
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
    let name = [title, ": ", &model.label].concat();
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
        }
    };
    printable(svg)
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
    use super::STYLE;

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

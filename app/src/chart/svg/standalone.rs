//! A panel as a picture of its own: it brings its colours, because no page's style sheet reaches it.

use std::fmt::Write as _;

use keiki_model::chart::{ChartModel, Role, percent};
use keiki_model::panel::ChartKind;

use super::plot;
use crate::chart::frame::{pointer, rug, tick_class};

/// The insets of the plot: left, top (with the title), right, bottom.
const INSETS: (u32, u32, u32, u32) = (52, 46, 60, 26);

/// Replaces what has a meaning in XML.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // Not allowed in XML at all.
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

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
        ChartKind::StackedArea => "stack",
        ChartKind::Heat => "heat",
        _ => "",
    };
    let (title, label) = (escape(title), escape(&model.label));
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" aria-label="{title}: {label}"><title>{title}: {label}</title><style>:root{{color-scheme:{scheme}}}{STYLE}</style><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M0 0v6"/></pattern><rect class="plate" width="100%" height="100%"/><text class="title" x="16" y="22">{title}</text><text class="label" x="16" y="38">{label}</text><svg class="o {kind}" x="{left}" y="{top}" width="{plot_width}" height="{plot_height}">"##
    );
    write_under(&mut svg, model);
    svg.push_str(&plot(model));
    write_over(&mut svg, model);
    svg.push_str("</svg></svg>");
    svg
}

fn write_under(svg: &mut String, model: &ChartModel) {
    svg.push_str(r#"<g class="grid">"#);
    for tick in model.y_ticks.iter().filter(|tick| tick.role == Role::Plain) {
        let y = percent(tick.at);
        let _ = write!(svg, r#"<line x2="100%" y1="{y}" y2="{y}"/>"#);
    }
    svg.push_str("</g>");
    for gap in &model.gaps {
        let (x, width) = (percent(gap.left), percent(gap.width));
        let _ = write!(svg, r#"<rect class="gap" x="{x}" width="{width}" height="100%"/>"#);
        if let Some(label) = &gap.label {
            let x = percent(gap.left + gap.width / 2.0);
            let _ = write!(
                svg,
                r#"<text class="note" x="{x}" y="50%" dy=".35em">{}</text>"#,
                escape(label)
            );
        }
    }
}

fn write_over(svg: &mut String, model: &ChartModel) {
    for tick in model
        .y_ticks
        .iter()
        .filter(|tick| tick.role != Role::Plain && !tick.beyond)
    {
        let class = if tick.role == Role::Target { "target" } else { "limit" };
        let y = percent(tick.at);
        let _ = write!(svg, r#"<line class="{class}" x2="100%" y1="{y}" y2="{y}"/>"#);
    }
    for mark in &model.marks {
        let x = percent(mark.left);
        let _ = write!(
            svg,
            r#"<line class="mark" x1="{x}" x2="{x}" y2="100%"/><svg class="o mark" x="{x}"><path d="M-4-7h8l-4 6z"/>"#
        );
        if mark.roomy {
            let _ = write!(svg, r#"<text x="7" y="-1">{}</text>"#, escape(mark.label));
        }
        svg.push_str("</svg>");
    }
    if let Some(marks) = rug(&model.rug) {
        let _ = write!(
            svg,
            r#"<svg class="rug" y="-8" height="6" viewBox="0 0 1000 1" preserveAspectRatio="none"><path d="{marks}"/></svg>"#
        );
    }
    svg.push_str(r#"<g class="axis">"#);
    for (class, stretch) in [("warn", model.warn), ("bad", model.bad)] {
        if let Some(stretch) = stretch {
            let (y, height) = (percent(stretch.top), percent(stretch.height));
            let _ = write!(
                svg,
                r#"<rect class="zone {class}" x="-3" width="2" y="{y}" height="{height}"/>"#
            );
        }
    }
    for tick in &model.y_ticks {
        let _ = write!(
            svg,
            r#"<svg class="{}" y="{}">"#,
            tick_class(tick.role),
            percent(tick.at)
        );
        if let Some(pointer) = pointer(tick) {
            let _ = write!(svg, r#"<path class="bug" d="{pointer}"/>"#);
        }
        let _ = write!(svg, r#"<text x="-9" dy=".35em">{}</text></svg>"#, escape(&tick.label));
    }
    if model.cut {
        svg.push_str(r#"<svg class="o" y="100%"><path class="broken" d="M-4-7l8-3M-4-3l8-3"/></svg>"#);
    }
    for tick in &model.x_ticks {
        let (x, label) = (percent(tick.at), escape(&tick.label));
        let _ = write!(
            svg,
            r#"<svg class="o" x="{x}" y="100%"><path d="M0 0v4"/><text class="x" y="15">{label}</text></svg>"#
        );
    }
    svg.push_str(r#"</g><g class="ends">"#);
    for end in &model.ends {
        let (class, y, text) = (end.class, percent(end.top), escape(&end.text));
        let _ = write!(
            svg,
            r#"<svg class="o {class}" x="100%" y="{y}"><path d="M4 0h7"/><text x="14" dy=".35em">{text}</text></svg>"#
        );
    }
    svg.push_str("</g>");
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

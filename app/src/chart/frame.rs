//! The frame of a chart as markup: what lies under the data and what lies over them.
//!
//! Positions are attributes in percent, so that a frame fits every width without a script. It is text and not a view,
//! because the same text is a page's HTML, what the browser puts in at a tick, and part of a picture of its own. What
//! changes at every tick is apart from what seldom changes.

use keiki_model::chart::{ChartModel, Role, Stretch, Tick, percent};

use super::path::{Path, whole};

/// Replaces what has a meaning in markup.
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

/// Appends all parts.
pub(super) fn put(text: &mut String, parts: &[&str]) {
    for part in parts {
        text.push_str(part);
    }
}

/// Grid, the stretch within the target, and gaps.
pub(super) fn under(model: &ChartModel) -> String {
    let mut svg = String::with_capacity(512);
    if let Some(Stretch { top, height }) = model.good {
        let (y, height) = (percent(top), percent(height));
        put(
            &mut svg,
            &[
                r#"<rect class="good" y=""#,
                &y,
                r#"" width="100%" height=""#,
                &height,
                r#""/>"#,
            ],
        );
    }
    for tick in model.y_ticks.iter().filter(|tick| tick.role == Role::Plain) {
        across(&mut svg, "grid", tick);
    }
    for gap in &model.gaps {
        let (x, width) = (percent(gap.left), percent(gap.width));
        put(
            &mut svg,
            &[
                r#"<rect class="gap" x=""#,
                &x,
                r#"" width=""#,
                &width,
                r#"" height="100%"/>"#,
            ],
        );
        if let Some(label) = &gap.label {
            let x = percent(gap.left + gap.width / 2.0);
            put(
                &mut svg,
                &[
                    r#"<text class="note" x=""#,
                    &x,
                    r#"" y="50%" dy=".35em">"#,
                    &escape(label),
                    "</text>",
                ],
            );
        }
    }
    svg
}

/// A line through the whole plot.
fn across(svg: &mut String, class: &str, tick: &Tick) {
    let y = percent(tick.at);
    put(
        svg,
        &[
            r#"<line class=""#,
            class,
            r#"" x2="100%" y1=""#,
            &y,
            r#"" y2=""#,
            &y,
            r#""/>"#,
        ],
    );
}

/// Levels and the vertical axis.
pub(super) fn fixed(model: &ChartModel) -> String {
    let mut svg = String::with_capacity(1_024);
    for tick in model.y_ticks.iter().filter(|tick| !tick.beyond) {
        match tick.role {
            Role::Plain => {}
            Role::Target => across(&mut svg, "target", tick),
            Role::Limit => across(&mut svg, "limit", tick),
        }
    }
    svg.push_str(r#"<g class="axis">"#);
    for (class, stretch) in [("warn", model.warn), ("bad", model.bad)] {
        if let Some(Stretch { top, height }) = stretch {
            let (y, height) = (percent(top), percent(height));
            put(
                &mut svg,
                &[
                    r#"<rect class="zone "#,
                    class,
                    r#"" x="-3" width="2" y=""#,
                    &y,
                    r#"" height=""#,
                    &height,
                ],
            );
            svg.push_str(r#""/>"#);
        }
    }
    for tick in &model.y_ticks {
        let (class, pointer) = match tick.role {
            Role::Plain => ("", None),
            Role::Target => (" is-target", Some(pointer(tick))),
            Role::Limit => (" is-limit", Some(pointer(tick))),
        };
        put(
            &mut svg,
            &[r#"<svg class="o"#, class, r#"" y=""#, &percent(tick.at), r#"">"#],
        );
        if let Some(pointer) = pointer {
            put(&mut svg, &[r#"<path class="bug" d=""#, pointer, r#""/>"#]);
        }
        put(
            &mut svg,
            &[r#"<text x="-9" dy=".35em">"#, &escape(&tick.label), "</text></svg>"],
        );
    }
    if model.cut {
        svg.push_str(r#"<svg class="o" y="100%"><path class="broken" d="M-4-7l8-3M-4-3l8-3"/></svg>"#);
    }
    svg.push_str("</g>");
    svg
}

/// The pointer of a level: at it, or towards where it lies beyond the axis.
fn pointer(tick: &Tick) -> &'static str {
    match tick.beyond {
        false => "M-6-4l6 4-6 4z",
        true if tick.at < 0.5 => "M-7 3h7l-3.5-6z",
        true => "M-7-3h7l-3.5 6z",
    }
}

/// Marks, the time axis, and the lines' names.
pub(super) fn moving(model: &ChartModel) -> String {
    let mut svg = String::with_capacity(1_024);
    for mark in &model.marks {
        let x = percent(mark.left);
        put(
            &mut svg,
            &[r#"<line class="mark" x1=""#, &x, r#"" x2=""#, &x, r#"" y2="100%"/>"#],
        );
        put(
            &mut svg,
            &[r#"<svg class="o mark" x=""#, &x, r#""><path d="M-4-7h8l-4 6z"/>"#],
        );
        if mark.roomy {
            put(&mut svg, &[r#"<text x="7" y="-1">"#, &escape(mark.label), "</text>"]);
        }
        svg.push_str("</svg>");
    }
    if let Some(ticks) = rug(&model.rug) {
        svg.push_str(r#"<svg class="rug" y="-8" height="6" viewBox="0 0 1000 1" preserveAspectRatio="none">"#);
        put(&mut svg, &[r#"<path d=""#, &ticks, r#""/></svg>"#]);
    }
    svg.push_str(r#"<g class="axis">"#);
    for tick in &model.x_ticks {
        put(
            &mut svg,
            &[
                r#"<svg class="o" x=""#,
                &percent(tick.at),
                r#"" y="100%"><path d="M0 0v4"/>"#,
            ],
        );
        put(
            &mut svg,
            &[r#"<text class="x" y="15">"#, &escape(&tick.label), "</text></svg>"],
        );
    }
    svg.push_str(r#"</g><g class="ends">"#);
    for end in &model.ends {
        put(
            &mut svg,
            &[
                r#"<svg class="o "#,
                end.class,
                r#"" x="100%" y=""#,
                &percent(end.top),
                r#"">"#,
            ],
        );
        put(
            &mut svg,
            &[
                r#"<path d="M4 0h7"/><text x="14" dy=".35em">"#,
                &escape(&end.text),
                "</text></svg>",
            ],
        );
    }
    svg.push_str("</g>");
    svg
}

/// Ticks at these places of a strip that is 1000 long and 1 high.
fn rug(places: &[f64]) -> Option<String> {
    let mut path = Path::default();
    for &place in places {
        path.start(whole(place, 1000.0), 0);
        path.raw("v1");
    }
    (!path.is_empty()).then(|| path.finish())
}

//! The frame of a chart as markup: what lies under the data and what lies over them.
//!
//! Positions are attributes in percent, so that a frame fits every width without a script. It is text and not a view,
//! because the same text is a page's HTML, what the browser puts in at a tick, and part of a picture of its own. What
//! changes at every tick is apart from what seldom changes.

use keiki_model::chart::{ChartModel, Role, Tick, percent};
use maud::{Markup, html};

use super::path::{HEIGHT, Path, areas, lines, whole};

/// A gap narrower than this has no room for its label on a phone; a share of the plot.
const NARROW: f64 = 0.42;

/// Grid, the stretch within the target, gaps, and what else lies beneath the lines.
pub(super) fn under(model: &ChartModel) -> Markup {
    html! {
        @if let Some(good) = model.good {
            rect class="good" y=(percent(good.top)) width="100%" height=(percent(good.height)) {}
        }
        @for tick in model.y_ticks.iter().filter(|tick| tick.role == Role::Plain) { (across("grid", tick)) }
        @for gap in &model.gaps {
            rect class="gap" x=(percent(gap.left)) width=(percent(gap.width)) height="100%" {}
            @if let Some(label) = &gap.label {
                text class=(if gap.width < NARROW { "note narrow" } else { "note" }) x=(percent(gap.left + gap.width / 2.0)) y="50%" dy=".35em" { (label) }
            }
        }
        @if !model.shades.is_empty() {
            svg class="plot" viewBox="0 0 1000 1000" preserveAspectRatio="none" {
                @for shade in &model.shades {
                    @let draw = if shade.kind == "band" { areas } else { lines };
                    path class={ (shade.kind) " " (shade.class) } d=(draw(&shade.points, HEIGHT).finish()) {}
                }
            }
        }
    }
}

/// A line through the whole plot.
fn across(class: &str, tick: &Tick) -> Markup {
    let y = percent(tick.at);
    html! { line class=(class) x2="100%" y1=(y) y2=(y) {} }
}

/// Levels and the vertical axis.
pub(super) fn fixed(model: &ChartModel) -> Markup {
    html! {
        @for tick in model.y_ticks.iter().filter(|tick| !tick.beyond) {
            @match tick.role {
                Role::Plain => {}
                Role::Target => { (across("target", tick)) }
                Role::Limit => { (across("limit", tick)) }
            }
        }
        g class="axis" {
            @for (class, stretch) in [("zone warn", model.warn), ("zone bad", model.bad)] {
                @if let Some(stretch) = stretch {
                    rect class=(class) x="-3" width="2" y=(percent(stretch.top)) height=(percent(stretch.height)) {}
                }
            }
            @for tick in &model.y_ticks {
                svg class=(tick_class(tick.role)) y=(percent(tick.at)) {
                    @if tick.role != Role::Plain { path class="bug" d=(pointer(tick)) {} }
                    text x="-9" dy=".35em" { (tick.label) } " "
                }
            }
            @if model.cut { svg class="o" y="100%" { path class="broken" d="M-4-7l8-3M-4-3l8-3" {} } }
        }
    }
}

/// The class of a tick of the vertical axis.
fn tick_class(role: Role) -> &'static str {
    match role {
        Role::Plain => "o",
        Role::Target => "o is-target",
        Role::Limit => "o is-limit",
    }
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
pub(super) fn moving(model: &ChartModel) -> Markup {
    html! {
        @for mark in &model.marks {
            @let x = percent(mark.left);
            line class="mark" x1=(x) x2=(x) y2="100%" {}
            svg class="o mark" x=(x) {
                path d="M-4-7h8l-4 6z" {}
                @if mark.roomy { text x="7" y="-1" { (mark.label) } }
            }
        }
        @if let Some(ticks) = rug(&model.rug) {
            svg class="rug" y="-8" height="6" viewBox="0 0 1000 1" preserveAspectRatio="none" { path d=(ticks) {} }
        }
        g class="axis" {
            @for tick in &model.x_ticks {
                svg class="o" x=(percent(tick.at)) y="100%" {
                    path d="M0 0v4" {}
                    text class="x" y="15" { (tick.label) } " "
                }
            }
        }
        g class="ends" {
            @for end in &model.ends {
                svg class={ "o " (end.class) } x="100%" y=(percent(end.top)) {
                    path d="M4 0h7" {}
                    text x="14" dy=".35em" { (end.text) } " "
                }
            }
        }
    }
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

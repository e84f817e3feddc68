//! The frame of a chart: what lies under the data and what lies over them.
//!
//! Positions are attributes in percent, so that a frame fits every width without a script. Each part is one reactive
//! closure that rebuilds in place; nothing is keyed, nothing is created per tick. Types are erased where parts meet: as one
//! type the frame would take the compiler minutes.

use keiki_model::chart::{Gap, Role, Stretch, Tick, percent};
use leptos::prelude::*;

use super::Drawn;
use super::path::{Path, whole};

/// Grid, the stretch within the target, and gaps.
pub(super) fn under(drawn: Drawn) -> AnyView {
    let model = drawn.model;
    let good = move || model.with(|model| model.good.map(|good| stretch("good", good)));
    let grid = move || {
        model.with(|model| {
            let plain = model.y_ticks.iter().filter(|tick| tick.role == Role::Plain);
            let line = |tick: &Tick| {
                let y = percent(tick.at);
                view! { <line x2="100%" y1=y.clone() y2=y></line> }
            };
            plain.map(line).collect::<Vec<_>>()
        })
    };
    let gaps = move || model.with(|model| model.gaps.iter().map(gap).collect::<Vec<_>>());
    view! {
        <svg class="under" aria-hidden="true">
            {good}
            <g class="grid">{grid}</g>
            {gaps}
        </svg>
    }
    .into_any()
}

fn stretch(class: &'static str, stretch: Stretch) -> impl IntoView + use<> {
    view! { <rect class=class y=percent(stretch.top) width="100%" height=percent(stretch.height)></rect> }
}

fn gap(gap: &Gap) -> impl IntoView + use<> {
    let middle = percent(gap.left + gap.width / 2.0);
    let label = gap
        .label
        .clone()
        .map(|label| view! { <text class="note" x=middle y="50%" dy=".35em">{label}</text> });
    view! {
        <rect class="gap" x=percent(gap.left) width=percent(gap.width) height="100%"></rect>
        {label}
    }
}

/// Levels, marks, axes, names, and the slot under the pointer.
pub(super) fn over(drawn: Drawn) -> AnyView {
    let model = drawn.model;
    let levels = move || {
        model.with(|model| {
            let levels = model
                .y_ticks
                .iter()
                .filter(|tick| tick.role != Role::Plain && !tick.beyond);
            let line = |tick: &Tick| {
                let class = if tick.role == Role::Target { "target" } else { "limit" };
                let y = percent(tick.at);
                view! { <line class=class x2="100%" y1=y.clone() y2=y></line> }
            };
            levels.map(line).collect::<Vec<_>>()
        })
    };
    let marks = move || {
        model.with(|model| {
            let mark = |mark: &keiki_model::chart::Mark| {
                let x = percent(mark.left);
                let label = mark.roomy.then(|| view! { <text x="7" y="-1">{mark.label}</text> });
                view! {
                    <line class="mark" x1=x.clone() x2=x.clone() y2="100%"></line>
                    <svg class="o mark" x=x><path d="M-4-7h8l-4 6z"></path>{label}</svg>
                }
            };
            model.marks.iter().map(mark).collect::<Vec<_>>()
        })
    };
    let zones = move || {
        model.with(|model| {
            (
                model.warn.map(|warn| zone("zone warn", warn)),
                model.bad.map(|bad| zone("zone bad", bad)),
            )
        })
    };
    let y_ticks = move || model.with(|model| model.y_ticks.iter().map(y_tick).collect::<Vec<_>>());
    let cut = move || {
        let cut = model.with(|model| model.cut);
        cut.then(|| view! { <svg class="o" y="100%"><path class="broken" d="M-4-7l8-3M-4-3l8-3"></path></svg> })
    };
    let x_ticks = move || model.with(|model| model.x_ticks.iter().map(x_tick).collect::<Vec<_>>());
    let ends = move || {
        model.with(|model| {
            let end = |end: &keiki_model::chart::End| {
                let class = ["o ", end.class].concat();
                view! {
                    <svg class=class x="100%" y=percent(end.top)>
                        <path d="M4 0h7"></path>
                        <text x="14" dy=".35em">{end.text.clone()}</text>
                    </svg>
                }
            };
            model.ends.iter().map(end).collect::<Vec<_>>()
        })
    };
    let rug = move || {
        let marks = model.with(|model| rug(&model.rug));
        marks.map(|marks| {
            view! {
                <svg class="rug" y="-8" height="6" viewBox="0 0 1000 1" preserveAspectRatio="none">
                    <path d=marks></path>
                </svg>
            }
        })
    };
    let cursor = move || drawn.cursor().map(percent);
    let shown = move || {
        if drawn.cursor().is_some() {
            "cursor"
        } else {
            "cursor gone"
        }
    };
    view! {
        <svg class="over" aria-hidden="true">
            {levels} {marks} {rug} <g class="axis">{zones} {y_ticks} {cut} {x_ticks}</g> <g class="ends">{ends}</g>
            <line class=shown x1=cursor x2=cursor y2="100%"></line>
        </svg>
    }
    .into_any()
}

fn zone(class: &'static str, stretch: Stretch) -> impl IntoView + use<> {
    view! { <rect class=class y=percent(stretch.top) height=percent(stretch.height)></rect> }
}

/// The pointer of a level: at it, or towards where it lies beyond the axis.
pub(super) fn pointer(tick: &Tick) -> Option<&'static str> {
    match (tick.role, tick.beyond) {
        (Role::Plain, _) => None,
        (_, false) => Some("M-6-4l6 4-6 4z"),
        (_, true) if tick.at < 0.5 => Some("M-7 3h7l-3.5-6z"),
        (_, true) => Some("M-7-3h7l-3.5 6z"),
    }
}

/// The class of a tick of the vertical axis.
pub(super) fn tick_class(role: Role) -> &'static str {
    match role {
        Role::Plain => "o",
        Role::Target => "o is-target",
        Role::Limit => "o is-limit",
    }
}

fn y_tick(tick: &Tick) -> impl IntoView + use<> {
    view! {
        <svg class=tick_class(tick.role) y=percent(tick.at)>
            {pointer(tick).map(|pointer| view! { <path class="bug" d=pointer></path> })}
            <text x="-9" dy=".35em">{tick.label.clone()}</text>
        </svg>
    }
}

fn x_tick(tick: &Tick) -> impl IntoView + use<> {
    view! {
        <svg class="o" x=percent(tick.at) y="100%">
            <path d="M0 0v4"></path>
            <text class="x" y="15">{tick.label.clone()}</text>
        </svg>
    }
}

/// Ticks at these places of a strip that is 1000 long and 1 high.
pub(super) fn rug(places: &[f64]) -> Option<String> {
    let mut path = Path::default();
    for &place in places {
        path.start(whole(place, 1000.0), 0);
        path.raw("v1");
    }
    (!path.is_empty()).then(|| path.finish())
}

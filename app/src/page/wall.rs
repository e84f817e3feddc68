//! The wall: the groups' states and leading figures for those who stand four metres away. There is nothing to press.

use std::sync::Arc;

use keiki_model::format;
use keiki_model::panel::{PanelSnapshot, Stat, StatSpec, State};
use keiki_model::target::Status;
use keiki_model::time::SECOND;
use leptos::prelude::*;
use maud::{Markup, html};

use crate::changing::{self, Changing};
use crate::icon::{shape, shape_of};
use crate::panel::head::{lacking, reason, since};
use crate::panel::shown_state;
use crate::panel::stat::Figure;
use crate::state::{Link, Page, PanelStore};
use crate::text;

/// A part of the wall; nothing on other pages.
pub fn part(page: Page, draw: fn(Page, &[Arc<PanelSnapshot>]) -> Markup) -> Changing<String> {
    let wall = page.fixed.get_value().wall.is_some();
    changing::markup(move || {
        if wall {
            draw(page, &panels(page))
        } else {
            html! {}
        }
    })
}

/// What the wall shows now, in its order.
fn panels(page: Page) -> Vec<Arc<PanelSnapshot>> {
    in_order(page).iter().map(|store| store.snapshot.get()).collect()
}

/// The panels of the page, as a wall orders them.
pub fn in_order(page: Page) -> Vec<PanelStore> {
    let stores = page.panels.get();
    let wished = page.fixed.get_value().wall.clone().unwrap_or_default().groups;
    if wished.is_empty() {
        return stores.to_vec();
    }
    let of = |id: &str| stores.iter().find(|store| store.spec.group == id).cloned();
    wished.iter().filter_map(|group| of(group.id())).collect()
}

/// How much a group wants to be looked at.
fn urgency(state: State, status: Option<Status>) -> u8 {
    match (state, status) {
        (State::Live, Some(Status::Bad)) => 3,
        (State::Error, _) => 2,
        (State::Stale, _) | (State::Live, Some(Status::Warn)) => 1,
        _ => 0,
    }
}

/// The most urgent, the first of equals; nothing where there is no group.
fn worst(page: Page, panels: &[Arc<PanelSnapshot>]) -> Option<(usize, u8)> {
    let urgencies = panels
        .iter()
        .map(|panel| urgency(shown_state(page, panel), panel.status));
    urgencies
        .enumerate()
        .reduce(|worst, one| if one.1 > worst.1 { one } else { worst })
}

/// Which group stands alone now, if the wall shows one at a time: by the server's clock, so that walls side by side turn
/// together; as it runs on between the events of a long window, which come less often than it turns. While one is critical
/// it stays.
fn spot(page: Page, panels: &[Arc<PanelSnapshot>]) -> Option<usize> {
    let seconds = page.fixed.get_value().wall.as_ref()?.rotate?;
    match worst(page, panels) {
        Some((place, 3)) => Some(place),
        _ => {
            let turn = page.time.get() / (i64::from(seconds) * SECOND);
            Some(usize::try_from(turn).unwrap_or(0) % panels.len().max(1))
        }
    }
}

/// Whether a panel makes way for another one.
pub fn is_away(page: Page, id: &str) -> bool {
    let panels = panels(page);
    spot(page, &panels).is_some_and(|spot| panels.get(spot).is_some_and(|panel| panel.spec.id != id))
}

/// The figure that stands for a group: the first that misses its target by most, else the last of the lead panel's own that
/// has a target, else its first; one that something is known of, if there is one.
pub fn leading(panel: &PanelSnapshot) -> usize {
    let stats = panel.spec.stats.iter().zip(&panel.stats).enumerate();
    let rank = |(at, (spec, stat)): &(usize, (&StatSpec, &Stat))| {
        let (own, known, judged) = (spec.of.is_none(), stat.value.is_some(), spec.goal.is_some());
        match stat.status {
            Some(Status::Bad) => (6, !at),
            Some(Status::Warn) => (5, !at),
            _ if own && known && judged => (4, *at),
            _ if own && known => (3, !at),
            _ if own && judged => (2, *at),
            _ if own => (1, !at),
            _ => (0, !at),
        }
    };
    stats.max_by_key(rank).map_or(0, |(at, _)| at)
}

/// A figure; a dash where it is no longer true: grey is not seen from afar.
fn value(page: Page, panel: &PanelSnapshot, at: usize) -> Markup {
    let figure = Figure::new(page, panel, at).unwrap_or_default();
    html! {
        data { (figure.text.figure) }
        span class="unit" { (figure.text.unit) }
    }
}

/// Whose wall it is, how all of it is, and the clock of the stream: a wall that stands still shows it.
pub fn head(page: Page, panels: &[Arc<PanelSnapshot>]) -> Markup {
    let language = page.language;
    let clock = page.clock.get();
    let time = page.hms(clock);
    let (minutes, seconds) = time.split_at_checked(5).unwrap_or((&time, ""));
    let lost = page.link.get() == Some(Link::Lost);
    let state = worst(page, panels).and_then(|(place, worst)| {
        let panel = &panels[place];
        let shown = (shown_state(page, panel), panel.status);
        let like = |panel: &&Arc<PanelSnapshot>| urgency(shown_state(page, panel), panel.status) == worst;
        let count = panels.iter().filter(like).count();
        let word = text::state(shown.0, shown.1)?.get(language);
        Some((
            shape_of(shown.0, shown.1),
            if worst == 0 {
                word.to_owned()
            } else {
                text::times(word, count, language)
            },
        ))
    });
    let age = match page.link.get() {
        None => text::as_of(&time, language),
        Some(_) => format::age((page.time.get() - clock).max(0), language),
    };
    let services = page.header.get().services.join(", ");
    html! {
        h2 { (if services.is_empty() { text::KEIKI.get(language) } else { &services }) }
        @if let Some((kind, word)) = state { p class="state" data-status=(kind) { (shape(kind)) (word) } }
        p class="fresh" {
            @if lost { (shape("stale")) (text::RECONNECTING.get(language)) " " } @else { i class="beat" {} }
            (age)
        }
        time { (minutes) small { (seconds) } }
    }
}

/// What is not normal, and why.
pub fn foot(page: Page, panels: &[Arc<PanelSnapshot>]) -> Markup {
    let language = page.language;
    let shown = |wanted: u8| {
        let panels = panels.iter().map(|panel| (panel, shown_state(page, panel)));
        // Also where nothing is wrong but that a part is missing.
        let weight = |panel: &PanelSnapshot, state| urgency(state, panel.status).max(u8::from(panel.failure.is_some()));
        panels.filter(move |(panel, state)| weight(panel, *state) == wanted)
    };
    // The most urgent first.
    let wrong: Vec<_> = (1..=3).rev().flat_map(shown).collect();
    let quiet = wrong.is_empty();
    let why = |panel: &PanelSnapshot, state| match state {
        State::Live => reason(panel, language),
        State::Stale => since(page, panel),
        State::Empty | State::Error => None,
    };
    html! {
        @for (panel, state) in wrong {
            span {
                (shape(shape_of(state, panel.status)))
                b { (page.title_of(&panel.spec)) }
                em { (why(panel, state).unwrap_or_default()) }
                @if let Some(lacking) = lacking(page, panel).filter(|_| state != State::Stale) {
                    @if state == State::Live { (shape(shape_of(State::Error, None))) }
                    em { (lacking) }
                }
            }
        }
        @if quiet {
            small { (text::chart(text::KEIKI.get(language), page.fixed.get_value().window, language)) }
        }
    }
}

/// All groups in a row, while one of them stands alone.
pub fn rail(page: Page, panels: &[Arc<PanelSnapshot>]) -> Markup {
    let spot = spot(page, panels);
    html! {
        @if spot.is_some() {
            @for (place, panel) in panels.iter().enumerate() {
                @let state = shown_state(page, panel);
                li data-state=(state.as_str()) data-status=[panel.status.map(Status::as_str)]
                    aria-current=[(spot == Some(place)).then_some("true")] {
                    i { (shape(shape_of(state, panel.status))) }
                    div {
                        (page.title_of(&panel.spec))
                        small { @if let Some(word) = text::state(state, panel.status) { (word.get(page.language)) } }
                    }
                    b { (value(page, panel, leading(panel))) }
                }
            }
        }
    }
}

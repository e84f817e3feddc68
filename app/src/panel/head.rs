//! A panel's header: title, state with its reason, age.

use std::sync::Arc;

use keiki_model::format::{self, Scale};
use keiki_model::group::Group;
use keiki_model::panel::{PanelSnapshot, State};
use keiki_model::target::{Direction, Status};
use keiki_model::text::Language;
use keiki_model::view::Subject;
use leptos::prelude::*;
use maud::html;

use super::Place;
use crate::changing;
use crate::icon::{shape, shape_of};
use crate::state::Page;
use crate::text;

/// The group of panels of any metric, which belong to no group's page.
const EXPLORED: &str = "explore";

/// The header.
#[component]
pub fn Head(
    /// The state of the page.
    page: Page,
    /// The panel.
    panel: RwSignal<Arc<PanelSnapshot>>,
    /// The state of its data as it is shown.
    state: Memo<State>,
    /// Where the panel stands.
    place: Place,
) -> impl IntoView {
    let language = page.language;
    let spec = Arc::clone(&panel.get_untracked().spec);
    let status = changing::markup(move || {
        let (panel, state) = (panel.get(), state.get());
        let reason = match state {
            State::Live => reason(&panel, language),
            State::Stale => since(page, &panel),
            State::Empty | State::Error => None,
        };
        // What is explored needs no setting up: it has come, if not in this time.
        let word = match state {
            State::Empty if panel.spec.group == EXPLORED => Some(text::NOTHING_CAME),
            // From afar a blank says nothing.
            State::Live if place == Place::Tile && panel.status.is_none() => Some(text::NO_TARGET),
            _ => text::state(state, panel.status),
        };
        html! {
            (shape(shape_of(state, panel.status)))
            @if let Some(word) = word { (word.get(language)) }
            span { (reason.unwrap_or_default()) }
            @if let (State::Live, Some(lacking)) = (state, lacking(page, &panel)) {
                (shape(shape_of(State::Error, None)))
                span { (lacking) }
            }
        }
    });
    let age = changing::markup(move || {
        // Of a page that stands still, by its own wish or for want of scripts, the age would be that of a moment past.
        let age = |newest| match page.link.get().filter(|_| !page.paused.get()) {
            None => text::as_of(&page.hms(newest), language),
            Some(_) => format::age((page.time.get() - newest).max(0), language),
        };
        let age = panel.get().newest.map(age);
        html! { (age.unwrap_or_default()) }
    });
    // A card leads to its group.
    let group = Group::from_id(&spec.group).filter(|_| place == Place::Card);
    let named = page.title_of(&spec);
    let title = changing::markup(move || match group {
        Some(group) => html! { a href=(page.request.get().to(Subject::Group(group))) { (named) } },
        None => html! { (named) },
    });
    let other = changing::flag(move || !panel.get().itself);
    let itself = changing::text(move || {
        if panel.get().itself {
            text::ITSELF.get(language)
        } else {
            ""
        }
        .to_owned()
    });
    view! {
        <header>
            <h2 id=spec.id.clone() title=spec.help.get(language).to_owned() inner_html=title></h2>
            <p class="status" inner_html=status></p>
            <span class="itself" hidden=other>{itself}</span>
            <span class="age" inner_html=age></span>
        </header>
    }
}

/// Since when nothing new has come to a panel.
pub fn since(page: Page, panel: &PanelSnapshot) -> Option<String> {
    let moment = |newest| page.header.get().zone.moment(newest, page.clock.get());
    panel.newest.map(|newest| text::since(&moment(newest), page.language))
}

/// Which source a panel lacks, and since when.
pub fn lacking(page: Page, panel: &PanelSnapshot) -> Option<String> {
    let failure = panel.failure.as_ref()?;
    Some(text::failed(
        failure,
        &page.header.get().zone,
        page.clock.get(),
        page.language,
    ))
}

/// Why a panel is not normal: the first of its figures with the panel's own judgement, and by how much it is off.
pub fn reason(panel: &PanelSnapshot, language: Language) -> Option<String> {
    let status = panel.status.filter(|status| *status != Status::Ok)?;
    let mut stats = panel.spec.stats.iter().zip(&panel.stats);
    let Some((spec, stat)) = stats.find(|(_, stat)| stat.status == Some(status)) else {
        let mut cells = panel.rows.iter().flat_map(|row| &row.cells);
        let in_a_row = cells.any(|cell| cell.status == Some(status));
        let why = if in_a_row { text::IN_A_ROW } else { text::ELSEWHERE };
        return Some(why.get(language).to_owned());
    };
    let (goal, value) = (spec.goal.as_ref()?, stat.value?);
    let scale = Scale::of_stat(&panel.spec, spec, stat.limit);
    let over = goal.direction == Direction::Below;
    let label = spec.label.get(language);
    if let (Status::Bad, Some(limit)) = (status, goal.allowed) {
        let limit = format::Formatted {
            figure: scale.level(limit),
            unit: scale.unit(language).to_owned(),
        };
        return Some(text::reason(label, &limit.joined(language), over, true, language));
    }
    let distance = scale.distance(value, goal);
    let distance = distance.trim_start_matches(['+', '−', '±']);
    let points = match language {
        Language::Ja => "ポイント",
        Language::En => " points",
    };
    let distance = match distance.strip_suffix(" pt") {
        Some(figure) => [figure, points].concat(),
        None => distance.to_owned(),
    };
    Some(text::reason(label, &distance, over, false, language))
}

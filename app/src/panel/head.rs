//! A panel's header: title, state with its reason, age.

use std::sync::Arc;

use keiki_model::format::{self, Scale};
use keiki_model::group::Group;
use keiki_model::panel::{PanelSnapshot, PanelSpec, State};
use keiki_model::target::{Direction, Status};
use keiki_model::text::Language;
use keiki_model::view::Subject;
use leptos::either::Either;
use leptos::prelude::*;

use super::Place;
use crate::changing;
use crate::icon::{shape, shape_of};
use crate::state::Page;
use crate::text;

/// The header.
#[component]
pub fn Head(
    /// The state of the page.
    page: Page,
    /// The panel.
    panel: Signal<Arc<PanelSnapshot>>,
    /// The state of its data as it is shown.
    state: Memo<State>,
    /// Where the panel stands.
    place: Place,
) -> impl IntoView {
    let language = page.language;
    let spec = Arc::clone(&panel.get_untracked().spec);
    let kind = move || shape_of(state.get(), panel.get().status);
    let word = changing::text(move || {
        let word = text::state(state.get(), panel.get().status);
        word.map(|word| word.get(language)).unwrap_or_default().to_owned()
    });
    let reason = changing::text(move || {
        let panel = panel.get();
        let reason = match state.get() {
            State::Live => reason(&panel, language),
            State::Stale => panel.newest.map(|newest| text::since(&page.hms(newest), language)),
            State::Empty | State::Error => None,
        };
        reason.unwrap_or_default()
    });
    let age = changing::text(move || {
        let age = |newest| match page.link.get() {
            None => text::as_of(&page.hms(newest), language),
            Some(_) => format::age((page.time.get() - newest).max(0), language),
        };
        panel.get().newest.map(age).unwrap_or_default()
    });
    let other = changing::flag(move || !panel.get().itself);
    view! {
        <header>
            <h2 id=spec.id.clone() title=spec.help.get(language).to_owned()>{title(page, &spec, place)}</h2>
            <p class="status">{shape(kind)}{word}<span>{reason}</span></p>
            <span class="itself" hidden=other>{text::ITSELF.get(language)}</span>
            <span class="age" inner_html=age></span>
        </header>
    }
}

/// A card leads to its group.
fn title(page: Page, spec: &PanelSpec, place: Place) -> impl IntoView + use<> {
    let title = page.title_of(spec);
    match (place, Group::from_id(&spec.group)) {
        (Place::Card, Some(group)) => Either::Left(view! { <a href=page.link_to(Subject::Group(group))>{title}</a> }),
        _ => Either::Right(title),
    }
}

/// Why a panel is not normal: the first of its figures with the panel's own judgement, and by how much it is off.
pub fn reason(panel: &PanelSnapshot, language: Language) -> Option<String> {
    let status = panel.status.filter(|status| *status != Status::Ok)?;
    let (spec, stat) = panel
        .spec
        .stats
        .iter()
        .zip(&panel.stats)
        .find(|(_, stat)| stat.status == Some(status))?;
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
    let distance = distance.replace(" pt", points);
    Some(text::reason(label, &distance, over, false, language))
}

//! A panel's header: title, state with its reason, age.

use std::sync::Arc;

use keiki_model::format::{self, Scale};
use keiki_model::group::Group;
use keiki_model::panel::{PanelSnapshot, PanelSpec, State};
use keiki_model::target::{Direction, Status};
use keiki_model::text::Language;
use keiki_model::view::Subject;
use leptos::prelude::*;

use super::Place;
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
    let spec = panel.with_untracked(|panel| Arc::clone(&panel.spec));
    let judged = Memo::new(move |_| (state.get(), panel.with(|panel| panel.status)));
    let kind = move || {
        let (state, status) = judged.get();
        shape_of(state, status)
    };
    let word = move || {
        let (state, status) = judged.get();
        text::state(state, status)
            .map(|word| word.get(language))
            .unwrap_or_default()
    };
    let reason = Memo::new(move |_| match state.get() {
        State::Live => panel.with(|panel| reason(panel, language)),
        State::Stale => panel.with(|panel| panel.newest.map(|newest| text::since(&page.hms(newest), language))),
        State::Empty | State::Error => None,
    });
    let itself = move || {
        let itself = panel.with(|panel| panel.itself);
        itself.then(|| view! { <span class="itself">{text::ITSELF.get(language)}</span> })
    };
    // Two elements, not one with another text: what only appears moves nothing.
    let hydrated = Memo::new(move |_| page.link.get().is_some());
    let newest = move || panel.with(|panel| panel.newest);
    let as_of = move || {
        newest()
            .map(|newest| text::as_of(&page.hms(newest), language))
            .unwrap_or_default()
    };
    let age = move || {
        let newest = newest().filter(|_| hydrated.get());
        newest
            .map(|newest| format::age((page.time.get() - newest).max(0), language))
            .unwrap_or_default()
    };
    view! {
        <header>
            <h2 id=spec.id.clone() title=spec.help.get(language).to_owned()>{title(page, &spec, place)}</h2>
            {itself}
            <p class="status">{shape(kind)}{word}<span>{move || reason.get().unwrap_or_default()}</span></p>
            <span class="age" hidden=hydrated>{as_of}</span>
            <span class="age" hidden=move || !hydrated.get()>{age}</span>
        </header>
    }
}

/// A card leads to its group.
fn title(page: Page, spec: &PanelSpec, place: Place) -> AnyView {
    let title = page.title_of(spec);
    match (place, Group::from_id(&spec.group)) {
        (Place::Card, Some(group)) => {
            let href = move || page.request.with(|request| request.to(Subject::Group(group)));
            view! { <a href=href>{title}</a> }.into_any()
        }
        _ => title.into_any(),
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
        let limit = scale.format(Some(limit), language).joined(language);
        return Some(text::reason(label, &limit, over, true, language));
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

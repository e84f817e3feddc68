//! The group strip: a tab per group with the shape and, where something is not normal, the word of its state.

use keiki_model::group::Group;
use keiki_model::panel::State;
use keiki_model::target::Status;
use keiki_model::view::Subject;
use leptos::prelude::*;

use crate::icon::{shape, shape_of};
use crate::state::Page;
use crate::text;

/// The group strip.
#[component]
pub fn Tabs(
    /// The state.
    page: Page,
) -> impl IntoView {
    let language = page.language;
    let subject = page.request.with_untracked(|request| request.subject.clone());
    let overview = move || page.request.with(|request| request.to(Subject::Overview));
    let current = (subject == Subject::Overview).then_some("page");
    let groups = page.fixed.with_value(|fixed| fixed.groups.clone());
    let tabs = groups.into_iter().filter_map(|(id, title)| {
        let group = Group::from_id(&id)?;
        Some(tab(
            page,
            group,
            title.get(language).to_owned(),
            subject == Subject::Group(group),
        ))
    });
    view! {
        <div class="tabs">
            <nav aria-label=text::GROUPS.get(language)>
                <a href=overview aria-current=current>{text::OVERVIEW.get(language)}</a>
                {tabs.collect_view()}
            </nav>
        </div>
    }
}

fn tab(page: Page, group: Group, title: String, chosen: bool) -> AnyView {
    let state = Memo::new(move |_| {
        page.header.with(|header| {
            let summary = header.groups.iter().find(|summary| summary.id == group.id());
            summary.map_or((State::Empty, None), |summary| (summary.state, summary.status))
        })
    });
    let kind = move || {
        let (state, status) = state.get();
        shape_of(state, status)
    };
    // What is normal stays quiet: the word is for those who don't see the shape.
    let class = move || match state.get() {
        (State::Live, Some(Status::Warn | Status::Bad)) | (State::Stale | State::Error, _) => "word",
        _ => "sr",
    };
    let word = move || {
        let (state, status) = state.get();
        text::state(state, status)
            .map(|word| word.get(page.language))
            .unwrap_or_default()
    };
    let href = move || page.request.with(|request| request.to(Subject::Group(group)));
    view! {
        <a href=href data-status=kind aria-current=chosen.then_some("page")>
            {shape(kind)}
            {title}
            " "
            <b class=class>{word}</b>
        </a>
    }
    .into_any()
}

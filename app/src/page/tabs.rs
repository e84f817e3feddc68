//! The group strip: a tab per group with the shape and, where something is not normal, the word of its state.

use keiki_model::group::Group;
use keiki_model::panel::State;
use keiki_model::target::Status;
use keiki_model::view::Subject;
use leptos::prelude::*;
use maud::html;

use crate::changing;
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
    let subject = page.request.get_untracked().subject.clone();
    let current = (subject == Subject::Overview).then_some("page");
    let fixed = page.fixed.get_value();
    let tabs = fixed.groups.iter().filter_map(|(id, title)| {
        let group = Group::from_id(id)?;
        let chosen = subject == Subject::Group(group);
        Some(tab(page, group, title.get(language).to_owned(), chosen))
    });
    let tabs: Vec<_> = tabs.collect();
    view! {
        <div class="tabs">
            <nav aria-label=text::GROUPS.get(language)>
                <a href=page.link_to(Subject::Overview) aria-current=current>{text::OVERVIEW.get(language)}</a>
                {tabs}
            </nav>
        </div>
    }
}

fn tab(page: Page, group: Group, title: String, chosen: bool) -> impl IntoView {
    let state = move || {
        let header = page.header.get();
        let summary = header.groups.iter().find(|summary| summary.id == group.id());
        summary.map_or((State::Empty, None, false), |summary| {
            (summary.state, summary.status, summary.lacks)
        })
    };
    let told = changing::markup(move || {
        let (state, status, lacks) = state();
        // What is normal stays quiet: the word is for those who don't see the shape.
        let loud = matches!(
            (state, status),
            (State::Live, Some(Status::Warn | Status::Bad)) | (State::Stale | State::Error, _)
        );
        let word = text::state(state, status).map(|word| word.get(page.language));
        html! {
            i class="mark" { (shape(shape_of(state, status))) }
            (title) " "
            b class=(if loud { "word" } else { "sr" }) { (word.unwrap_or_default()) } " "
            @if lacks {
                (shape(shape_of(State::Error, None)))
                b class="sr" { (text::LACKS.get(page.language)) } " "
            }
        }
    });
    let href = page.link_to(Subject::Group(group));
    let status = changing::text(move || {
        let (state, status, _) = state();
        shape_of(state, status).to_owned()
    });
    view! { <a href=href data-status=status aria-current=chosen.then_some("page") inner_html=told></a> }
}

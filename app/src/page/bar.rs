//! The top strip: what is watched, over which window, how the stream is doing, language, colours, the clock.

use keiki_model::text::Language;
use keiki_model::view::Subject;
use leptos::ev::MouseEvent;
use leptos::prelude::*;

use crate::changing;
use crate::icon::{HALF, LOGO, MOON, PAUSE, PLAY, SUN, icon};
use crate::page::is_plain;
use crate::request::{PageRequest, Theme};
use crate::state::{Link, Page};
use crate::text::{self, Message};

/// The top strip.
#[component]
pub fn Bar(
    /// The state.
    page: Page,
) -> impl IntoView {
    let language = page.language;
    let services = move || {
        let (header, request) = (page.header.get(), page.request.get());
        let names = header.services.iter().chain(request.scope.hosts.iter());
        names.map(String::as_str).collect::<Vec<_>>().join(", ")
    };
    let sources = changing::text(move || text::sources(page.header.get().sources, language));
    let missing = changing::attribute(move || {
        let (up, all) = page.header.get().sources;
        (up < all).then(|| "warn".to_owned())
    });
    let clock = changing::text(move || page.hms(page.clock.get()));
    let zone = changing::text(move || page.header.get().zone.name.clone());
    let windows = PageRequest::WINDOWS.map(|window| window_link(page, window));
    let languages = Language::ALL.map(|other| language_link(page, other));
    let themes = Theme::ALL.map(|theme| theme_link(page, theme));
    view! {
        <header class="bar">
            <a class="brand" href=page.link_to(Subject::Overview)>{icon(LOGO)}<b>{text::KEIKI.get(language)}</b></a>
            <p class="service" title=changing::text(services)>{changing::text(services)}</p>
            <nav class="seg windows" aria-label=text::WINDOW.get(language)>{windows}</nav>
            <LiveButton page/>
            <p class="sources" data-status=missing>{sources}</p>
            <nav class="seg lang" aria-label=text::LANGUAGE.get(language)>{languages}</nav>
            <nav class="seg theme" aria-label=text::THEME.get(language)>{themes}</nav>
            <p class="clock">{clock}<small>{zone}</small></p>
        </header>
    }
}

fn window_link(page: Page, window: u32) -> impl IntoView {
    let href = page.link(move |request| request.window = window);
    let chosen = page.request.get_untracked().window == window;
    view! { <a href=href data-seconds=window.to_string() aria-current=chosen.then_some("true")>{text::window(window, page.language)}</a> }
}

fn language_link(page: Page, language: Language) -> impl IntoView {
    let href = page.link(move |request| {
        request.language = language;
        request.language_chosen = true;
    });
    let name = match language {
        Language::Ja => "日本語",
        Language::En => "EN",
    };
    let chosen = (language == page.language).then_some("true");
    view! { <a href=href lang=language.tag() hreflang=language.tag() aria-current=chosen>{name}</a> }
}

/// A plain link; in the browser it changes the colours where the page stands.
fn theme_link(page: Page, theme: Theme) -> impl IntoView {
    let (name, drawing): (Message, _) = match theme {
        Theme::Auto => (text::AUTO, HALF),
        Theme::Light => (text::LIGHT, SUN),
        Theme::Dark => (text::DARK, MOON),
    };
    let name = name.get(page.language);
    let href = page.link(move |request| request.theme = theme);
    let chosen = changing::attribute(move || (page.request.get().theme == theme).then(|| "true".to_owned()));
    let choose = move |event: MouseEvent| {
        if is_plain(&event) {
            event.prevent_default();
            page.change(|request| request.theme = theme);
        }
    };
    view! { <a href=href title=name aria-label=name aria-current=chosen on:click=choose>{icon(drawing)}</a> }
}

/// Shows how the stream is doing; a press stops or resumes the painting.
#[component]
fn LiveButton(page: Page) -> impl IntoView {
    let language = page.language;
    let word = changing::text(move || {
        let message = match (page.paused.get(), page.link.get()) {
            (true, _) => text::PAUSED,
            (false, Some(Link::Live)) => text::LIVE,
            (false, Some(Link::Connecting)) => text::CONNECTING,
            (false, Some(Link::Lost)) => text::RECONNECTING,
            // Without scripts it never connects.
            (false, None) => return String::new(),
        };
        message.get(language).to_owned()
    });
    let step = page.fixed.get_value().step;
    let detail = changing::text(move || match (page.paused.get(), page.link.get()) {
        (true, _) | (false, None) => text::as_of(&page.hms(page.clock.get()), language),
        (false, Some(Link::Live)) => text::every(step, language),
        (false, _) => String::new(),
    });
    let title = changing::text(move || {
        let message = if page.paused.get() { text::RESUME } else { text::PAUSE };
        message.get(language).to_owned()
    });
    let drawing = changing::text(move || if page.paused.get() { PLAY } else { PAUSE }.to_owned());
    let pressed = changing::text(move || (!page.paused.get()).to_string());
    let idle = changing::flag(move || page.link.get().is_none());
    let toggle = move |_| page.paused.set(!page.paused.get_untracked());
    // What changes its width stands last, so that nothing beside it moves.
    view! {
        <button type="button" class="button live" title=title aria-pressed=pressed disabled=idle on:click=toggle>
            <svg class="icon" aria-hidden="true" inner_html=drawing></svg>
            <i class="beat"></i>
            {word}
            <span inner_html=detail></span>
        </button>
    }
}

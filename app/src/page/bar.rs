//! The top strip: what is watched, over which window, how the stream is doing, language, colours, the clock.

use keiki_model::text::Language;
use leptos::ev::MouseEvent;
use leptos::prelude::*;

use crate::icon::{HALF, LOGO, MOON, PAUSE, PLAY, SUN, icon};
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
    let home = move || {
        page.request
            .with(|request| request.to(keiki_model::view::Subject::Overview))
    };
    let services = move || {
        page.header.with(|header| {
            let hosts = page.request.with_untracked(|request| request.scope.hosts.clone());
            let names: Vec<&str> = header.services.iter().chain(&hosts).map(String::as_str).collect();
            names.join(", ")
        })
    };
    let sources = move || page.header.with(|header| text::sources(header.sources, language));
    let missing = move || {
        page.header
            .with(|header| (header.sources.0 < header.sources.1).then_some("warn"))
    };
    let zone = move || page.header.with(|header| header.zone.name.clone());
    view! {
        <header class="bar">
            <a class="brand" href=home>{icon(LOGO)}<b>{text::KEIKI.get(language)}</b></a>
            <p class="service" title=services>{services}</p>
            <nav class="seg windows" aria-label=text::WINDOW.get(language)>
                {PageRequest::WINDOWS.map(|window| window_link(page, window)).collect_view()}
            </nav>
            <LiveButton page/>
            <p class="sources" data-status=missing>{sources}</p>
            <nav class="seg lang" aria-label=text::LANGUAGE.get(language)>
                {Language::ALL.map(|other| language_link(page, other)).collect_view()}
            </nav>
            <nav class="seg theme" aria-label=text::THEME.get(language)>
                {Theme::ALL.map(|theme| theme_link(page, theme)).collect_view()}
            </nav>
            <p class="clock">{move || page.hms(page.clock.get())}<small>{zone}</small></p>
        </header>
    }
}

fn window_link(page: Page, window: u32) -> AnyView {
    let href = move || {
        page.request
            .with(|request| request.with(|other| other.window = window).href())
    };
    let chosen = page.request.with_untracked(|request| request.window == window);
    view! { <a href=href aria-current=chosen.then_some("true")>{text::window(window, page.language)}</a> }.into_any()
}

fn language_link(page: Page, language: Language) -> AnyView {
    let href = move || {
        let to = |other: &mut PageRequest| {
            other.language = language;
            other.language_chosen = true;
        };
        page.request.with(|request| request.with(to).href())
    };
    let name = match language {
        Language::Ja => "日本語",
        Language::En => "EN",
    };
    let chosen = (language == page.language).then_some("true");
    view! { <a href=href lang=language.tag() hreflang=language.tag() aria-current=chosen>{name}</a> }.into_any()
}

/// A plain link; in the browser it changes the colours where the page stands.
fn theme_link(page: Page, theme: Theme) -> AnyView {
    let (name, drawing): (Message, _) = match theme {
        Theme::Auto => (text::AUTO, HALF),
        Theme::Light => (text::LIGHT, SUN),
        Theme::Dark => (text::DARK, MOON),
    };
    let name = name.get(page.language);
    let href = move || {
        page.request
            .with(|request| request.with(|other| other.theme = theme).href())
    };
    let chosen = move || page.request.with(|request| (request.theme == theme).then_some("true"));
    let choose = move |event: MouseEvent| {
        event.prevent_default();
        page.request.update(|request| request.theme = theme);
    };
    view! { <a href=href title=name aria-label=name aria-current=chosen on:click=choose>{icon(drawing)}</a> }.into_any()
}

/// Shows how the stream is doing; a press stops or resumes the painting.
#[component]
fn LiveButton(page: Page) -> impl IntoView {
    let language = page.language;
    let word = move || {
        let message = match (page.paused.get(), page.link.get()) {
            (true, _) => text::PAUSED,
            (false, Some(Link::Live)) => text::LIVE,
            (false, None | Some(Link::Connecting)) => text::CONNECTING,
            (false, Some(Link::Lost)) => text::RECONNECTING,
        };
        message.get(language)
    };
    let step = page.fixed.with_value(|fixed| fixed.step);
    let detail = move || match (page.paused.get(), page.link.get()) {
        (true, _) => text::as_of(&page.hms(page.clock.get()), language),
        (false, Some(Link::Live)) => text::every(step, language),
        (false, _) => String::new(),
    };
    let title = move || if page.paused.get() { text::RESUME } else { text::PAUSE }.get(language);
    let drawing = move || if page.paused.get() { PLAY } else { PAUSE };
    view! {
        <button
            type="button"
            class="button live"
            title=title
            aria-pressed=move || if page.paused.get() { "false" } else { "true" }
            disabled=move || page.link.get().is_none()
            on:click=move |_| page.paused.update(|paused| *paused = !*paused)
        >
            <i class="beat"></i>
            {word}
            <span>{detail}</span>
            <svg class="icon" aria-hidden="true" inner_html=drawing></svg>
        </button>
    }
}

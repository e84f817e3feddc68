//! The browser takes over the server's page: reads its data, hydrates the same components, goes live.

use std::sync::Arc;

use keiki_model::frame::Snapshot;
use leptos::ev;
use leptos::mount::hydrate_body;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};
use web_sys::HtmlElement;

use crate::data::PageData;
use crate::json;
use crate::live::client::Client;
use crate::page::App;
use crate::request::PageRequest;
use crate::state::Page;

/// Takes over the page; fails where its data can't be read.
#[wasm_bindgen]
pub fn hydrate() -> Result<(), JsValue> {
    let data = data().ok_or_else(|| JsValue::from_str("the page's data can't be read"))?;
    let snapshot = data.snapshot.clone();
    hydrate_body(move || {
        let page = Page::new(data);
        attach(page, snapshot);
        view! { <App page/> }
    });
    Ok(())
}

fn data() -> Option<PageData> {
    let json = document().get_element_by_id("snapshot")?.text_content()?;
    json::read(&json)
}

/// What lies outside the body's components. Effects run after hydration, so none of it disturbs that.
fn attach(page: Page, snapshot: Snapshot) {
    let mut snapshot = Some(snapshot);
    Effect::new(move |_| {
        if let Some(snapshot) = snapshot.take() {
            untrack(|| Client::start(page, snapshot));
        }
    });
    Effect::new(move |_| {
        if let Some(link) = page.link.get() {
            set_root("data-link", link.as_str());
        }
    });
    Effect::new(move |before: Option<Arc<PageRequest>>| {
        let request = page.request.get();
        if before.is_some_and(|before| before != request) {
            set_root("data-theme", request.theme.as_str());
            if let Ok(history) = window().history() {
                // The entry holds what the page remembers. A sandboxed frame may forbid it; the page shows what was chosen
                // nevertheless.
                let entry = history.state().unwrap_or(JsValue::NULL);
                let _ = history.replace_state_with_url(&entry, "", Some(&with_token(request.href())));
            }
        }
        request
    });
    let _ = window_event_listener(ev::keydown, move |event| {
        let plain = !(event.ctrl_key() || event.meta_key() || event.alt_key() || event.shift_key() || event.repeat());
        if plain && event.key() == " " && !on_control(&event) {
            event.prevent_default();
            page.paused.set(!page.paused.get_untracked());
        }
    });
}

/// An address of this page with the token that is in the present one: it is in no link, but loaded anew the page needs it.
fn with_token(href: String) -> String {
    let search = window().location().search().unwrap_or_default();
    let mut given = search.trim_start_matches('?').split('&');
    match given.find(|pair| pair.starts_with("token=")) {
        Some(token) if href.contains('?') => [&href, "&", token].concat(),
        Some(token) => [&href, "?", token].concat(),
        None => href,
    }
}

fn set_root(name: &str, value: &str) {
    if let Some(root) = document().document_element() {
        // Only an invalid name can fail.
        let _ = root.set_attribute(name, value);
    }
}

/// Whether the key belongs to what has the focus.
fn on_control(event: &ev::KeyboardEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok());
    target.is_some_and(|target| {
        target.is_content_editable()
            || matches!(
                target.tag_name().as_str(),
                "BUTTON" | "SUMMARY" | "INPUT" | "SELECT" | "TEXTAREA"
            )
    })
}

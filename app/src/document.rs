//! The whole HTML document, rendered outside any request: the same bytes for everybody who asks for the same.
//!
//! It holds no `style` attribute and no inline script, so that one constant content security policy serves all pages.

use std::sync::Arc;

use hydration_context::{SharedContext, SsrSharedContext};
use keiki_model::frame::Snapshot;
use keiki_model::view::Subject;
use leptos::prelude::*;
use maud::html;

use crate::chart::option::{self, OPTIONS};
use crate::data::PageData;
use crate::icon::SPRITE;
use crate::page::App;
use crate::request::PageRequest;
use crate::span;
use crate::state::Page;
use crate::surface::Surface;
use crate::text;

/// Where the page's assets are: absolute paths, including the base.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssetUrls {
    /// The style sheet.
    pub css: String,
    /// The script that loads the app: a module.
    pub boot: String,
    /// The icon.
    pub favicon: String,
    /// Where a login is ended, if people log in: the foot of a page then holds a button for that. It is the same for all readers,
    /// logged in or not, since a page is.
    pub logout: Option<String>,
    /// What to fetch early: the address, and as what (`script` for modules, `fetch` for WASM).
    pub preloads: Vec<(String, String)>,
}

/// The document of a page that shows a snapshot of the request's view.
pub fn document(request: &PageRequest, snapshot: &Snapshot, assets: &AssetUrls) -> String {
    let data = PageData::new(request, snapshot);
    let json = json(&data);
    let title = title(&data);
    let strip = if request.surface() == Surface::App {
        span::strip(request, snapshot).into_string()
    } else {
        String::new()
    };
    let body = body(data);
    let head = head(request, &title, assets);
    let boot = attribute(&assets.boot);
    let foot = foot(request, assets);
    // A browser may paint before it has read what stands last: what that takes of the height is known from the start.
    let footed = if foot.is_empty() { "" } else { " footed" };
    let parts = [
        head.as_str(),
        "<body class=\"",
        request.surface().as_str(),
        footed,
        "\">",
        &body,
        &foot,
        &strip,
        SPRITE,
        "<script type=\"application/json\" id=\"snapshot\">",
        &json,
        "</script><script type=\"application/json\" id=\"",
        OPTIONS,
        "\">",
        option::json(),
        "</script><script type=\"module\" src=\"",
        &boot,
        "\"></script></body></html>\n",
    ];
    parts.concat()
}

fn body(data: PageData) -> String {
    let context: Arc<dyn SharedContext + Send + Sync> = Arc::new(SsrSharedContext::new());
    let owner = Owner::new_root(Some(context));
    let html = owner.with(|| {
        let page = Page::new(data);
        view! { <App page/> }.to_html()
    });
    owner.unset_with_forced_cleanup();
    html
}

/// What stands below a page. No part of the app: the browser's code has nothing to do with it.
fn foot(request: &PageRequest, assets: &AssetUrls) -> String {
    let logout = assets.logout.as_ref().filter(|_| request.surface() == Surface::App);
    let foot = logout.map(|logout| {
        html! {
            footer class="foot" {
                form method="post" action={ (logout) "?lang=" (request.language.tag()) } {
                    button { (text::LOG_OUT.get(request.language)) }
                }
            }
        }
    });
    foot.map_or_else(String::new, maud::Markup::into_string)
}

fn head(request: &PageRequest, title: &str, assets: &AssetUrls) -> String {
    let past = if request.until.is_some() { "\" data-past=\"" } else { "" };
    let mut head = [
        "<!doctype html>\n<html lang=\"",
        request.language.tag(),
        past,
        "\" data-theme=\"",
        request.theme.as_str(),
        "\" data-base=\"",
        &attribute(&request.base),
        "\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>",
        &attribute(title),
        "</title><link rel=\"stylesheet\" href=\"",
        &attribute(&assets.css),
        "\"><link rel=\"icon\" href=\"",
        &attribute(&assets.favicon),
        "\">",
    ]
    .concat();
    for (href, kind) in &assets.preloads {
        let (before, after) = match kind.as_str() {
            "script" => ("<link rel=\"modulepreload\" href=\"", "\">"),
            _ => ("<link rel=\"preload\" as=\"fetch\" crossorigin href=\"", "\">"),
        };
        head.extend([before, &attribute(href), after]);
    }
    head.push_str("</head>");
    head
}

/// What is shown, of which service, by Keiki.
fn title(data: &PageData) -> String {
    let language = data.request.language;
    let subject = match &data.request.subject {
        Subject::Overview if data.request.wall.is_some() => text::KIOSK.get(language).to_owned(),
        Subject::Overview => text::OVERVIEW.get(language).to_owned(),
        Subject::Group(group) => group.definition().title.get(language).to_owned(),
        Subject::Panel(id) => {
            let panel = data.snapshot.panels.iter().find(|panel| panel.spec.id == *id);
            panel
                .map_or(id.as_str(), |panel| panel.spec.title.get(language))
                .to_owned()
        }
    };
    let services = data.snapshot.header.services.join(", ");
    let parts = [subject.as_str(), &services, text::KEIKI.get(language)];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(" · ")
}

/// The data as they lie in the document. No `<` can end the script before its time.
fn json(data: &PageData) -> String {
    let json = serde_json::to_string(data).expect("page data hold no map with keys that are not strings");
    json.replace('<', "\\u003c")
}

/// A text as it stands between double quotes.
pub fn attribute(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

//! Pages that the server writes by itself, without the app: errors, the login, the page for embedding. And leading elsewhere.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use keiki_model::view::percent_decode;
use maud::{DOCTYPE, Markup, html};

use super::fault::Fault;
use super::{assets, headers};

/// A document around a page's content. `more` is for the head.
pub(super) fn document(base: &str, language: &str, title: &str, more: &Markup, body: &Markup) -> String {
    let names = assets::names();
    let document = html! {
        (DOCTYPE)
        html lang=(language) data-theme="auto" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                (more)
                title { (title) }
                link rel="stylesheet" href={ (base) "/assets/" (names.css) };
                link rel="icon" href={ (base) "/assets/" (names.favicon) };
            }
            body { (body) }
        }
    };
    document.into_string()
}

/// A document as an answer that nobody keeps.
pub(super) fn page(status: StatusCode, document: String, policy: HeaderValue) -> Response {
    let mut response = (status, Html(document)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(header::CACHE_CONTROL, headers::NO_STORE);
    headers::secure(headers);
    response
}

/// Leads elsewhere.
pub(super) fn lead(status: StatusCode, target: &str, caching: HeaderValue) -> Response {
    let Ok(target) = HeaderValue::from_str(target) else {
        return Fault::NotFound.text();
    };
    let mut response = (status, [(header::LOCATION, target)]).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, caching);
    headers::secure(response.headers_mut());
    response
}

/// The value of a name in a query or a form, the first one; nothing where it is empty or no text.
pub(super) fn value(query: &str, name: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(found, _)| *found == name)?;
    percent_decode(&value.replace('+', " "))
}

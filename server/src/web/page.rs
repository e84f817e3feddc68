//! Pages: the overview and the groups.

use axum::extract::{Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use keiki_app::PageRequest;
use keiki_model::frame::Snapshot;
use keiki_model::group::Group;
use keiki_model::view::Subject;

use super::fault::Fault;
use super::headers::PAGE_POLICY;
use super::router::{Key, Shared};
use super::state::Render;

/// How many ticks old a page may be while the next one is being made. Its stream starts where the page ends, so
/// nothing is lost.
const PATIENCE: u64 = 2;

/// No page needs more than this of its address.
pub(super) const MAX_QUERY: usize = 4_096;

/// `GET {base}/`
pub(super) async fn overview(State(site): State<Shared>, request: Request) -> Response {
    answer(&site, Subject::Overview, &request.into_parts().0).await
}

/// `GET {base}/groups/{group}`
pub(super) async fn group(State(site): State<Shared>, Path(group): Path<String>, request: Request) -> Response {
    match Group::from_id(&group) {
        Some(group) => answer(&site, Subject::Group(group), &request.into_parts().0).await,
        None => Fault::NotFound.html(&site.base),
    }
}

/// The page that shows a subject.
pub(super) async fn answer(site: &Shared, subject: Subject, request: &Parts) -> Response {
    match try_answer(site, subject, request).await {
        Ok(response) => response,
        Err(fault) => fault.html(&site.base),
    }
}

async fn try_answer(site: &Shared, subject: Subject, request: &Parts) -> Result<Response, Fault> {
    let query = request.uri.query().unwrap_or_default();
    if query.len() > MAX_QUERY {
        return Err(Fault::parameter(
            "query",
            format!("The query is longer than {MAX_QUERY} bytes."),
        ));
    }
    let asked = PageRequest::parse(subject, query, site.language, &site.base)
        .map_err(|error| Fault::parameter(error.parameter, error.to_string()))?;
    site.respond(Key::Page(asked), &request.headers, PATIENCE).await
}

/// The body and the headers that are the page's own.
pub(super) fn make(request: &PageRequest, snapshot: &Snapshot, render: &dyn Render) -> (Bytes, HeaderMap) {
    let headers = HeaderMap::from_iter([
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (
            header::CONTENT_LANGUAGE,
            HeaderValue::from_static(request.language.tag()),
        ),
        (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
    ]);
    (render.page(request, snapshot).into(), headers)
}

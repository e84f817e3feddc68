//! Pages: the overview, the groups, the wall, and single panels for frames.

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
use crate::catalogue::explore;

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
    let (request, _) = request.into_parts();
    match Group::from_id(&group) {
        Some(group) => answer(&site, Subject::Group(group), &request).await,
        None => Fault::NotFound.html(&site.base, site.language_of(request.uri.query())),
    }
}

/// `GET {base}/kiosk`
pub(super) async fn kiosk(State(site): State<Shared>, request: Request) -> Response {
    let wall = PageRequest::wall(site.language, &site.base);
    show(&site, wall, &request.into_parts().0).await
}

/// `GET {base}/embed/{panel}`
pub(super) async fn embed(State(site): State<Shared>, Path(id): Path<String>, request: Request) -> Response {
    let (request, _) = request.into_parts();
    let language = site.language_of(request.uri.query());
    if site.state.catalogue.panel(&id).is_none() {
        return Fault::NotFound.framed(&site, language);
    }
    let page = PageRequest::new(Subject::Panel(id), site.language, &site.base);
    match try_show(&site, page, &request).await {
        Ok(response) => response,
        Err(fault) => fault.framed(&site, language),
    }
}

/// `GET {base}/explore/{metric}`
pub(super) async fn explored(State(site): State<Shared>, Path(metric): Path<String>, request: Request) -> Response {
    let (request, _) = request.into_parts();
    let id = [explore::GROUP, ".", &metric].concat();
    if site.state.catalogue.panel(&id).is_none() {
        let language = site.language_of(request.uri.query());
        return super::explore::missing(&site, &metric, language).await;
    }
    show(&site, PageRequest::explored(id, site.language, &site.base), &request).await
}

/// The page that shows a subject.
pub(super) async fn answer(site: &Shared, subject: Subject, request: &Parts) -> Response {
    show(site, PageRequest::new(subject, site.language, &site.base), request).await
}

async fn show(site: &Shared, page: PageRequest, request: &Parts) -> Response {
    match try_show(site, page, request).await {
        Ok(response) => response,
        Err(fault) => fault.html(&site.base, site.language_of(request.uri.query())),
    }
}

async fn try_show(site: &Shared, page: PageRequest, request: &Parts) -> Result<Response, Fault> {
    let query = request.uri.query().unwrap_or_default();
    if query.len() > MAX_QUERY {
        return Err(Fault::parameter(
            "query",
            format!("The query is longer than {MAX_QUERY} bytes."),
        ));
    }
    let asked = page
        .read(query)
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

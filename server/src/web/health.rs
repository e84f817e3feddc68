//! `/healthz` and `/readyz`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::headers;
use super::router::Shared;

/// What a process says that answers.
pub(super) const LIVES: &str = "ok\n";

/// The process answers.
pub(super) async fn healthz() -> Response {
    plain(StatusCode::OK, LIVES.to_owned())
}

/// Data have been published; else what is missing, a line each.
pub(super) async fn readyz(State(site): State<Shared>) -> Response {
    let missing = (site.state.readiness)();
    if missing.is_empty() {
        return plain(StatusCode::OK, "ready\n".to_owned());
    }
    let lines: String = missing.iter().flat_map(|what| ["waiting for ", what, "\n"]).collect();
    plain(StatusCode::SERVICE_UNAVAILABLE, lines)
}

/// A text that is only true now.
pub(super) fn plain(status: StatusCode, text: String) -> Response {
    let mut response = (status, text).into_response();
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, headers::NO_STORE);
    headers::secure(headers);
    response
}

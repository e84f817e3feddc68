//! `/api/live`: the stream. The server function writes it; here it gets its source and its headers, and a refusal its
//! status.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use keiki_app::live::endpoint::server::{Events, Live, Refusal};
use leptos::prelude::provide_context;
use parking_lot::Mutex;

use super::guard::Shown;
use super::headers;
use crate::hub::Hub;

/// Where the stream is, below the base path.
pub const ROUTE: &str = "/api/live";

/// Where streams come from.
pub trait Streams: Send + Sync + 'static {
    /// Opens a stream of views, resumed from `since` (an event's id) where that is not empty, within the budget of `token`
    /// (its name) where that opens some paths only.
    ///
    /// # Errors
    ///
    /// The views cannot be read, or a limit is reached.
    fn open(&self, views: &str, since: &str, token: Option<&str>) -> Result<Events, Refusal>;
}

impl Streams for Hub {
    fn open(&self, views: &str, since: &str, token: Option<&str>) -> Result<Events, Refusal> {
        self.open_within(views, since, token)
    }
}

/// The stream's route.
pub fn route<S: Streams>(streams: Arc<S>) -> MethodRouter {
    leptos::server_fn::axum::register_explicit::<keiki_app::live::endpoint::Live>();
    let streams: Arc<dyn Streams> = streams;
    get(move |request: Request| serve(Arc::clone(&streams), request))
}

/// The streams for one request: keeps its refusal for the response.
struct Once {
    streams: Arc<dyn Streams>,
    /// The name of the token, if it is a limited one.
    token: Option<String>,
    refusal: Mutex<Option<Refusal>>,
}

impl Live for Once {
    fn open(&self, views: &str, since: &str) -> Result<Events, Refusal> {
        self.streams.open(views, since, self.token.as_deref())
    }

    fn refused(&self, refusal: Refusal) {
        *self.refusal.lock() = Some(refusal);
    }
}

async fn serve(streams: Arc<dyn Streams>, mut request: Request) -> Response {
    // A base path is not part of the address under which the function is known.
    if let Ok(address) = format!("{ROUTE}?{}", request.uri().query().unwrap_or_default()).parse() {
        *request.uri_mut() = address;
    }
    // To who accepts HTML, server functions answer as to a form: by leading elsewhere.
    request
        .headers_mut()
        .insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
    let shown = request.extensions_mut().remove::<Shown>().unwrap_or_default();
    let once = Arc::new(Once {
        streams,
        token: shown.is_limited.then_some(shown.name),
        refusal: Mutex::new(None),
    });
    let context = Arc::clone(&once);
    let answer = leptos_axum::handle_server_fns_with_context(
        move || provide_context::<Arc<dyn Live>>(Arc::clone(&context) as Arc<dyn Live>),
        request,
    )
    .await
    .into_response();
    let refusal = once.refusal.lock().take();
    let mut response = match refusal {
        Some(refusal) => refuse(refusal),
        None => answer,
    };
    let headers = response.headers_mut();
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-store, no-transform"),
    );
    headers.insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    headers::secure(headers);
    response
}

fn refuse(refusal: Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let mut response = (status, refusal.message + "\n").into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    }
    response
}

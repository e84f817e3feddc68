//! HTTP requests: a tower layer that measures each one.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use http::{Extensions, Method, Request, Response, StatusCode};
use keiki_model::series::OTHER;
use tower_layer::Layer;
use tower_service::Service;

use crate::instruments::{Gauge, Histogram};
use crate::memo::Memo;
use crate::{Recorder, names};

type RouteOf = Arc<dyn for<'a> Fn(&'a Extensions) -> Option<&'a str> + Send + Sync>;
type Excluded = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// The status under which a request counts whose client went away before the response, after nginx. Leaving such
/// requests out would make a service look fast just when its clients lose patience.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// Measures every request that passes: `http_server_request_duration_seconds` by route, method and status, and
/// `http_server_active_requests`.
///
/// A duration ends when the service returns its response, that is its headers: a body that streams afterwards is not
/// part of it. A request whose client goes away counts with status 499; one that ends in an error or a panic of the
/// service instead of a response, with 500.
#[derive(Clone)]
pub struct RequestLayer {
    shared: Arc<Shared>,
    route_of: RouteOf,
    excluded: Excluded,
}

struct Shared {
    recorder: Recorder,
    durations: Memo<3, Histogram>,
    active: Gauge,
}

impl RequestLayer {
    /// A layer that records here. Without [`route`](Self::route) every request is of the route `_OTHER`.
    pub fn new(recorder: &Recorder) -> Self {
        let active = recorder.gauge(names::HTTP_SERVER_ACTIVE_REQUESTS, &[]);
        // Adding nothing gives the gauge its zero, and leaves it alone if another layer already counts.
        active.add(0.0);
        let shared = Shared {
            recorder: recorder.clone(),
            durations: Memo::default(),
            active,
        };
        Self {
            shared: Arc::new(shared),
            route_of: Arc::new(|_| None),
            excluded: Arc::new(|_| false),
        }
    }

    /// Finds a request's route: its pattern (`/users/{id}`), never its path, which has no bound. `None` is `_OTHER`.
    ///
    /// With axum, and the layer added by `Router::layer` or `route_layer`:
    /// `.route(|extensions| extensions.get::<MatchedPath>().map(MatchedPath::as_str))`.
    #[must_use]
    pub fn route<F>(mut self, route_of: F) -> Self
    where
        F: for<'a> Fn(&'a Extensions) -> Option<&'a str> + Send + Sync + 'static,
    {
        self.route_of = Arc::new(route_of);
        self
    }

    /// Leaves out the routes for which this is true, such as a stream that stays open.
    #[must_use]
    pub fn exclude(mut self, excluded: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.excluded = Arc::new(excluded);
        self
    }

    fn start<B>(&self, request: &Request<B>) -> Option<InFlight> {
        let route = (self.route_of)(request.extensions()).unwrap_or(OTHER);
        if (self.excluded)(route) {
            return None;
        }
        self.shared.active.add(1.0);
        Some(InFlight {
            shared: Arc::clone(&self.shared),
            route: route.into(),
            method: known_method(request.method()),
            start: Instant::now(),
            status: None,
        })
    }
}

impl fmt::Debug for RequestLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestLayer").finish_non_exhaustive()
    }
}

impl<S> Layer<S> for RequestLayer {
    type Service = RequestService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequestService {
            inner,
            layer: self.clone(),
        }
    }
}

/// A service behind a [`RequestLayer`].
#[derive(Clone, Debug)]
pub struct RequestService<S> {
    inner: S,
    layer: RequestLayer,
}

impl<S, B, R> Service<Request<B>> for RequestService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = RequestFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let in_flight = self.layer.start(&request);
        RequestFuture {
            inner: self.inner.call(request),
            in_flight,
        }
    }
}

pin_project_lite::pin_project! {
    /// The response to come.
    pub struct RequestFuture<F> {
        #[pin]
        inner: F,
        in_flight: Option<InFlight>,
    }
}

impl<F, R, E> Future for RequestFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = std::task::ready!(this.inner.poll(context));
        if let Some(mut in_flight) = this.in_flight.take() {
            in_flight.status = Some(match &result {
                Ok(response) => response.status(),
                Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
            });
        }
        Poll::Ready(result)
    }
}

/// One request that is being answered. Ends when dropped, so that one that is cancelled ends too.
struct InFlight {
    shared: Arc<Shared>,
    route: Box<str>,
    method: &'static str,
    start: Instant,
    status: Option<StatusCode>,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.shared.active.sub(1.0);
        let status = match self.status {
            Some(status) => status.as_u16(),
            None if std::thread::panicking() => StatusCode::INTERNAL_SERVER_ERROR.as_u16(),
            None => CLIENT_CLOSED_REQUEST,
        };
        self.shared
            .duration(&self.route, self.method, status)
            .record(self.start.elapsed());
    }
}

impl Shared {
    fn duration(&self, route: &str, method: &str, status: u16) -> Histogram {
        // All status codes have three digits.
        let digits = [status / 100, status / 10 % 10, status % 10].map(|digit| b'0' + digit as u8);
        let status = std::str::from_utf8(&digits).unwrap_or(OTHER);
        self.durations.get([route, method, status], || {
            let labels = [
                (names::HTTP_ROUTE, route),
                (names::HTTP_REQUEST_METHOD, method),
                (names::HTTP_RESPONSE_STATUS_CODE, status),
            ];
            self.recorder.histogram(names::HTTP_SERVER_REQUEST_DURATION, &labels)
        })
    }
}

/// The method, if it is one of the standard's; anybody can send any other.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => OTHER,
    }
}

#[cfg(test)]
mod tests;

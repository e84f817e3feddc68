use std::future::{Ready, pending, ready};
use std::pin::pin;
use std::task::Waker;

use keiki_model::series::Sample;

use super::*;
use crate::memo::tests::{count, number, recorder};

/// What a router leaves in a request.
#[derive(Clone)]
struct Matched(&'static str);

struct Answer(Result<u16, &'static str>);

impl Service<Request<()>> for Answer {
    type Response = Response<()>;
    type Error = &'static str;
    type Future = Ready<Result<Response<()>, &'static str>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(
            self.0
                .map(|status| Response::builder().status(status).body(()).unwrap()),
        )
    }
}

/// A service that never answers.
struct Silence;

impl Service<Request<()>> for Silence {
    type Response = Response<()>;
    type Error = &'static str;
    type Future = std::future::Pending<Result<Response<()>, &'static str>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        pending()
    }
}

fn layer(recorder: &Recorder) -> RequestLayer {
    RequestLayer::new(recorder)
        .route(|extensions| extensions.get::<Matched>().map(|matched| matched.0))
        .exclude(|route| route == "/live")
}

fn request(method: &str, route: Option<&'static str>) -> Request<()> {
    let builder = Request::builder().method(method).uri("/some/path");
    let builder = match route {
        Some(route) => builder.extension(Matched(route)),
        None => builder,
    };
    builder.body(()).unwrap()
}

fn answered(recorder: &Recorder, request: Request<()>, answer: Result<u16, &'static str>) {
    let mut service = layer(recorder).layer(Answer(answer));
    let response = pin!(service.call(request)).poll(&mut Context::from_waker(Waker::noop()));
    assert!(response.is_ready());
}

fn requests(samples: &[Sample], route: &str, method: &str, status: &str) -> Option<u64> {
    let labels = [
        (names::HTTP_ROUTE, route),
        (names::HTTP_REQUEST_METHOD, method),
        (names::HTTP_RESPONSE_STATUS_CODE, status),
    ];
    count(samples, names::HTTP_SERVER_REQUEST_DURATION, &labels)
}

fn active(recorder: &Recorder) -> Option<f64> {
    number(&recorder.collect(0), names::HTTP_SERVER_ACTIVE_REQUESTS, &[])
}

#[test]
fn requests_are_counted_by_route_method_and_status() {
    let recorder = recorder();
    answered(&recorder, request("GET", Some("/users/{id}")), Ok(200));
    answered(&recorder, request("GET", Some("/users/{id}")), Ok(200));
    answered(&recorder, request("POST", Some("/users/{id}")), Ok(503));
    answered(&recorder, request("GET", Some("/broken")), Err("broken"));
    let samples = recorder.collect(0);
    assert_eq!(requests(&samples, "/users/{id}", "GET", "200"), Some(2));
    assert_eq!(requests(&samples, "/users/{id}", "POST", "503"), Some(1));
    assert_eq!(requests(&samples, "/broken", "GET", "500"), Some(1));
    // A route once seen stays, with nothing new.
    assert_eq!(requests(&recorder.collect(0), "/users/{id}", "GET", "200"), Some(0));
}

#[test]
fn what_a_client_can_make_up_becomes_other() {
    let recorder = recorder();
    answered(&recorder, request("BREW", None), Ok(404));
    let samples = recorder.collect(0);
    assert_eq!(requests(&samples, OTHER, OTHER, "404"), Some(1));
}

#[test]
fn excluded_routes_leave_no_trace() {
    let recorder = recorder();
    let mut service = layer(&recorder).layer(Silence);
    let response = service.call(request("GET", Some("/live")));
    assert_eq!(active(&recorder), Some(0.0));
    drop(response);
    assert_eq!(requests(&recorder.collect(0), "/live", "GET", "499"), None);
}

#[test]
fn a_request_is_active_until_it_is_answered_or_dropped() {
    let recorder = recorder();
    let mut service = layer(&recorder).layer(Silence);
    assert_eq!(active(&recorder), Some(0.0));
    let (first, second) = (
        service.call(request("GET", Some("/"))),
        service.call(request("GET", Some("/"))),
    );
    assert_eq!(active(&recorder), Some(2.0));
    drop(first);
    assert_eq!(active(&recorder), Some(1.0));
    drop(second);
    let samples = recorder.collect(0);
    assert_eq!(number(&samples, names::HTTP_SERVER_ACTIVE_REQUESTS, &[]), Some(0.0));
    answered(&recorder, request("GET", Some("/")), Ok(200));
    assert_eq!(active(&recorder), Some(0.0));
}

#[test]
fn a_cancelled_request_and_a_panic_are_told_apart() {
    let recorder = recorder();
    let mut service = layer(&recorder).layer(Silence);
    drop(service.call(request("GET", Some("/cancelled"))));
    let response = service.call(request("GET", Some("/panicked")));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _response = response;
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    let samples = recorder.collect(0);
    assert_eq!(requests(&samples, "/cancelled", "GET", "499"), Some(1));
    assert_eq!(requests(&samples, "/panicked", "GET", "500"), Some(1));
}

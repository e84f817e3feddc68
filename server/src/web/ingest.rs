//! Where programs send their measurements: OpenTelemetry's protocol over HTTP, and Prometheus' remote write.

use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use keiki_decode::otlp::{self, Encoding, PartialSuccess, Signal};
use tokio::sync::OwnedSemaphorePermit;

use super::fault::Fault;
use super::guard::{Refusal, Shown, is_from_here};
use super::router::{Shared, Site};
use crate::clock::{Clock as _, SystemClock};
use crate::gzip::{self, Unpacking};
use crate::ingest::{Inlets, Refused, Report};

/// Where remote write is taken.
pub(super) const WRITE: &str = "/api/v1/write";

/// After how many seconds one that was turned away may come again.
const AGAIN: HeaderValue = HeaderValue::from_static("1");

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// Codes of `google.rpc.Status`.
const INVALID: u32 = 3;
const EXHAUSTED: u32 = 8;
const UNAVAILABLE: u32 = 14;

/// Why a request was not read.
enum Unread {
    Foreign,
    Busy,
    /// Its sender has sent as much as it may, and is to wait so long.
    TooMuch(Duration),
    /// Too long, as sent or unpacked: bytes allowed.
    TooLong(usize),
    Broken(String),
    /// It did not come to its end: the same may well come whole at another time.
    Cut(String),
    Encoding(String),
}

impl Unread {
    fn status(&self) -> StatusCode {
        match self {
            Self::Foreign => StatusCode::FORBIDDEN,
            Self::Busy | Self::Cut(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooMuch(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLong(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Broken(_) => StatusCode::BAD_REQUEST,
            Self::Encoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Foreign => "a page of another site may not send".into(),
            Self::Busy => "as many requests are being read as may be; try again".into(),
            Self::TooMuch(wait) => format!(
                "this token has sent as much as [ingest] samples_per_second and requests_per_second allow; try again in {} s",
                wait.as_secs()
            ),
            Self::TooLong(most) => format!("the request is longer than {most} bytes; send smaller batches"),
            Self::Broken(why) | Self::Cut(why) | Self::Encoding(why) => why.clone(),
        }
    }
}

/// A body, and the right to have it read.
struct Sent {
    body: Bytes,
    place: OwnedSemaphorePermit,
    /// The name of its sender's token.
    token: String,
}

async fn receive(site: &Site, request: Request) -> Result<(HeaderMap, Sent), Unread> {
    let (parts, body) = request.into_parts();
    if !is_from_here(&parts.headers) {
        site.guard.count(Refusal::Foreign);
        return Err(Unread::Foreign);
    }
    let token = parts.extensions.get::<Shown>().cloned().unwrap_or_default().name;
    site.state
        .inlets
        .admit(&token, SystemClock.now())
        .map_err(Unread::TooMuch)?;
    // Taken before the body is: bodies that wait to be read are memory, too.
    let place = site.readers.clone().try_acquire_owned().map_err(|_| Unread::Busy)?;
    let most = site.state.inlets.limits().body_bytes;
    let length = parts
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > most) {
        return Err(Unread::TooLong(most));
    }
    let body = match tokio::time::timeout(PATIENCE, to_bytes(body, most)).await {
        Ok(Ok(body)) => body,
        // What is announced and longer was refused above; what is not announced ends here.
        Ok(Err(error)) if error.to_string().contains("length limit") => return Err(Unread::TooLong(most)),
        Ok(Err(error)) => return Err(Unread::Cut(format!("the body did not come whole: {error}"))),
        Err(_) => return Err(Unread::Cut("the body did not come in time".into())),
    };
    Ok((parts.headers, Sent { body, place, token }))
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// `POST {base}/v1/metrics`
pub(super) async fn metrics(State(site): State<Shared>, request: Request) -> Response {
    otlp(&site, request, Signal::Metrics, Inlets::metrics).await
}

/// `POST {base}/v1/traces`
pub(super) async fn traces(State(site): State<Shared>, request: Request) -> Response {
    otlp(&site, request, Signal::Traces, Inlets::traces).await
}

type Read = fn(&Inlets, Encoding, &[u8], i64) -> Result<Report, Refused>;

async fn otlp(site: &Shared, request: Request, signal: Signal, read: Read) -> Response {
    let kind = text(request.headers(), header::CONTENT_TYPE).to_owned();
    let Some(encoding) = Encoding::of_content_type(&kind) else {
        let why = format!("the content type {kind:?} is not read: send application/x-protobuf or application/json");
        return failed(Encoding::Json, &Unread::Encoding(why));
    };
    let (headers, sent) = match receive(site, request).await {
        Ok(received) => received,
        Err(unread) => return failed(encoding, &unread),
    };
    let packed = match text(&headers, header::CONTENT_ENCODING) {
        "" | "identity" => false,
        "gzip" => true,
        other => {
            let why = format!("the content encoding {other:?} is not read: send gzip or none");
            return failed(encoding, &Unread::Encoding(why));
        }
    };
    let inlets = site.state.inlets.clone();
    let Sent {
        body: sent,
        place,
        token,
    } = sent;
    let outcome = tokio::task::spawn_blocking(move || {
        // Held until it is read, also where the sender is gone by then.
        let _place = place;
        let most = inlets.limits().unpacked_bytes;
        let body = if packed { unpacked(&sent, most)? } else { sent.to_vec() };
        let outcome = read(&inlets, encoding, &body, SystemClock.now());
        if let Ok(report) = &outcome {
            inlets.spent(&token, report);
        }
        outcome.map_err(|refused| match refused {
            Refused::Malformed(why) => Unread::Broken(why),
            Refused::TooLarge(_) => Unread::TooLong(most),
        })
    });
    match outcome.await {
        Ok(Ok(report)) => {
            let why = report.why.unwrap_or_default();
            let partial = (report.rejected > 0 || !why.is_empty()).then_some(PartialSuccess {
                rejected: report.rejected,
                message: &why,
            });
            answer(StatusCode::OK, encoding, otlp::success(encoding, signal, partial))
        }
        Ok(Err(unread)) => failed(encoding, &unread),
        Err(_) => Fault::Internal.text(),
    }
}

fn unpacked(body: &[u8], most: usize) -> Result<Vec<u8>, Unread> {
    gzip::unpacked(body, most).map_err(|why| match why {
        Unpacking::Damaged(error) => Unread::Broken(format!("the body is no gzip: {error}")),
        Unpacking::TooLong => Unread::TooLong(most),
    })
}

fn failed(encoding: Encoding, unread: &Unread) -> Response {
    let code = match unread {
        Unread::Busy | Unread::Cut(_) => UNAVAILABLE,
        Unread::TooLong(_) | Unread::TooMuch(_) => EXHAUSTED,
        _ => INVALID,
    };
    let mut response = answer(
        unread.status(),
        encoding,
        otlp::failure(encoding, code, &unread.message()),
    );
    come_again(unread, &mut response);
    response
}

/// Says when one that was turned away for now may come again.
fn come_again(unread: &Unread, response: &mut Response) {
    let again = match unread {
        Unread::Busy | Unread::Cut(_) => AGAIN,
        Unread::TooMuch(wait) => HeaderValue::from(wait.as_secs()),
        _ => return,
    };
    response.headers_mut().insert(header::RETRY_AFTER, again);
}

fn answer(status: StatusCode, encoding: Encoding, body: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, encoding.content_type())], body).into_response()
}

/// `POST {base}/api/v1/write`
pub(super) async fn remote_write(State(site): State<Shared>, request: Request) -> Response {
    let kind = text(request.headers(), header::CONTENT_TYPE);
    // The specification wants just this answer to what speaks its second version.
    let second = kind.contains("io.prometheus.write.v2");
    if second || !kind.starts_with("application/x-protobuf") {
        let why = format!("the content type {kind:?} is not read: send remote write 1.0, application/x-protobuf");
        return plain(&Unread::Encoding(why));
    }
    let packing = text(request.headers(), header::CONTENT_ENCODING);
    if packing != "snappy" {
        let why = format!("the content encoding {packing:?} is not read: remote write is packed by snappy");
        return plain(&Unread::Encoding(why));
    }
    let (_, sent) = match receive(&site, request).await {
        Ok(received) => received,
        Err(unread) => return plain(&unread),
    };
    let inlets = site.state.inlets.clone();
    let Sent { body, place, token } = sent;
    let outcome = tokio::task::spawn_blocking(move || {
        let _place = place;
        let outcome = inlets.remote_write(&body, SystemClock.now());
        if let Ok(report) = &outcome {
            inlets.spent(&token, report);
        }
        outcome
    });
    match outcome.await {
        Ok(Ok(_)) => StatusCode::NO_CONTENT.into_response(),
        Ok(Err(Refused::Malformed(why))) => plain(&Unread::Broken(why)),
        Ok(Err(Refused::TooLarge(_))) => plain(&Unread::TooLong(site.state.inlets.limits().unpacked_bytes)),
        Err(_) => Fault::Internal.text(),
    }
}

fn plain(unread: &Unread) -> Response {
    let mut response = (unread.status(), unread.message() + "\n").into_response();
    come_again(unread, &mut response);
    response
}

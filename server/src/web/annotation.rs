//! `/api/annotations`: what happened, told and asked for by programs as JSON, and told by the page's form.

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use keiki_model::frame::AnnotationKind;
use keiki_model::time::{Millis, SECOND};
use keiki_model::view::time;
use serde::Deserialize;
use serde_json::{Value, json};

use super::fault::{Fault, home};
use super::guard::{Refusal, is_from_here};
use super::login::{FORM_TIMEOUT, LONGEST_FORM, is_own, see};
use super::router::Shared;
use super::{headers, plain};
use crate::annotation::{LONGEST_TEXT, Told};
use crate::clock::{Clock as _, SystemClock};
use crate::store::history::EventId;

/// How far ahead a time may lie: a release that is planned for tonight, but no slip of the keyboard.
const AHEAD: Millis = 86_400 * SECOND;
/// How far back.
const BACK: Millis = 90 * 86_400 * SECOND;
/// The longest name of a service, characters.
const LONGEST_SERVICE: usize = 128;
/// The most that one answer lists, the newest.
const MOST_LISTED: usize = 1_000;

/// What is sent as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    text: String,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    time: Option<Millis>,
    #[serde(default)]
    service: Option<String>,
}

/// What is wanted, read from either form.
struct Wanted {
    time: Millis,
    told: Told,
    /// Where the page's form leads back to.
    next: Option<String>,
}

/// `GET {base}/api/annotations?from=&to=`
pub(super) async fn list(State(site): State<Shared>, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let now = SystemClock.now();
    let mut stretch = (now - BACK, now + AHEAD);
    for (name, end) in [("from", &mut stretch.0), ("to", &mut stretch.1)] {
        if let Some(text) = plain::value(query, name) {
            match time(&text) {
                Some(found) => *end = found,
                None => return Fault::parameter(name, format!("bad {name}: write Unix milliseconds")).json(),
            }
        }
    }
    let mut found = site.state.annotations.list(stretch.0..stretch.1);
    let surplus = found.len().saturating_sub(MOST_LISTED);
    let all: Vec<_> = found
        .drain(..)
        .skip(surplus)
        .map(|(at, told)| shown(at, &told))
        .collect();
    answer(StatusCode::OK, &json!({ "annotations": all }))
}

/// `POST {base}/api/annotations`
pub(super) async fn add(State(site): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if !is_from_here(&parts.headers) {
        site.guard.count(Refusal::Foreign);
        return Fault::Forbidden.json();
    }
    let Ok(Ok(body)) = tokio::time::timeout(FORM_TIMEOUT, to_bytes(body, LONGEST_FORM)).await else {
        return Fault::parameter("body", format!("longer than {LONGEST_FORM} bytes, or not sent in time")).json();
    };
    let wanted = match read(&parts.headers, &body, SystemClock.now()) {
        Ok(wanted) => wanted,
        Err(fault) if is_form(&parts.headers) => {
            return fault.html(&site.base, site.language_of(parts.uri.query()));
        }
        Err(fault) => return fault.json(),
    };
    let Wanted { time, told, next } = wanted;
    let (annotations, kept) = (site.state.annotations.clone(), told.clone());
    // It waits for the disk.
    let added = tokio::task::spawn_blocking(move || annotations.add(time, kept)).await;
    let (at, durable) = match added {
        Ok(Some(added)) => added,
        Ok(None) => {
            let message = "bad time: older than all that are kept, of which there are as many as limits.annotations";
            return Fault::parameter("time", message).json();
        }
        Err(_) => return Fault::Internal.json(),
    };
    match next {
        Some(next) => see(if is_own(&next) { &next } else { home(&site.base) }),
        None => {
            let mut body = shown(at, &told);
            // Without a history, or while its disk fails, it lives as long as the process.
            body["durable"] = durable.into();
            answer(StatusCode::CREATED, &body)
        }
    }
}

/// `DELETE {base}/api/annotations/{id}`
pub(super) async fn remove(State(site): State<Shared>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    if !is_from_here(&headers) {
        site.guard.count(Refusal::Foreign);
        return Fault::Forbidden.json();
    }
    let Some(at) = parse_id(&id) else {
        return Fault::NotFound.json();
    };
    let annotations = site.state.annotations.clone();
    match tokio::task::spawn_blocking(move || annotations.remove(at)).await {
        Ok(Some(durable)) => answer(StatusCode::OK, &json!({ "removed": id, "durable": durable })),
        Ok(None) => Fault::NotFound.json(),
        Err(_) => Fault::Internal.json(),
    }
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let mut response = (status, Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, headers::NO_STORE);
    headers::secure(headers);
    response
}

/// `<time>-<number>`
fn parse_id(id: &str) -> Option<EventId> {
    let (when, number) = id.split_once('-')?;
    Some((time(when)?, number.parse().ok()?))
}

fn shown((time, number): EventId, told: &Told) -> Value {
    let mut shown = json!({
        "id": format!("{time}-{number}"),
        "time": time,
        "kind": told.kind.as_str(),
        "text": &*told.text,
    });
    if !told.service.is_empty() {
        shown["service"] = told.service.as_str().into();
    }
    shown
}

fn is_form(headers: &HeaderMap) -> bool {
    let content = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content.is_some_and(|content| content.starts_with("application/x-www-form-urlencoded"))
}

fn read(headers: &HeaderMap, body: &[u8], now: Millis) -> Result<Wanted, Fault> {
    let (sent, next) = if is_form(headers) {
        let text = String::from_utf8_lossy(body);
        let value = |name: &str| plain::value(&text, name);
        let when = value("when").map(|when| {
            let offset = value("offset").and_then(|offset| offset.parse().ok()).unwrap_or(0);
            moment(&when, offset).ok_or_else(|| Fault::parameter("when", "bad when: write a date and a time"))
        });
        let sent = Sent {
            text: value("text").unwrap_or_default(),
            kind: value("kind"),
            time: when.transpose()?,
            service: value("service"),
        };
        (sent, Some(value("next").unwrap_or_default()))
    } else {
        let sent = serde_json::from_slice(body).map_err(|error| {
            let shape = r#"{"text": "…", "kind": "deployment|run|note", "time": unix_ms, "service": "…"}"#;
            Fault::parameter("body", format!("not {shape} as JSON: {error}"))
        })?;
        (sent, None)
    };
    let told = Told {
        kind: kind(sent.kind.as_deref())?,
        text: words("text", &sent.text, LONGEST_TEXT)?.into(),
        service: match sent.service.as_deref() {
            None | Some("") => String::new(),
            Some(name) => words("service", name, LONGEST_SERVICE)?,
        },
    };
    let time = sent.time.unwrap_or(now);
    if !(now - BACK..=now + AHEAD).contains(&time) {
        let message = "bad time: write Unix milliseconds, from 90 days ago to a day ahead";
        return Err(Fault::parameter("time", message));
    }
    Ok(Wanted { time, told, next })
}

fn kind(name: Option<&str>) -> Result<AnnotationKind, Fault> {
    let name = name.unwrap_or(AnnotationKind::Note.as_str());
    let found = AnnotationKind::TOLD.into_iter().find(|kind| kind.as_str() == name);
    found.ok_or_else(|| Fault::parameter("kind", "bad kind: write deployment, run or note"))
}

/// Whether a character breaks a line, turns the text around, or has no place in XML, in which it will be drawn.
fn is_odd(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}')
}

/// Text of one line that says something.
fn words(name: &'static str, text: &str, longest: usize) -> Result<String, Fault> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > longest || text.chars().any(is_odd) {
        let message = format!("bad {name}: write one line of at most {longest} characters");
        return Err(Fault::parameter(name, message));
    }
    Ok(text.to_owned())
}

/// `2026-11-22T21:04` or with seconds, as a form's field for a time sends it; `offset` is that of its zone, seconds.
fn moment(text: &str, offset: i32) -> Option<Millis> {
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::Offset::from_seconds(offset).ok()?);
    let moment = text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(zone).ok()?;
    Some(moment.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const NOW: Millis = 1_763_800_000_000;

    fn json(body: &str) -> Result<Wanted, Fault> {
        read(&HeaderMap::new(), body.as_bytes(), NOW)
    }

    fn form(body: &str) -> Result<Wanted, Fault> {
        let content = HeaderValue::from_static("application/x-www-form-urlencoded");
        read(
            &HeaderMap::from_iter([(header::CONTENT_TYPE, content)]),
            body.as_bytes(),
            NOW,
        )
    }

    #[test]
    fn both_forms_are_read() {
        let wanted = json(r#"{"text": " v1.2 ", "kind": "deployment", "time": 1763799999000, "service": "shop"}"#);
        let wanted = wanted.unwrap();
        assert_eq!(
            (wanted.time, wanted.told.kind, &*wanted.told.text),
            (NOW - 1_000, AnnotationKind::Deployment, "v1.2")
        );
        assert_eq!((wanted.told.service.as_str(), wanted.next), ("shop", None));
        let wanted = form("text=%E8%A8%88+a&when=2025-11-22T17%3A26%3A40&offset=32400&next=%2F").unwrap();
        assert_eq!(
            (wanted.time, &*wanted.told.text, wanted.next.as_deref()),
            (NOW, "計 a", Some("/"))
        );
        assert_eq!(form("text=a&next=/").unwrap().time, NOW);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let long = format!(r#"{{"text": "{}"}}"#, "a".repeat(LONGEST_TEXT + 1));
        for (body, name) in [
            ("", "body"),
            ("[]", "body"),
            (r#"{"text": "a", "colour": "red"}"#, "body"),
            (r#"{"text": "  "}"#, "text"),
            (r#"{"text": "a\nb"}"#, "text"),
            (r#"{"text": "a\u202eb"}"#, "text"),
            (r#"{"text": "a\uffff"}"#, "text"),
            (long.as_str(), "text"),
            (r#"{"text": "a", "kind": "keiki_started"}"#, "kind"),
            (r#"{"text": "a", "time": 5}"#, "time"),
            (r#"{"text": "a", "service": "\u0001"}"#, "service"),
        ] {
            match json(body) {
                Err(Fault::Parameter { name: named, .. }) => assert_eq!(named, name, "{body}"),
                _ => panic!("{body} was taken"),
            }
        }
        assert!(matches!(
            form("text=a&when=soon"),
            Err(Fault::Parameter { name: "when", .. })
        ));
    }

    #[test]
    fn a_forms_time_is_of_its_zone() {
        assert_eq!(moment("1970-01-01T09:00", 32_400), Some(0));
        assert_eq!(moment("2024-02-29T23:59:59.5", 0), Some(1_709_251_199_500));
        assert_eq!(moment("2000-03-01T00:00", 0), Some(951_868_800_000));
        for bad in ["", "T", "2024-13-01T00:00", "2024-01-01T24:00", "x-1-1T1:1"] {
            assert_eq!(moment(bad, 0), None, "{bad}");
        }
    }

    #[test]
    fn ids_are_of_a_time_and_a_number() {
        assert_eq!(parse_id("1763800000000-2"), Some((NOW, 2)));
        for bad in ["", "-", "1", "1-", "x-1", "1-x"] {
            assert_eq!(parse_id(bad), None, "{bad}");
        }
    }
}

//! One panel as picture, data or badge: `/panels/{panel}.{svg,json,csv}` and `/badges/{panel}.svg`.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use keiki_app::PageRequest;
use keiki_model::frame::Snapshot;
use keiki_model::panel::StatKey;
use keiki_model::text::Language;
use keiki_model::time::{Millis, SECOND};
use keiki_model::view::{self, MAX_SCOPE, MAX_WINDOW, Scope, Subject, View, percent_decode};

use super::fault::Fault;
use super::headers::{DATA_POLICY, embeddable};
use super::page::MAX_QUERY;
use super::router::{Key, Shared};
use super::state::{Look, Render};

mod data;

/// Data are of the newest tick, never of the one before.
const PATIENCE: u64 = 0;

/// What is asked of a panel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct PanelRequest {
    /// A panel of the catalogue.
    id: Arc<str>,
    form: Form,
    /// Seconds.
    window: u32,
    /// Where it ends, Unix milliseconds; `None` for now.
    until: Option<Millis>,
    /// With what time before it is compared, seconds.
    compare: Option<u32>,
    scope: Scope,
}

/// What the answer is. A look is only part of what is drawn, so that data are made once for all languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Form {
    Json,
    Csv,
    Picture(Look),
    Badge(Option<StatKey>, Look),
}

impl PanelRequest {
    /// Whether it is of a window of the pages, and of nobody in particular.
    pub(super) fn is_common(&self) -> bool {
        self.until.is_none()
            && self.compare.is_none()
            && PageRequest::WINDOWS.contains(&self.window)
            && self.scope == Scope::default()
    }

    /// The view whose only panel it is.
    pub(super) fn view(&self) -> View {
        let subject = Subject::Panel(self.id.to_string());
        View::of_window(subject, self.window, self.scope.clone()).over(self.until, self.compare)
    }
}

/// `GET {base}/panels/{panel}.{svg,json,csv}`
pub(super) async fn file(State(site): State<Shared>, Path(file): Path<String>, request: Request) -> Response {
    answer(&site, &file, request, |extension, look| match extension {
        "json" => Some(Form::Json),
        "csv" => Some(Form::Csv),
        "svg" => Some(Form::Picture(look.look)),
        _ => None,
    })
    .await
}

/// `GET {base}/badges/{panel}.svg`
pub(super) async fn badge(State(site): State<Shared>, Path(file): Path<String>, request: Request) -> Response {
    answer(&site, &file, request, |extension, query| {
        (extension == "svg").then_some(Form::Badge(query.stat, query.look))
    })
    .await
}

async fn answer(
    site: &Shared,
    file: &str,
    request: Request,
    form: impl FnOnce(&str, &Query) -> Option<Form>,
) -> Response {
    let (request, _) = request.into_parts();
    let Some((id, extension)) = file.rsplit_once('.') else {
        return Fault::NotFound.json();
    };
    if site.state.catalogue.panel(id).is_none() {
        return Fault::NotFound.json();
    }
    let query = match Query::parse(request.uri.query().unwrap_or_default(), site.language) {
        Ok(query) => query,
        Err(fault) => return fault.json(),
    };
    let Some(form) = form(extension, &query) else {
        return Fault::NotFound.json();
    };
    let asked = PanelRequest {
        id: id.into(),
        form,
        window: query.window,
        until: query.until,
        compare: query.compare,
        scope: query.scope,
    };
    match site.respond(Key::Panel(asked), &request.headers, PATIENCE).await {
        Ok(response) => response,
        Err(fault) => fault.json(),
    }
}

/// What the query string of a panel says.
#[derive(Debug, PartialEq, Eq)]
struct Query {
    window: u32,
    until: Option<Millis>,
    compare: Option<u32>,
    scope: Scope,
    look: Look,
    stat: Option<StatKey>,
}

impl Query {
    /// Reads a query string. Parameters of other addresses are ignored, as on pages.
    fn parse(text: &str, language: Language) -> Result<Self, Fault> {
        if text.len() > MAX_QUERY {
            return Err(Fault::parameter(
                "query",
                format!("The query is longer than {MAX_QUERY} bytes."),
            ));
        }
        let mut query = Self {
            window: 300,
            until: None,
            compare: None,
            scope: Scope::default(),
            look: Look {
                language,
                dark: Some(false),
            },
            stat: None,
        };
        let mut from = None;
        for pair in text.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = || percent_decode(&value.replace('+', " "));
            match name {
                "window" => {
                    query.window = window(value).ok_or_else(|| {
                        let message = "bad window: write a time of at most 90 days, such as 90s, 5m, 24h or 30d";
                        Fault::parameter("window", message)
                    })?;
                }
                "from" | "to" => {
                    let found = view::time(value);
                    let (end, name) = if name == "from" {
                        (&mut from, "from")
                    } else {
                        (&mut query.until, "to")
                    };
                    let bad = || Fault::parameter(name, format!("bad {name}: write Unix milliseconds"));
                    *end = Some(found.ok_or_else(bad)?);
                }
                "compare" => {
                    let days = window(value).filter(|seconds| value.ends_with('d') && *seconds > 0);
                    let bad = || Fault::parameter("compare", "bad compare: write days of at most 90, such as 1d or 7d");
                    query.compare = Some(days.ok_or_else(bad)?);
                }
                "service" => {
                    let value = decoded().ok_or_else(|| Fault::parameter("service", "bad service: write its name"))?;
                    query.scope.services.insert(value);
                }
                "host" => {
                    let value = decoded().ok_or_else(|| Fault::parameter("host", "bad host: write its name"))?;
                    query.scope.hosts.insert(value);
                }
                "lang" => {
                    query.look.language = Language::from_tag(value)
                        .ok_or_else(|| Fault::parameter("lang", "bad lang: write ja or en"))?;
                }
                "theme" => {
                    query.look.dark = match value {
                        "auto" => None,
                        "light" => Some(false),
                        "dark" => Some(true),
                        _ => return Err(Fault::parameter("theme", "bad theme: write light, dark or auto")),
                    };
                }
                "stat" => {
                    let key = StatKey::from_name(value).ok_or_else(|| {
                        let names = StatKey::ALL.map(StatKey::as_str).join(", ");
                        Fault::parameter("stat", format!("bad stat: write one of {names}"))
                    })?;
                    query.stat = Some(key);
                }
                _ => {}
            }
        }
        if query.scope.services.len() + query.scope.hosts.len() > MAX_SCOPE {
            return Err(Fault::parameter(
                "service",
                format!("more than {MAX_SCOPE} services and hosts"),
            ));
        }
        if let Some(from) = from {
            let window = query
                .until
                .and_then(|until| u32::try_from((until - from + SECOND - 1).div_euclid(SECOND)).ok());
            query.window = window
                .filter(|window| (1..=MAX_WINDOW).contains(window))
                .ok_or_else(|| {
                    Fault::parameter(
                        "from",
                        "bad from: write a time from a second to 90 days before to, and to with it",
                    )
                })?;
        }
        Ok(query)
    }
}

/// `90s`, `5m`, `24h` or `30d`.
fn window(text: &str) -> Option<u32> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    // The parser of the standard library also takes a plus sign.
    let number: u32 = number
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| number.parse().ok())??;
    number
        .checked_mul(factor)
        .filter(|seconds| (1..=MAX_WINDOW).contains(seconds))
}

/// The body and the headers that are its own.
pub(super) fn make(
    request: &PanelRequest,
    snapshot: &Snapshot,
    render: &dyn Render,
) -> Result<(Bytes, HeaderMap), Fault> {
    let Some(panel) = snapshot.panels.first() else {
        tracing::error!(view = %snapshot.view, "a snapshot of a panel without the panel");
        return Err(Fault::Internal);
    };
    let (body, content_type) = match request.form {
        Form::Json => (data::json(panel).into(), "application/json"),
        Form::Csv => (data::csv(panel).into(), "text/csv; charset=utf-8; header=present"),
        Form::Picture(look) => (render.picture(&look, snapshot).into(), "image/svg+xml"),
        Form::Badge(stat, look) => match render.badge(stat, &look, snapshot) {
            Some(badge) => (badge.into(), "image/svg+xml"),
            None => {
                let keys: Vec<_> = own_stats(panel).map(|(key, _)| key.as_str()).collect();
                let message = format!("{} has no such stat: write one of {}", panel.spec.id, keys.join(", "));
                return Err(Fault::parameter("stat", message));
            }
        },
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CONTENT_SECURITY_POLICY, DATA_POLICY);
    if matches!(request.form, Form::Picture(_) | Form::Badge(..)) {
        embeddable(&mut headers);
    }
    Ok((body, headers))
}

/// The panel's own stats, not those that it shows of others.
fn own_stats(panel: &keiki_model::panel::PanelSnapshot) -> impl Iterator<Item = (StatKey, &keiki_model::panel::Stat)> {
    panel
        .spec
        .stats
        .iter()
        .zip(&panel.stats)
        .filter(|(spec, _)| spec.of.is_none())
        .map(|(spec, stat)| (spec.key, stat))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_whole_and_no_longer_than_ninety_days() {
        for (text, seconds) in [
            ("5m", 300),
            ("1m", 60),
            ("15m", 900),
            ("1s", 1),
            ("90s", 90),
            ("901s", 901),
            ("24h", 86_400),
            ("90d", MAX_WINDOW),
        ] {
            assert_eq!(window(text), Some(seconds), "{text}");
        }
        for bad in [
            "",
            "5",
            "m",
            "0s",
            "2161h",
            "91d",
            "-1m",
            "+1m",
            "1.5m",
            "1y",
            "99999999999m",
            "5é",
            "5 m",
        ] {
            assert_eq!(window(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_view_is_a_whole_number_of_steps() {
        for seconds in (1..=900).chain((901..=MAX_WINDOW).step_by(4_999)) {
            let query = Query::parse(&format!("window={seconds}s"), Language::En).unwrap();
            let asked = PanelRequest {
                id: "api.latency".into(),
                form: Form::Json,
                window: query.window,
                until: query.until,
                compare: query.compare,
                scope: query.scope,
            };
            let view = asked.view();
            assert!(view.window >= seconds && view.window <= MAX_WINDOW, "{view}");
            assert!(
                view.slots() <= if seconds <= 900 { 300 } else { 1_000 } && view.window == view.slots() * view.step,
                "{view}"
            );
            assert_eq!(
                view.to_string()
                    .parse::<keiki_model::view::Item>()
                    .map(|item| item.view),
                Ok(view)
            );
        }
    }

    #[test]
    fn bad_parameters_are_named() {
        for bad in [
            "window=91d",
            "from=1",
            "to=x",
            "compare=1h",
            "compare=91d",
            "service=",
            "host=%zz",
            "lang=fr",
            "theme=blue",
            "stat=p12",
        ] {
            let name = bad.split('=').next().unwrap();
            match Query::parse(bad, Language::En) {
                Err(Fault::Parameter { name: named, .. }) => assert_eq!(named, name),
                other => panic!("{bad}: {other:?}"),
            }
        }
        assert_eq!(
            Query::parse("utm=1&token=x", Language::En),
            Query::parse("", Language::En)
        );
    }
}

//! What spans tell: how long requests, queries, cache operations and jobs took, and whose requests they were.
//!
//! A span is counted into the second in which it ended. Batches of several processes come at their own times, so a second
//! stays open for as long as late samples are taken, and is sent anew when more of it comes.

mod firestore;

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;

use keiki_decode::otlp::{self as wire, Attributes, Resource, Scope, Span, SpanKind, SpanVisitor, StatusCode, Value};
use keiki_model::histogram::Exponential;
use keiki_model::series::{Kind, Labels, OTHER, SERVICE_NAME, Sample, Series};
use keiki_model::time::{Millis, REVISION, SECOND, slot_start};
use ring::hmac;

use super::super::{FORGOTTEN, millis};
use super::{identity, told};
use crate::store::{FUTURE, Reason, Rejections};

/// How often a series is expected to tell of itself, milliseconds: exporters send batches every five seconds.
const INTERVAL: u32 = 5_000;

/// How many values of one label a service may have: routes, queries, users.
const VALUES: usize = 500;

const HTTP: &str = "http_server_request_duration_seconds";
const DATABASE: &str = "db_client_operation_duration_seconds";
const CACHE: &str = "cache_operation_duration_seconds";
const JOB: &str = "job_run_duration_seconds";
const USER: &str = "user_request_duration_seconds";

/// How many labels of services have their values bounded; beyond, all values are other ones.
const BOUNDED: usize = 10_000;

/// The labels whose values are bounded.
const LABELS: [&str; 6] = [
    "http_route",
    "db_query_summary",
    "cache_operation",
    "queue",
    "task",
    "user",
];

/// A metric and its labels.
type Id = (&'static str, Labels);

/// A duration that counts once its request was read to the end.
struct Staged {
    id: Id,
    /// The second in which it ended, and how long it took, seconds.
    second: Millis,
    seconds: f64,
}

/// A second's durations of one series.
#[derive(Debug)]
struct Timed {
    series: Arc<Series>,
    /// The newest seconds, in order.
    seconds: VecDeque<(Millis, Exponential)>,
    heard: Millis,
}

/// What is known of those who send spans.
pub(super) struct Spans {
    limit: usize,
    secret: hmac::Key,
    now: Millis,
    identity: Labels,
    timed: HashMap<Id, Timed>,
    /// The values that labels of services have had.
    values: HashMap<(Box<str>, &'static str), HashSet<Box<str>>>,
    /// The seconds that this request told of.
    touched: HashSet<(Id, Millis)>,
    staged: Vec<Staged>,
    /// Whether the spans that come are Firestore's, and what they tell.
    is_firestore: bool,
    operations: firestore::Operations,
    not_kept: Rejections,
    rejected: Option<String>,
    swept: Millis,
}

impl Spans {
    pub(super) fn new(limit: usize, secret: &[u8]) -> Self {
        Self {
            limit,
            secret: hmac::Key::new(hmac::HMAC_SHA256, secret),
            now: 0,
            identity: Labels::none(),
            timed: HashMap::new(),
            values: HashMap::new(),
            touched: HashSet::new(),
            staged: Vec::new(),
            is_firestore: false,
            operations: firestore::Operations::default(),
            not_kept: Rejections::default(),
            rejected: None,
            swept: Millis::MIN,
        }
    }

    pub(super) fn begin(&mut self, now: Millis) {
        self.now = now;
        self.touched.clear();
        self.staged.clear();
        self.is_firestore = false;
        self.operations = firestore::Operations::default();
        self.not_kept = Rejections::default();
        self.rejected = None;
    }

    pub(super) fn len(&self) -> usize {
        self.timed.len()
    }

    /// What is new of all seconds, and what was not kept.
    pub(super) fn take(&mut self) -> (Vec<Sample>, Rejections, Option<String>) {
        let operations = self.operations.take();
        for staged in std::mem::take(&mut self.staged).into_iter().chain(operations) {
            self.count(staged);
        }
        let mut samples = Vec::new();
        for (id, second) in std::mem::take(&mut self.touched) {
            let Some(timed) = self.timed.get(&id) else { continue };
            if let Some((_, durations)) = timed.seconds.iter().find(|(time, _)| *time == second) {
                samples.push(Sample::distribution(&timed.series, second, durations.clone().into()));
            }
        }
        self.sweep();
        (samples, self.not_kept, self.rejected.take())
    }

    fn sweep(&mut self) {
        let now = self.now;
        if (self.swept..self.swept.saturating_add(60 * SECOND)).contains(&now) {
            return;
        }
        self.swept = now;
        self.timed.retain(|_, timed| timed.heard >= now - FORGOTTEN);
        // Those that nobody uses any more make room for others.
        self.values.clear();
        for (_, labels) in self.timed.keys() {
            let service = labels.get(SERVICE_NAME).unwrap_or_default();
            for name in LABELS {
                if let Some(value) = labels.get(name) {
                    self.values
                        .entry((service.into(), name))
                        .or_default()
                        .insert(value.into());
                }
            }
        }
    }

    /// Notes one duration.
    fn record(&mut self, metric: &'static str, own: &[(&'static str, &str)], span: &Span<'_>) {
        let staged = self.stage(metric, own, span);
        self.staged.extend(staged);
    }

    /// One duration, unless it is of a time that is not kept.
    fn stage(&mut self, metric: &'static str, own: &[(&'static str, &str)], span: &Span<'_>) -> Option<Staged> {
        let end = millis(span.end_unix_nanos);
        let reason = match end - self.now {
            ahead if ahead > FUTURE => Some(Reason::Future),
            ahead if ahead < -REVISION => Some(Reason::Late),
            _ => None,
        };
        if let Some(reason) = reason {
            self.not_kept.count(reason);
            return None;
        }
        let labels = own
            .iter()
            .fold(self.identity.clone(), |labels, (name, value)| labels.with(name, value));
        Some(Staged {
            id: (metric, labels),
            // The end of the second, but never later than now.
            second: (slot_start(end, 1) + SECOND - 1).min(self.now.max(end)),
            seconds: span.duration_nanos() as f64 / 1e9,
        })
    }

    /// Counts one duration.
    fn count(&mut self, staged: Staged) {
        let Staged { id, second, seconds } = staged;
        if !self.timed.contains_key(&id) {
            if self.timed.len() >= self.limit {
                self.not_kept.count(Reason::SeriesLimit);
                self.rejected.get_or_insert_with(|| {
                    format!("there are {} series of spans, as many as the limit allows", self.limit)
                });
                return;
            }
            let series = Series::new(id.0, id.1.clone(), Kind::Histogram, Some(INTERVAL));
            self.timed.insert(
                id.clone(),
                Timed {
                    series,
                    seconds: VecDeque::new(),
                    heard: self.now,
                },
            );
        }
        let now = self.now;
        let Some(timed) = self.timed.get_mut(&id) else { return };
        timed.heard = now;
        while timed
            .seconds
            .front()
            .is_some_and(|(time, _)| *time < now - REVISION - SECOND)
        {
            timed.seconds.pop_front();
        }
        let place = match timed.seconds.binary_search_by_key(&second, |(time, _)| *time) {
            Ok(place) => place,
            Err(place) => {
                timed.seconds.insert(place, (second, Exponential::new()));
                place
            }
        };
        timed.seconds[place].1.record(seconds);
        self.touched.insert((id, second));
    }

    /// A value, unless the service has had too many of this label.
    fn bounded<'a>(&mut self, label: &'static str, value: &'a str) -> &'a str {
        let service = self.identity.get(SERVICE_NAME).unwrap_or_default();
        let key = (Box::from(service), label);
        if self.values.len() >= BOUNDED && !self.values.contains_key(&key) {
            return OTHER;
        }
        let values = self.values.entry(key).or_default();
        if values.contains(value) {
            return value;
        }
        if values.len() >= VALUES || value.len() > 256 {
            return OTHER;
        }
        values.insert(value.into());
        value
    }

    fn request(&mut self, span: &Span<'_>) {
        let attributes = &span.attributes;
        let method = text(attributes, &["http.request.method", "http.method"]);
        let status = text(attributes, &["http.response.status_code", "http.status_code"]);
        let remote = text(attributes, &["rpc.service"]);
        if method.is_none() && remote.is_none() {
            return;
        }
        let method = method.unwrap_or_else(|| text(attributes, &["rpc.system"]).unwrap_or_default());
        let route = text(attributes, &["http.route"]).or_else(|| {
            let method = text(attributes, &["rpc.method"]);
            remote.map(|service| format!("{service}/{}", method.unwrap_or_default()))
        });
        // Without a route the name is what was asked for by somebody: unbounded, unless it is just the method's.
        let route = route.unwrap_or_else(|| OTHER.into());
        let (method, route) = (known_method(&method), self.bounded("http_route", &route).to_owned());
        let failed =
            span.status.code == StatusCode::Error || status.as_deref().is_some_and(|code| code.starts_with('5'));
        let code = status.unwrap_or_else(|| if failed { "5xx" } else { "2xx" }.into());
        let labels = [
            ("http_request_method", method),
            ("http_route", &*route),
            ("http_response_status_code", &*code),
        ];
        self.record(HTTP, &labels, span);
        if let Some(user) = text(attributes, &["enduser.id", "user.id", "enduser.pseudo.id"]) {
            let user = self.pseudonym(&user);
            let user = self.bounded("user", &user).to_owned();
            let outcome = if failed { "failed" } else { "ok" };
            self.record(USER, &[("user", &*user), ("outcome", outcome)], span);
        }
    }

    fn query(&mut self, span: &Span<'_>) {
        let attributes = &span.attributes;
        let Some(system) = text(attributes, &["db.system.name", "db.system"]) else {
            return;
        };
        let operation = text(attributes, &["db.operation.name", "db.operation"]);
        let failed = span.status.code == StatusCode::Error;
        if CACHES.contains(&&*system) {
            let statement = text(attributes, &["db.query.text", "db.statement"]).unwrap_or_default();
            let operation = operation.unwrap_or_else(|| first_word(&statement).to_uppercase());
            let operation = self.bounded("cache_operation", &operation).to_owned();
            self.record(
                CACHE,
                &[("cache_tier", &*system), ("cache_operation", &*operation)],
                span,
            );
            return;
        }
        let summary = text(attributes, &["db.query.summary"]).or_else(|| {
            let target = text(
                attributes,
                &["db.collection.name", "db.sql.table", "db.mongodb.collection"],
            );
            Some([operation.clone()?, target?].join(" "))
        });
        let summary = summary
            .or_else(|| text(attributes, &["db.query.text", "db.statement"]).map(|statement| summarised(&statement)))
            .or(operation)
            .unwrap_or_else(|| OTHER.into());
        let summary = self.bounded("db_query_summary", &summary).to_owned();
        let error = if failed {
            text(attributes, &["error.type"]).unwrap_or_else(|| "error".into())
        } else {
            String::new()
        };
        let namespace = text(attributes, &["db.namespace", "db.name"]).unwrap_or_default();
        let labels = [
            ("db_system_name", &*system),
            ("db_query_summary", &*summary),
            ("db_namespace", &*namespace),
            ("error_type", &*error),
        ];
        self.record(DATABASE, &labels, span);
    }

    fn job(&mut self, span: &Span<'_>) {
        let attributes = &span.attributes;
        let Some(queue) = text(
            attributes,
            &[
                "messaging.destination.name",
                "messaging.destination",
                "messaging.system",
            ],
        ) else {
            return;
        };
        let task =
            text(attributes, &["celery.task_name", "messaging.operation.name"]).unwrap_or_else(|| span.name.to_owned());
        let (queue, task) = (
            self.bounded("queue", &queue).to_owned(),
            self.bounded("task", &task).to_owned(),
        );
        let outcome = if span.status.code == StatusCode::Error {
            "failed"
        } else {
            "ok"
        };
        self.record(JOB, &[("queue", &*queue), ("task", &*task), ("outcome", outcome)], span);
    }

    /// The same user under the same name, from which nobody learns who it is without the secret.
    fn pseudonym(&self, user: &str) -> String {
        let tag = hmac::sign(&self.secret, user.as_bytes());
        let mut name = String::from("u-");
        for byte in &tag.as_ref()[..5] {
            // Writing to a string does not fail.
            let _ = write!(name, "{byte:02x}");
        }
        name
    }
}

/// Systems that are caches to those who use them.
const CACHES: [&str; 4] = ["redis", "memcached", "valkey", "keydb"];

/// The first of these attributes that there is.
fn text(attributes: &Attributes<'_>, keys: &[&str]) -> Option<String> {
    let found = keys.iter().find_map(|key| attributes.get(key))?;
    match found {
        Value::Empty => None,
        value => Some(value.to_string()).filter(|text| !text.is_empty()),
    }
}

/// Methods are few; what else is sent is somebody's idea.
fn known_method(method: &str) -> &str {
    const METHODS: [&str; 9] = [
        "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE",
    ];
    if METHODS.contains(&method) || method.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
        method
    } else {
        OTHER
    }
}

fn first_word(statement: &str) -> &str {
    statement.split_whitespace().next().unwrap_or_default()
}

/// What kind of query a statement is, without anything of its values: the verb and the table it names.
fn summarised(statement: &str) -> String {
    let words: Vec<_> = statement
        .split(|c: char| c.is_whitespace() || "(),;".contains(c))
        .filter(|word| !word.is_empty())
        .take(64)
        .collect();
    let verb = words.first().map(|word| word.to_ascii_uppercase()).unwrap_or_default();
    let is_verb = verb.chars().all(|c| c.is_ascii_alphabetic()) && !verb.is_empty();
    if !is_verb {
        return OTHER.into();
    }
    let before_table = ["FROM", "INTO", "UPDATE", "TABLE", "JOIN"];
    let table = words.windows(2).find_map(|pair| {
        let is_before = before_table.contains(&&*pair[0].to_ascii_uppercase());
        let name = pair[1].trim_matches(['"', '`', '[', ']']);
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.\"$".contains(c));
        (is_before && is_name).then(|| name.replace('"', ""))
    });
    table.map_or(verb.clone(), |table| format!("{verb} {table}"))
}

impl SpanVisitor for Spans {
    fn resource(&mut self, resource: &Resource<'_>) {
        self.identity = identity(resource);
        self.is_firestore = false;
    }

    fn scope(&mut self, scope: &Scope<'_>) {
        self.is_firestore = firestore::is_firestore(scope);
    }

    fn span(&mut self, span: &Span<'_>) {
        match span.kind {
            _ if self.is_firestore => self.firestore(span),
            SpanKind::Server => self.request(span),
            SpanKind::Client => self.query(span),
            SpanKind::Consumer => self.job(span),
            _ => {}
        }
    }

    fn rejected(&mut self, reason: wire::Reason) {
        self.rejected.get_or_insert_with(|| told("", reason));
    }
}

#[cfg(test)]
mod tests;

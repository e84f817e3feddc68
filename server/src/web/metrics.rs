//! `/metrics`: Keiki's own metrics in the text format of Prometheus (version 0.0.4).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use keiki_model::histogram::Distribution;
use keiki_model::series::{Kind, Labels, Series};

use super::health::plain;
use super::router::Shared;
use crate::source::own::Total;

/// Upper bounds of the buckets of every duration, seconds.
pub const BOUNDS: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// One series as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct Exposed {
    /// The metric.
    pub name: String,
    /// One sentence about it.
    pub help: String,
    /// What its value means.
    pub kind: Kind,
    /// What tells it from the metric's other series.
    pub labels: Labels,
    /// Its value.
    pub value: Value,
}

/// The value of an [`Exposed`].
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of a counter, the running total; of a gauge, the value now.
    Number(f64),
    /// Of a histogram, all since the process started.
    Histogram {
        /// Upper bound and how many were at most that, ascending; without the infinite one.
        buckets: Vec<(f64, u64)>,
        /// The sum of all.
        sum: f64,
        /// How many there were.
        count: u64,
    },
}

impl Exposed {
    /// A series of Keiki's own and its running total.
    pub fn new(series: &Series, total: &Total, help: &str) -> Self {
        Self {
            name: series.name().to_owned(),
            help: help.to_owned(),
            kind: series.kind(),
            labels: series.labels().clone(),
            value: match total {
                Total::Number(number) => Value::Number(*number),
                Total::Distribution(distribution) => explicit(distribution),
            },
        }
    }
}

/// A distribution on [`BOUNDS`]. A fine bucket that a bound cuts counts above it, so that an explicit bucket never
/// holds what is larger than its bound; what is off is at most the 2.2 % around the bound.
pub fn explicit(distribution: &Distribution) -> Value {
    let mut buckets = BOUNDS.map(|bound| (bound, 0));
    for (_, upper, count) in distribution.buckets() {
        // The boundaries are powers of a root of two: they may miss a round number by the last digit.
        let fits = |bound: f64| upper.is_some_and(|upper| upper <= bound * (1.0 + 1e-9));
        for (bound, below) in &mut buckets {
            if fits(*bound) {
                *below += count;
            }
        }
    }
    Value::Histogram {
        buckets: buckets.to_vec(),
        sum: distribution.sum(),
        count: distribution.count(),
    }
}

/// `GET {base}/metrics`
pub(super) async fn serve(State(site): State<Shared>) -> Response {
    let mut response = plain(StatusCode::OK, encode((site.state.metrics)()));
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// Writes series as text, a metric at a time, sorted by name.
pub fn encode(series: Vec<Exposed>) -> String {
    let mut metrics: BTreeMap<String, Vec<Exposed>> = BTreeMap::new();
    for one in series {
        metrics.entry(exposed_name(&one.name, one.kind)).or_default().push(one);
    }
    let mut out = String::new();
    for (name, mut series) in metrics {
        let Some(first) = series.first() else { continue };
        let kind = first.kind;
        let help = first.help.replace('\\', "\\\\").replace('\n', "\\n");
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {}", type_name(kind));
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        // The same series twice would make the whole page unreadable.
        series.dedup_by(|a, b| a.labels == b.labels);
        for one in series.iter().filter(|one| one.kind == kind) {
            write_series(&mut out, &name, one);
        }
    }
    out
}

fn write_series(out: &mut String, name: &str, one: &Exposed) {
    let labels = sanitized(&one.labels);
    match &one.value {
        Value::Number(number) => {
            let _ = writeln!(out, "{name}{labels} {}", text(*number));
        }
        Value::Histogram { buckets, sum, count } => {
            let mut bucket = |bound: f64, below: u64| {
                let labels = labels.clone().with("le", &text(bound));
                let _ = writeln!(out, "{name}_bucket{labels} {below}");
            };
            for (bound, below) in buckets {
                bucket(*bound, *below);
            }
            bucket(f64::INFINITY, *count);
            let _ = writeln!(out, "{name}_sum{labels} {}\n{name}_count{labels} {count}", text(*sum));
        }
    }
}

fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    }
}

/// A name that Prometheus takes. The endings `_total` and `_count` say of a gauge what it is not, and are left out.
fn exposed_name(name: &str, kind: Kind) -> String {
    let mut name = if kind == Kind::Gauge {
        let name = name.strip_suffix("_total").unwrap_or(name);
        plain_name(name.strip_suffix("_count").unwrap_or(name))
    } else {
        plain_name(name)
    };
    if kind == Kind::Counter && !name.ends_with("_total") {
        name.push_str("_total");
    }
    name
}

/// Letters, digits and underscores, not beginning with a digit.
fn plain_name(name: &str) -> String {
    let mut plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' })
        .collect();
    if plain.is_empty() || plain.starts_with(|c: char| c.is_ascii_digit()) {
        plain.insert(0, '_');
    }
    plain
}

/// The labels under names that Prometheus takes; values may be anything but a carriage return, at which some of its
/// readers end a line.
fn sanitized(labels: &Labels) -> Labels {
    Labels::new(
        labels
            .iter()
            .map(|(name, value)| (plain_name(name), value.replace('\r', " "))),
    )
}

fn text(number: f64) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number == f64::INFINITY {
        "+Inf".to_owned()
    } else if number == f64::NEG_INFINITY {
        "-Inf".to_owned()
    } else {
        number.to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    fn exposed(name: &str, kind: Kind, labels: &[(&str, &str)], value: Value) -> Exposed {
        let labels = Labels::new(labels.iter().copied());
        Exposed {
            name: name.into(),
            help: format!("About {name}\\ and\nmore."),
            kind,
            labels,
            value,
        }
    }

    fn sample() -> String {
        let mut distribution = keiki_model::histogram::Exponential::new();
        for value in [0.0, 0.0005, 0.003, 0.2, 30.0] {
            distribution.record(value);
        }
        encode(vec![
            exposed(
                "b_seconds",
                Kind::Histogram,
                &[("route", "/a")],
                explicit(&distribution.into()),
            ),
            exposed(
                "a_total",
                Kind::Counter,
                &[("x", "quote\" back\\ line\n\r</script>\u{1}計")],
                Value::Number(3.0),
            ),
            exposed("a_total", Kind::Counter, &[("bad-name", "1")], Value::Number(1e15)),
            exposed("a_total", Kind::Counter, &[("bad-name", "1")], Value::Number(2.0)),
            exposed("workers_total", Kind::Gauge, &[], Value::Number(2.5)),
        ])
    }

    #[test]
    fn the_text_is_as_prometheus_wants_it() {
        let text = sample();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "# HELP a_total About a_total\\\\ and\\nmore.");
        assert_eq!(lines[1], "# TYPE a_total counter");
        assert_eq!(lines[2], "a_total{bad_name=\"1\"} 1000000000000000");
        assert_eq!(lines[3], "a_total{x=\"quote\\\" back\\\\ line\\n </script>\u{1}計\"} 3");
        assert!(
            text.contains("\nb_seconds_bucket{le=\"0.001\",route=\"/a\"} 2\n"),
            "{text}"
        );
        assert!(
            text.contains("\nb_seconds_bucket{le=\"0.25\",route=\"/a\"} 4\n"),
            "{text}"
        );
        assert!(
            text.contains("\nb_seconds_bucket{le=\"+Inf\",route=\"/a\"} 5\n"),
            "{text}"
        );
        assert!(text.contains("\nb_seconds_count{route=\"/a\"} 5\n"), "{text}");
        assert!(text.ends_with("# TYPE workers gauge\nworkers 2.5\n"), "{text}");
    }

    #[test]
    fn promtool_accepts_it() {
        let promtool = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut promtool) = promtool else {
            eprintln!("promtool is not installed: skipped");
            return;
        };
        promtool.stdin.take().unwrap().write_all(sample().as_bytes()).unwrap();
        let output = promtool.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

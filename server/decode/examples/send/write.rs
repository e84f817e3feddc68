//! Requests of Prometheus' remote write.

use prost::Message;

use super::{IN_A_REQUEST, ROUNDS, Request, STEP};

const BOUNDS: [&str; 12] = [
    "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf",
];
/// Series of one classic histogram: its buckets, sum and count.
const PARTS: usize = BOUNDS.len() + 2;

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

/// The labels of a service's series; those that are named `le` come where they belong by name.
fn labels(name: String, series: usize, le: Option<&str>) -> Vec<Label> {
    let mut labels = vec![
        ("__name__", name),
        (
            "instance",
            format!("10.0.{}.{}:9090", series / 2_500 % 250, series / 50 % 50),
        ),
        ("job", "checkout-api".into()),
        ("method", ["GET", "POST", "PUT"][series % 3].into()),
        ("route", format!("/api/v1/items/{series}")),
        ("status", "200".into()),
    ];
    if let Some(le) = le {
        labels.insert(3, ("le", le.into()));
    }
    let label = |(name, value): (&str, String)| Label {
        name: name.into(),
        value,
    };
    labels.into_iter().map(label).collect()
}

fn series(labels: Vec<Label>) -> TimeSeries {
    TimeSeries {
        labels,
        samples: vec![Sample::default()],
    }
}

/// Counters and gauges, by turns.
pub(crate) fn numbers(first: usize) -> Vec<TimeSeries> {
    let name = |n: usize| {
        format!(
            "app{}_{}",
            n / 2 % 50,
            if n.is_multiple_of(2) { "work_total" } else { "level" }
        )
    };
    (first..first + IN_A_REQUEST)
        .map(|n| series(labels(name(n), n, None)))
        .collect()
}

/// The same, but for half of them, which are parts of classic histograms.
pub(crate) fn mixed(first: usize) -> Vec<TimeSeries> {
    let mut all = numbers(first);
    for (place, one) in all.iter_mut().take(IN_A_REQUEST / 2 / PARTS * PARTS).enumerate() {
        let (histogram, part) = (first + place / PARTS, place % PARTS);
        *one = series(match part {
            0 => labels("app_request_duration_seconds_sum".into(), histogram, None),
            1 => labels("app_request_duration_seconds_count".into(), histogram, None),
            _ => labels(
                "app_request_duration_seconds_bucket".into(),
                histogram,
                Some(BOUNDS[part - 2]),
            ),
        });
    }
    all
}

/// Whatever is read as a total grows; in a histogram each bucket does by what lies in it.
fn value(labels: &[Label], place: usize, round: usize) -> f64 {
    let name = labels[0].value.as_str();
    let grown = (round * (place % 7 + 1)) as f64;
    match name.rsplit('_').next() {
        Some("level") => ((place * 7_919 + round * 104_729) % 100_003) as f64 / 100.0,
        Some("bucket") => {
            let bound = labels.iter().find(|label| label.name == "le");
            let at = bound.and_then(|bound| BOUNDS.iter().position(|known| *known == bound.value));
            (round * (at.unwrap_or(0) + 1)) as f64
        }
        Some("count") => (round * BOUNDS.len()) as f64,
        Some("sum") => grown * 0.137,
        _ => grown,
    }
}

/// The samples of a round, packed.
fn body(timeseries: &mut Vec<TimeSeries>, round: usize, time: i64) -> Vec<u8> {
    for (place, one) in timeseries.iter_mut().enumerate() {
        one.samples[0] = Sample {
            value: value(&one.labels, place, round),
            timestamp: time,
        };
    }
    let request = WriteRequest {
        timeseries: std::mem::take(timeseries),
    };
    let packed = snap::raw::Encoder::new().compress_vec(&request.encode_to_vec());
    *timeseries = request.timeseries;
    packed.expect("a request is far below what snappy can pack")
}

/// All rounds of a request, packed beforehand.
pub(crate) struct Made(Vec<Vec<u8>>);

impl Made {
    pub(crate) fn new(mut series: Vec<TimeSeries>, base: i64) -> Self {
        let made = (0..ROUNDS).map(|round| body(&mut series, round, base + round as i64 * STEP));
        Self(made.collect())
    }
}

impl Request for Made {
    fn body(&mut self, round: usize) -> &[u8] {
        &self.0[round]
    }
}

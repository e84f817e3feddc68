//! Sources: where samples come from.
//!
//! A [`Source`] reads a part of the world and returns samples; [`runner::run`] calls it in time and survives its
//! failures; [`status::StatusBoard`] tells everyone how it fares. A source turns raw input into samples itself, once,
//! and knows nothing of what becomes of them.

use std::future::Future;
use std::io;
use std::path::Path;
use std::time::Duration;

use keiki_model::series::Sample;
use keiki_model::text::Text;
use keiki_model::time::Millis;

pub mod host;
pub mod metric;
pub mod own;
pub mod postgres;
pub mod runner;
pub mod scrape;
pub mod statsd;
pub mod status;
mod thread;
pub mod tls;

/// A source reads the world and returns samples.
///
/// The contract, which the tests check for every source: a sample's time is when it was read; a series appears once per
/// reading; every value is finite; series are declared through [`metric::Metric`] with their interval.
pub trait Source: Send + 'static {
    /// Its name on the sources page and in `keiki_source_up{source}`: `host`, `self`, `scrape:web`.
    fn name(&self) -> &str;

    /// The time between two readings, whole seconds.
    fn interval(&self) -> Duration;

    /// How long one reading may take; then it is dropped and counts as failed. Less than the interval, so that a slow
    /// reading does not cost the next one.
    fn timeout(&self) -> Duration {
        default_timeout(self.interval())
    }

    /// Metrics that it can be known to feed before it ever has: where it fails from the start, their panels say why.
    fn feeds(&self) -> &'static [metric::Metric] {
        &[]
    }

    /// What came to it since it was asked last and was not taken; asked after each reading.
    fn refused(&mut self) -> Option<Refused> {
        None
    }

    /// One reading. Runs on the source's own task, must not block it, and may be dropped at any await.
    ///
    /// # Errors
    ///
    /// The world cannot be read now; the runner tries again later. The text is for operators and holds no secrets.
    fn collect(&mut self, now: Millis) -> impl Future<Output = Result<Vec<Sample>, SourceError>> + Send;
}

/// What came to a source and was not understood, or not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// How many: lines, points, targets.
    pub count: u64,
    /// Why, the newest reason. For operators, without secrets.
    pub why: Text,
}

/// Whether a host is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// The interval (at least a second) less 200 ms: 800 ms for a source read every second.
pub fn default_timeout(interval: Duration) -> Duration {
    interval.max(Duration::from_secs(1)) - Duration::from_millis(200)
}

/// Why a reading failed, in words for an operator.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// No answer in time.
    #[error("no answer within {:.1} s", .0.as_secs_f64())]
    Timeout(Duration),
    /// A file or a connection failed.
    #[error("{what}: {error}")]
    Io {
        /// What was read: a path or an address without credentials.
        what: String,
        /// What the operating system said.
        error: io::Error,
    },
    /// The other side refused, or is not there.
    #[error("{}", .0.en)]
    Unavailable(Text),
    /// The answer is not what it should be.
    #[error("{} is not understood: {}", .what.en, .why.en)]
    Invalid {
        /// What was read.
        what: Text,
        /// What is wrong with it. Where a parser says it, with the place, it is English in both.
        why: Text,
    },
    /// Another reading had what this one needed. Neither a success nor a failure: nothing new is known of what is read.
    #[error(
        "another reading of the same server leaves this one no time: a longer interval helps, or a shorter way to it"
    )]
    Busy,
    /// The source has a bug.
    #[error("the source failed inside: {0}")]
    Panicked(String),
}

impl SourceError {
    /// The same in both languages. What others say, an operating system or a server, stays as they say it.
    pub fn text(&self) -> Text {
        let en = self.to_string();
        let ja = match self {
            Self::Timeout(limit) => format!("{:.1} 秒以内に応答がありません", limit.as_secs_f64()),
            Self::Io { .. } => en.clone(),
            Self::Unavailable(text) => return text.clone(),
            Self::Invalid { what, why } => format!("{} を解釈できません：{}", what.ja, why.ja),
            Self::Busy => {
                "同じサーバーの別の読み取りに時間を取られています。間隔を長くするか、接続経路を短くしてください"
                    .to_owned()
            }
            Self::Panicked(why) => format!("このソースの内部で異常が起きました：{why}"),
        };
        Text::of(ja, en)
    }

    /// A failed file operation.
    pub fn file(path: &Path, error: io::Error) -> Self {
        Self::Io {
            what: path.display().to_string(),
            error,
        }
    }

    /// A file whose text is not what it should be.
    pub fn invalid(path: &Path, why: impl Into<Text>) -> Self {
        Self::Invalid {
            what: path.display().to_string().into(),
            why: why.into(),
        }
    }

    /// The message of a caught panic.
    pub(crate) fn panicked(payload: &(dyn std::any::Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        Self::Panicked(
            text.or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "panic".into()),
        )
    }
}

/// The contract of [`Source`] on one reading; every source's tests call it.
#[cfg(test)]
pub(crate) mod contract {
    use std::collections::HashSet;

    use keiki_model::series::{HOST_NAME, Kind, Sample, Value};
    use keiki_model::time::Millis;

    /// Panics with the series that breaks the contract.
    pub(crate) fn check(samples: &[Sample], from: Millis, to: Millis) {
        let mut seen = HashSet::new();
        for sample in samples {
            let id = format!("{}{}", sample.series.name(), sample.series.labels());
            assert!(
                (from..=to).contains(&sample.time),
                "{id} was read at {}, not in {from}..={to}",
                sample.time
            );
            assert!(seen.insert(id.clone()), "{id} appears twice");
            assert!(sample.series.interval_ms().is_some(), "{id} declares no interval");
            assert!(sample.series.labels().get(HOST_NAME).is_some(), "{id} has no host");
            if let Value::Number(value) = sample.value {
                assert!(value.is_finite(), "{id} is {value}");
                assert!(sample.series.kind() != Kind::Counter || value >= 0.0, "{id} is {value}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_timeout_leaves_room_before_the_next_reading() {
        let check = |seconds, millis| {
            assert_eq!(
                default_timeout(Duration::from_secs(seconds)),
                Duration::from_millis(millis)
            );
        };
        check(1, 800);
        check(15, 14_800);
        assert_eq!(default_timeout(Duration::from_millis(100)), Duration::from_millis(800));
    }

    #[test]
    fn errors_read_as_sentences_for_operators() {
        let error = SourceError::file(Path::new("/proc/stat"), io::ErrorKind::NotFound.into());
        assert_eq!(error.to_string(), "/proc/stat: entity not found");
        assert_eq!(
            SourceError::Timeout(Duration::from_millis(800)).to_string(),
            "no answer within 0.8 s"
        );
        let error = SourceError::invalid(
            Path::new("/proc/stat"),
            Text::new("cpu の行がありません", "no line cpu"),
        );
        assert_eq!(error.to_string(), "/proc/stat is not understood: no line cpu");
        assert_eq!(error.text().ja, "/proc/stat を解釈できません：cpu の行がありません");
    }
}

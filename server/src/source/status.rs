//! How every source fares: written by the runner, read by pages, `/metrics` and the sources list.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keiki_model::series::{Labels, Sample, Series};
use keiki_model::text::Text;
use keiki_model::time::Millis;

use super::metric::{Metric, metrics};
use super::{Refused, SourceError};
use crate::store::Rejections;

metrics! {
    UP = Gauge "keiki_source_up" ["source"] every 1000:
        "Whether the newest reading of the source succeeded, 0 or 1.";
    LAST_SUCCESS = Gauge "keiki_source_last_success_timestamp_seconds" ["source"] every 1000:
        "When the source was last read with success, Unix seconds.";
    ERRORS = Counter "keiki_source_errors_total" ["source"] every 1000:
        "Failed readings of the source.";
    SAMPLES = Counter "keiki_source_samples_total" ["source"] every 1000:
        "Samples read from the source, also those that were not kept.";
    REJECTED = Counter "keiki_source_rejected_total" ["source", "reason"] every 1000:
        "Samples of the source that were not kept, by reason.";
    REFUSED = Counter "keiki_source_refused_total" ["source"] every 1000:
        "What came to the source and was not understood or not taken: lines, points, targets.";
    COLLECT_DURATION = Gauge "keiki_source_collect_duration_seconds" ["source"] every 1000:
        "How long the newest reading of the source took, seconds.";
}

/// An error's text is cut here, in characters: it is shown on a page, not kept as a log.
const ERROR_LENGTH: usize = 300;

/// A source's failures are written to the log at most this often, milliseconds: one that fails in ever new words, or every
/// other time, must not fill it.
const WARN_EVERY: Millis = 60_000;

/// Over how long samples per second are told, milliseconds, and over how many readings at the most.
const RECENT: Millis = 60_000;
const MOST_RECENT: usize = 120;

/// How one source fares.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceStatus {
    /// The source's name.
    pub name: String,
    /// Metrics that it is known to feed.
    pub feeds: &'static [Metric],
    /// Whether the newest reading succeeded; `false` before the first.
    pub up: bool,
    /// When it was last read with success, Unix milliseconds.
    pub last_success: Option<Millis>,
    /// When and why it last failed. Stays after a recovery; compare with `last_success`.
    pub last_error: Option<(Millis, Text)>,
    /// Since when no reading has succeeded: the first failure after a success. Nothing while it is up.
    pub failing_since: Option<Millis>,
    /// Samples read since Keiki started.
    pub samples_total: u64,
    /// How many samples there had been at times of the newest minute.
    recent: VecDeque<(Millis, u64)>,
    /// Samples of it that were not kept.
    pub rejected: Rejections,
    /// What came to it and was not understood or not taken, and when and why that last happened.
    pub refused_total: u64,
    /// See there.
    pub last_refused: Option<(Millis, Text)>,
    /// Failed readings since Keiki started.
    pub errors_total: u64,
    /// How long the newest reading took, seconds.
    pub collect_seconds_last: Option<f64>,
    /// When it will be read next, Unix milliseconds; `None` before the start and after the end of its runner.
    pub next_attempt: Option<Millis>,
}

impl SourceStatus {
    /// Samples per second, of late.
    pub fn samples_per_second(&self) -> Option<f64> {
        let ((from, before), (to, after)) = (*self.recent.front()?, *self.recent.back()?);
        (to > from).then(|| (after - before) as f64 / ((to - from) as f64 / 1_000.0))
    }
}

#[derive(Debug, Default)]
struct Entry {
    status: SourceStatus,
    /// The series of this source's status and the identity for which they were made.
    series: Option<(Labels, [Arc<Series>; 5])>,
    told: Told,
}

/// What the log says of a source. It is told when the source begins to fail and when it is well again, not at every attempt.
#[derive(Debug, Default)]
struct Told {
    /// The failure that was told of, until its end is told, too.
    failure: Option<String>,
    /// When that was.
    at: Option<Millis>,
}

impl Told {
    /// Whether a failure is to be told.
    fn failed(&mut self, now: Millis, error: &str) -> bool {
        // A clock that was set far back is no reason to keep quiet.
        let is_due = self.at.is_none_or(|at| (now - at).abs() >= WARN_EVERY);
        if !is_due || self.failure.as_deref() == Some(error) {
            return false;
        }
        (self.failure, self.at) = (Some(error.to_owned()), Some(now));
        true
    }

    /// Whether it is to be told that the source is well: only where it was told that it is not.
    fn succeeded(&mut self) -> bool {
        self.failure.take().is_some()
    }
}

impl Entry {
    fn series(&mut self, identity: &Labels) -> &[Arc<Series>; 5] {
        if self.series.as_ref().is_some_and(|(made_for, _)| made_for != identity) {
            self.series = None;
        }
        let name = self.status.name.as_str();
        let make = || {
            (
                identity.clone(),
                [UP, LAST_SUCCESS, ERRORS, COLLECT_DURATION, SAMPLES].map(|m| m.series(identity, &[name])),
            )
        };
        &self.series.get_or_insert_with(make).1
    }
}

/// The status of all sources. Cheap to clone; all clones are one board.
#[derive(Clone, Debug, Default)]
pub struct StatusBoard {
    // A mutex, not a task: writers hold it for a few assignments, once per reading.
    entries: Arc<Mutex<Entries>>,
}

/// The places of sources by their number, in the order of their registration.
#[derive(Debug, Default)]
struct Entries {
    all: BTreeMap<u64, Entry>,
    next: u64,
}

impl StatusBoard {
    /// A board without sources.
    pub fn new() -> Self {
        Self::default()
    }

    /// A place on the board for one source. Sources are listed in the order of their registration.
    pub fn register(&self, name: &str, feeds: &'static [Metric]) -> StatusHandle {
        let mut entries = self.lock();
        let status = SourceStatus {
            name: name.to_owned(),
            feeds,
            ..SourceStatus::default()
        };
        let number = entries.next;
        entries.next += 1;
        let entry = Entry {
            status,
            ..Entry::default()
        };
        entries.all.insert(number, entry);
        StatusHandle {
            board: self.clone(),
            number,
        }
    }

    /// The status of every source now.
    pub fn sources(&self) -> Vec<SourceStatus> {
        self.lock().all.values().map(|entry| entry.status.clone()).collect()
    }

    /// Whether the newest reading of every source succeeded.
    pub fn all_up(&self) -> bool {
        self.lock().all.values().all(|entry| entry.status.up)
    }

    /// The board as samples of `keiki_source_*{source}`. `identity` holds the labels of Keiki itself. A source that has
    /// not been tried yet has none.
    pub fn samples(&self, now: Millis, identity: &Labels) -> Vec<Sample> {
        let mut samples = Vec::new();
        for entry in self.lock().all.values_mut() {
            let SourceStatus {
                up,
                last_success,
                errors_total,
                collect_seconds_last,
                samples_total,
                rejected,
                refused_total,
                ..
            } = entry.status;
            let Some(seconds) = collect_seconds_last else { continue };
            let name = entry.status.name.clone();
            for (reason, count) in rejected.iter().filter(|(_, count)| *count > 0) {
                let series = REJECTED.series(identity, &[&name, reason.as_str()]);
                samples.push(Sample::number(&series, now, count as f64));
            }
            if refused_total > 0 {
                let series = REFUSED.series(identity, &[&name]);
                samples.push(Sample::number(&series, now, refused_total as f64));
            }
            let [
                up_series,
                success_series,
                errors_series,
                duration_series,
                samples_series,
            ] = entry.series(identity);
            samples.push(Sample::number(samples_series, now, samples_total as f64));
            samples.push(Sample::number(up_series, now, f64::from(u8::from(up))));
            samples.push(Sample::number(errors_series, now, errors_total as f64));
            samples.push(Sample::number(duration_series, now, seconds));
            if let Some(success) = last_success {
                samples.push(Sample::number(success_series, now, success as f64 / 1_000.0));
            }
        }
        samples
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        // Nothing panics between two assignments; a poisoned board is still a consistent one.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One source's place on the board.
#[derive(Clone, Debug)]
pub struct StatusHandle {
    board: StatusBoard,
    number: u64,
}

impl StatusHandle {
    /// When the source will be read next; `None` for never again.
    pub fn scheduled(&self, next_attempt: Option<Millis>) {
        self.change(|entry| entry.status.next_attempt = next_attempt);
    }

    /// A reading at `now` that took `took` and gave `samples` samples.
    pub fn succeeded(&self, now: Millis, took: Duration, samples: usize) {
        let recovered = self.change(|entry| {
            let status = &mut entry.status;
            status.up = true;
            status.failing_since = None;
            status.last_success = Some(now);
            status.samples_total += samples as u64;
            status.recent.push_back((now, status.samples_total));
            while status.recent.front().is_some_and(|(time, _)| *time < now - RECENT)
                || status.recent.len() > MOST_RECENT
            {
                status.recent.pop_front();
            }
            status.collect_seconds_last = Some(took.as_secs_f64());
            entry.told.succeeded().then(|| status.name.clone())
        });
        if let Some(source) = recovered.flatten() {
            tracing::info!(%source, "the source can be read again");
        }
    }

    /// What of the source's samples was not kept.
    pub fn rejected(&self, rejected: &Rejections) {
        if rejected.iter().any(|(_, count)| count > 0) {
            self.change(|entry| entry.status.rejected.add(rejected));
        }
    }

    /// What came to the source and was not taken.
    pub fn refused(&self, now: Millis, refused: &Refused) {
        let why = Text::of(shown(&refused.why.ja), shown(&refused.why.en));
        self.change(|entry| {
            entry.status.refused_total += refused.count;
            entry.status.last_refused = Some((now, why));
        });
    }

    /// The source is no more: nothing is told of it from now on, whatever a reading under way still says.
    pub fn retire(&self) {
        self.board.lock().all.remove(&self.number);
    }

    /// A reading at `now` that took `took` and failed.
    pub fn failed(&self, now: Millis, took: Duration, error: &SourceError) {
        let Text { ja, en } = error.text();
        let (text, ja) = (shown(&en), shown(&ja));
        let begun = self.change(|entry| {
            let status = &mut entry.status;
            let begun = entry.told.failed(now, &text);
            let begun = begun.then(|| (status.name.clone(), text.clone()));
            status.up = false;
            status.failing_since.get_or_insert(now);
            status.last_error = Some((now, Text::of(ja, text)));
            status.errors_total += 1;
            status.collect_seconds_last = Some(took.as_secs_f64());
            begun
        });
        // Not under the lock: who reads the log may be slow.
        if let Some((source, error)) = begun.flatten() {
            tracing::warn!(%source, %error, "the source can't be read");
        }
    }

    /// The status now; nothing of one that is no more.
    pub fn get(&self) -> SourceStatus {
        self.change(|entry| entry.status.clone()).unwrap_or_default()
    }

    fn change<T>(&self, change: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        self.board.lock().all.get_mut(&self.number).map(change)
    }
}

/// A reason as it may be shown.
fn shown(why: &str) -> String {
    let plain = why.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(ERROR_LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use keiki_model::series::{HOST_NAME, SERVICE_NAME, Value};

    use super::*;
    use crate::source::{contract, metric};

    fn values(board: &StatusBoard) -> Vec<(String, f64)> {
        let identity = Labels::new([(SERVICE_NAME, "keiki"), (HOST_NAME, "h")]);
        let samples = board.samples(9_000, &identity);
        contract::check(&samples, 9_000, 9_000);
        let number = |sample: &Sample| match sample.value {
            Value::Number(value) => value,
            Value::Distribution(_) => f64::NAN,
        };
        samples
            .iter()
            .map(|sample| {
                (
                    format!("{}{}", sample.series.name(), sample.series.labels()),
                    number(sample),
                )
            })
            .collect()
    }

    #[test]
    fn the_table_keeps_the_grammar() {
        metric::check_table(ALL);
    }

    #[test]
    fn a_board_tells_each_source_apart() {
        let board = StatusBoard::new();
        let (host, web) = (board.register("host", &[]), board.register("scrape:web", &[]));
        assert!(values(&board).is_empty(), "what was never tried has no state");

        host.succeeded(8_000, Duration::from_millis(2), 40);
        web.failed(
            8_500,
            Duration::from_millis(800),
            &SourceError::Unavailable(Text::same("refused\nby the peer")),
        );
        let labels =
            |name: &str, source: &str| format!("{name}{{host_name=\"h\",service_name=\"keiki\",source=\"{source}\"}}");
        assert_eq!(
            values(&board),
            [
                (labels(SAMPLES.name, "host"), 40.0),
                (labels(UP.name, "host"), 1.0),
                (labels(ERRORS.name, "host"), 0.0),
                (labels(COLLECT_DURATION.name, "host"), 0.002),
                (labels(LAST_SUCCESS.name, "host"), 8.0),
                (labels(SAMPLES.name, "scrape:web"), 0.0),
                (labels(UP.name, "scrape:web"), 0.0),
                (labels(ERRORS.name, "scrape:web"), 1.0),
                (labels(COLLECT_DURATION.name, "scrape:web"), 0.8),
            ]
        );
        assert_eq!(web.get().last_error, Some((8_500, Text::same("refused by the peer"))));
        assert_eq!(host.get().samples_total, 40);
    }

    #[test]
    fn what_is_refused_is_counted_and_what_retired_is_gone() {
        let board = StatusBoard::new();
        let (statsd, gone) = (board.register("statsd", &[]), board.register("scrape:gone", &[]));
        statsd.succeeded(8_000, Duration::ZERO, 1);
        for (count, why) in [(2, "no value"), (3, "no\nname")] {
            let why = Text::same(why);
            statsd.refused(8_000, &Refused { count, why });
        }
        assert_eq!(statsd.get().last_refused, Some((8_000, Text::same("no name"))));
        let refused: Vec<_> = values(&board)
            .into_iter()
            .filter(|(name, _)| name.starts_with(REFUSED.name))
            .collect();
        let name = format!(
            "{}{{host_name=\"h\",service_name=\"keiki\",source=\"statsd\"}}",
            REFUSED.name
        );
        assert_eq!(refused, [(name, 5.0)]);
        gone.failed(8_000, Duration::ZERO, &SourceError::Busy);
        gone.retire();
        gone.failed(9_000, Duration::ZERO, &SourceError::Busy);
        assert_eq!(board.sources().len(), 1);
        assert!(board.all_up());
    }

    #[test]
    fn the_log_is_told_of_changes_and_not_of_attempts() {
        let mut told = Told::default();
        assert!(!told.succeeded(), "what was never in error is not well again");
        assert!(told.failed(1_000, "refused"));
        assert!(!told.failed(2_000, "refused") && !told.failed(90_000, "refused"));
        assert!(told.failed(91_000, "no right"), "other words, a minute later");
        assert!(!told.failed(92_000, "refused"), "and again too soon");
        assert!(told.failed(151_000, "refused"));
        assert!(told.succeeded() && !told.succeeded());
        // Now well, now not: the minute holds for these, too, and what was not told has no end to tell of.
        assert!(!told.failed(160_000, "refused") && !told.succeeded());
        assert!(told.failed(211_000, "refused"));
        assert!(told.failed(-5_000_000, "clock set back"));
    }

    #[test]
    fn series_are_made_once_per_identity() {
        let board = StatusBoard::new();
        board.register("host", &[]).succeeded(1, Duration::ZERO, 1);
        let (a, b) = (Labels::new([(HOST_NAME, "a")]), Labels::new([(HOST_NAME, "b")]));
        let first = |identity: &Labels| Arc::clone(&board.samples(1, identity)[0].series);
        assert!(Arc::ptr_eq(&first(&a), &first(&a)));
        assert_eq!(first(&b).labels().get(HOST_NAME), Some("b"));
    }
}

//! Keiki itself as a source: what its recorder measured, how its sources fare, what its store holds.
//!
//! The store gets each second's distributions; `/metrics` wants running totals. [`Totals`] keeps those, made from the
//! same readings, so that the two cannot disagree.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keiki_instrument::{Identity, JobInstrument, Recorder};
use keiki_model::histogram::Distribution;
use keiki_model::series::{HOST_NAME, Labels, SERVICE_INSTANCE_ID, SERVICE_NAME, Sample, Series, Value};
use keiki_model::time::Millis;

use super::metric::Metric;
use super::status::StatusBoard;
use super::{Refused, Source, SourceError};

/// More samples that belong to Keiki itself, asked for at every reading.
pub type Extra = Box<dyn FnMut(Millis) -> Vec<Sample> + Send>;

/// Reads Keiki itself, every second.
pub struct OwnSource {
    recorder: Recorder,
    board: StatusBoard,
    identity: Labels,
    extra: Vec<Extra>,
    totals: Totals,
}

impl OwnSource {
    /// A source over Keiki's recorder and the board of its sources.
    pub fn new(recorder: Recorder, board: StatusBoard, extra: Vec<Extra>, totals: Totals) -> Self {
        let identity = labels(recorder.identity());
        Self {
            recorder,
            board,
            identity,
            extra,
            totals,
        }
    }
}

/// The labels of an identity.
pub fn labels(identity: &Identity) -> Labels {
    Labels::new([
        (SERVICE_NAME, &*identity.service_name),
        (SERVICE_INSTANCE_ID, &*identity.service_instance_id),
        (HOST_NAME, &*identity.host_name),
    ])
}

impl Source for OwnSource {
    fn name(&self) -> &str {
        "self"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(1)
    }

    async fn collect(&mut self, now: Millis) -> Result<Vec<Sample>, SourceError> {
        let mut samples = self.recorder.collect(now);
        samples.extend(self.board.samples(now, &self.identity));
        for extra in &mut self.extra {
            samples.extend(extra(now));
        }
        self.totals.add(&samples);
        Ok(samples)
    }
}

/// A source whose readings are jobs of Keiki's own queue.
pub struct Measured<S> {
    source: S,
    jobs: JobInstrument,
}

impl<S: Source> Measured<S> {
    /// Wraps a source.
    pub fn new(source: S, jobs: JobInstrument) -> Self {
        jobs.declare("collect");
        Self { source, jobs }
    }
}

impl<S: Source> Source for Measured<S> {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn interval(&self) -> Duration {
        self.source.interval()
    }

    fn timeout(&self) -> Duration {
        self.source.timeout()
    }

    fn feeds(&self) -> &'static [Metric] {
        self.source.feeds()
    }

    fn refused(&mut self) -> Option<Refused> {
        self.source.refused()
    }

    async fn collect(&mut self, now: Millis) -> Result<Vec<Sample>, SourceError> {
        let job = self.jobs.job("collect");
        let outcome = self.source.collect(now).await;
        job.finish(&outcome);
        outcome
    }
}

/// A running total, as an exposition shows it.
#[derive(Clone, Debug)]
pub enum Total {
    /// Of a counter, or the newest value of a gauge.
    Number(f64),
    /// Everything observed since Keiki started.
    Distribution(Distribution),
}

type ByFingerprint = HashMap<u64, (Arc<Series>, Total)>;

/// The running totals of Keiki's own series. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Totals(Arc<Mutex<ByFingerprint>>);

impl Totals {
    /// Adds one reading.
    fn add(&self, samples: &[Sample]) {
        let mut totals = self.lock();
        for sample in samples {
            let key = sample.series.fingerprint();
            match &sample.value {
                Value::Number(value) => {
                    totals.insert(key, (Arc::clone(&sample.series), Total::Number(*value)));
                }
                Value::Distribution(new) => {
                    let entry = totals
                        .entry(key)
                        .or_insert_with(|| (Arc::clone(&sample.series), Total::Distribution(new.empty_like())));
                    if let Total::Distribution(old) = &mut entry.1 {
                        // One recorder makes all of a series' distributions, with the same buckets.
                        let merged = old.merge(new);
                        debug_assert!(merged.is_ok());
                    }
                }
            }
        }
    }

    /// Every series and its total, sorted by name and labels.
    pub fn all(&self) -> Vec<(Arc<Series>, Total)> {
        let mut all: Vec<_> = self.lock().values().cloned().collect();
        all.sort_by(|(a, _), (b, _)| (a.name(), a.labels()).cmp(&(b.name(), b.labels())));
        all
    }

    /// Whether nothing has been read yet.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, ByFingerprint> {
        // Held for map operations only; a poisoned map is still a consistent one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::contract;

    fn recorder() -> Recorder {
        Recorder::new(Identity {
            service_name: "keiki".into(),
            service_instance_id: "keiki-1".into(),
            host_name: "h".into(),
        })
    }

    #[tokio::test]
    async fn the_store_gets_seconds_and_the_exposition_totals() {
        let (recorder, totals) = (recorder(), Totals::default());
        let histogram = recorder.histogram("wait_seconds", &[]);
        let mut source = OwnSource::new(recorder, StatusBoard::new(), Vec::new(), totals.clone());
        for second in 1..=3 {
            histogram.record_seconds(0.5);
            let now = second * 1_000;
            let samples = source.collect(now).await.expect("it cannot fail");
            contract::check(&samples, now, now);
            let waits: Vec<_> = samples
                .iter()
                .filter(|sample| sample.series.name() == "wait_seconds")
                .collect();
            let Value::Distribution(distribution) = &waits[0].value else {
                panic!("a histogram")
            };
            assert_eq!(distribution.count(), 1, "only this second's");
        }
        let all = totals.all();
        let total = all.iter().find(|(series, _)| series.name() == "wait_seconds");
        let Some((_, Total::Distribution(distribution))) = total else {
            panic!("a histogram")
        };
        assert_eq!(distribution.count(), 3);
    }

    #[tokio::test]
    async fn a_reading_is_a_job() {
        struct Failing;
        impl Source for Failing {
            fn name(&self) -> &str {
                "failing"
            }
            fn interval(&self) -> Duration {
                Duration::from_secs(1)
            }
            async fn collect(&mut self, _now: Millis) -> Result<Vec<Sample>, SourceError> {
                Err(SourceError::Unavailable(keiki_model::text::Text::same("no")))
            }
        }
        let recorder = recorder();
        let mut source = Measured::new(Failing, JobInstrument::new(&recorder, "keiki"));
        assert!(source.collect(1_000).await.is_err());
        let failed = recorder
            .collect(1_000)
            .into_iter()
            .find_map(|sample| match &sample.value {
                Value::Distribution(d) if sample.series.labels().get("outcome") == Some("failed") => Some(d.count()),
                _ => None,
            });
        assert_eq!(failed, Some(1));
    }
}

//! The three kinds of instrument. Each is a handle: clones record into the same series.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keiki_model::histogram::Exponential;

use crate::sync::lock;

// Values of different series have no order among each other, so that every access may be relaxed.
const ORDER: Ordering = Ordering::Relaxed;

/// A running total since the process started.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Counts one.
    pub fn inc(&self) {
        self.add(1);
    }

    /// Counts `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, ORDER);
    }

    /// The total.
    pub fn get(&self) -> u64 {
        self.0.load(ORDER)
    }
}

/// A value of this moment. It has none until it is first set or added to: what nobody measured is a gap, not zero.
#[derive(Clone, Debug)]
pub struct Gauge(Arc<AtomicU64>);

impl Default for Gauge {
    fn default() -> Self {
        // NaN stands for no value: it never is one.
        Self(Arc::new(AtomicU64::new(f64::NAN.to_bits())))
    }
}

impl Gauge {
    /// Sets the value, in the metric's unit. One that is not finite leaves the gauge without a value.
    pub fn set(&self, value: f64) {
        self.0.store(value.to_bits(), ORDER);
    }

    /// Adds to the value; none counts as zero.
    pub fn add(&self, amount: f64) {
        let mut bits = self.0.load(ORDER);
        loop {
            let value = known(bits).unwrap_or(0.0) + amount;
            match self.0.compare_exchange_weak(bits, value.to_bits(), ORDER, ORDER) {
                Ok(_) => return,
                Err(now) => bits = now,
            }
        }
    }

    /// Subtracts from the value; none counts as zero.
    pub fn sub(&self, amount: f64) {
        self.add(-amount);
    }

    /// Takes the value away, where it is no longer known.
    pub fn clear(&self) {
        self.set(f64::NAN);
    }

    /// The value, if there is one.
    pub fn get(&self) -> Option<f64> {
        known(self.0.load(ORDER))
    }
}

fn known(bits: u64) -> Option<f64> {
    Some(f64::from_bits(bits)).filter(|value| value.is_finite())
}

/// A distribution of durations.
///
/// One mutex guards it: an uncontended lock is a fraction of what finding the bucket costs, and it is held for no
/// longer than that. Shards would multiply the memory of each of up to thousands of series.
#[derive(Clone, Debug, Default)]
pub struct Histogram(Arc<Mutex<Exponential>>);

impl Histogram {
    /// Records one duration.
    pub fn record(&self, duration: Duration) {
        self.record_seconds(duration.as_secs_f64());
    }

    /// Records one duration in seconds. One that is negative or not finite is ignored.
    pub fn record_seconds(&self, seconds: f64) {
        lock(&self.0).record(seconds);
    }

    /// What was recorded since this was last called.
    pub(crate) fn take(&self) -> Exponential {
        let mut recording = lock(&self.0);
        if recording.is_empty() {
            return Exponential::new();
        }
        // The copy has just the size it needs, and the recording keeps the room that the next second will need.
        let taken = recording.clone();
        recording.clear();
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_has_no_value_until_it_is_given_one() {
        let gauge = Gauge::default();
        assert_eq!(gauge.get(), None);
        gauge.add(2.0);
        gauge.sub(0.5);
        assert_eq!(gauge.get(), Some(1.5));
        gauge.set(f64::INFINITY);
        assert_eq!(gauge.get(), None);
        gauge.set(7.0);
        gauge.clear();
        assert_eq!(gauge.get(), None);
    }

    #[test]
    fn threads_lose_nothing() {
        let (counter, gauge, histogram) = (Counter::default(), Gauge::default(), Histogram::default());
        let mut taken = Exponential::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..5_000 {
                        counter.inc();
                        gauge.add(1.0);
                        gauge.sub(0.5);
                        histogram.record(Duration::from_millis(3));
                    }
                });
            }
            for _ in 0..50 {
                taken.merge(&histogram.take());
            }
        });
        taken.merge(&histogram.take());
        assert_eq!(
            (counter.get(), gauge.get(), taken.count()),
            (20_000, Some(10_000.0), 20_000)
        );
        assert!(histogram.take().is_empty());
    }

    #[test]
    fn what_no_duration_can_be_is_ignored() {
        let histogram = Histogram::default();
        histogram.record_seconds(-1.0);
        histogram.record_seconds(f64::NAN);
        assert!(histogram.take().is_empty());
    }
}

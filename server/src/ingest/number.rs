//! Counters and gauges, and what is derived of them.

use std::sync::Arc;

use keiki_model::series::{Kind, Sample, Series};
use keiki_model::time::Millis;

use super::writers::{Met, Start, Writers, is_of};
use crate::store::FUTURE;

/// A number that a sender tells.
#[derive(Debug)]
pub(super) struct Number {
    pub(super) series: Arc<Series>,
    /// By what values are multiplied.
    pub(super) scale: f64,
    /// Since when it is known to have been zero, if its beginning was seen.
    pub(super) zero_at: Option<Millis>,
    /// The newest value as it came.
    pub(super) newest: Option<(Millis, f64)>,
    /// Those that tell it, where they say when they began.
    pub(super) writers: Option<Box<Writers<f64>>>,
    pub(super) derived: Box<[Derived]>,
}

/// A gauge that is computed of a number.
#[derive(Debug)]
pub(super) struct Derived {
    pub(super) series: Arc<Series>,
    pub(super) scale: f64,
    pub(super) offset: f64,
    pub(super) rate: bool,
    /// The place of the number by which it is divided, and for which it waits: that may come later on the same page.
    pub(super) over: Option<u32>,
}

impl Number {
    /// The time and total to take for one that one of several may have told; what each counts adds up. `lately` tells
    /// whether a beginning was short ago, and how far back zero may be put.
    pub(super) fn told(
        &mut self,
        time: Millis,
        total: f64,
        start: Start,
        lately: Option<Millis>,
    ) -> Option<(Millis, f64)> {
        if self.series.kind() != Kind::Counter {
            return Some((time, total));
        }
        let met = self.writers.get_or_insert_default().meet(start, time, total);
        let Some((newest, sum)) = self.newest else {
            return Some((time, total));
        };
        let grown = match met {
            Met::Again => return None,
            // What one alone tells stays as it is.
            Met::Before(before) if before == sum => return Some((time.max(newest), total)),
            Met::Before(before) if total < before => total,
            Met::Before(before) => total - before,
            // Nearly always the one before has ended. If it has not, it will be met again, and adds to this.
            Met::Begun => {
                self.zero_at = lately.map(|zero| zero.max(newest + 1));
                return Some((time.max(newest), total));
            }
            Met::Stranger if lately.is_some() => total,
            Met::Stranger => return None,
        };
        let time = if is_of(newest, time) { newest } else { time.max(newest) };
        Some((time, sum + grown))
    }

    /// Takes a value; whether another number's is needed for what is derived of it. What has no meaning here (no counter is
    /// negative, nothing is NaN, nothing is of the future) is left to the store to count.
    pub(super) fn put(&mut self, time: Millis, value: f64, now: Millis, take: &mut Vec<Sample>) -> bool {
        if time > now + FUTURE {
            take.push(Sample::number(&self.series, time, value * self.scale));
            return false;
        }
        if let Some(zero) = self.zero_at.take()
            && self.series.kind() == Kind::Counter
            && zero < time
        {
            take.push(Sample::number(&self.series, zero, 0.0));
        }
        take.push(Sample::number(&self.series, time, value * self.scale));
        for derived in self.derived.iter().filter(|derived| derived.over.is_none()) {
            let x = if derived.rate {
                self.newest.and_then(|before| growth(before, (time, value)))
            } else {
                Some(value)
            };
            take.extend(x.and_then(|x| derived.sample(time, x)));
        }
        if self.newest.is_none_or(|(newest, _)| time >= newest) {
            self.newest = Some((time, value));
        }
        self.derived.iter().any(|derived| derived.over.is_some())
    }
}

impl Derived {
    pub(super) fn sample(&self, time: Millis, x: f64) -> Option<Sample> {
        let value = self.offset + self.scale * x;
        value.is_finite().then(|| Sample::number(&self.series, time, value))
    }
}

/// The growth per second between two totals; none across a restart, of which nobody knows when it was.
fn growth((before, low): (Millis, f64), (time, high): (Millis, f64)) -> Option<f64> {
    (time > before && high >= low).then(|| (high - low) / ((time - before) as f64 / 1_000.0))
}

//! Series and groups put together: sums of what has a value, growth over shared time, parts of a whole.

use keiki_model::query::Combine;

use super::evaluate::{Figure, Line};
use super::track::Growth;

/// The growth of several series as one: the sum of what they grew over all of the time that any of them covers. A route
/// that was first called ten seconds ago has grown for ten seconds; beside older routes it has for as long as these.
pub(crate) fn together(growths: impl Iterator<Item = Growth>) -> Option<Growth> {
    growths.reduce(|a, b| Growth {
        increase: a.increase + b.increase,
        from: a.from.min(b.from),
        to: a.to.max(b.to),
    })
}

/// Part by whole; NaN where there is no whole.
pub(crate) fn quotient(part: Option<f64>, whole: f64) -> f64 {
    let part = part.filter(|part| !part.is_nan()).unwrap_or(0.0);
    // A whole of NaN stays NaN.
    if whole == 0.0 { f64::NAN } else { part / whole }
}

/// The values of a group's series put together, slot by slot. A gap of one series is no gap while another has a value.
pub(crate) struct Combined {
    how: Combine,
    values: Line,
    counts: Vec<u32>,
}

impl Combined {
    pub(crate) fn new(how: Combine, slots: usize) -> Self {
        let counts = if how == Combine::Avg {
            vec![0; slots]
        } else {
            Vec::new()
        };
        Self {
            how,
            values: vec![f64::NAN; slots],
            counts,
        }
    }

    pub(crate) fn add(&mut self, slot: usize, value: f64) {
        let old = self.values[slot];
        self.values[slot] = match self.how {
            _ if old.is_nan() => value,
            Combine::Sum | Combine::Avg => old + value,
            Combine::Min => old.min(value),
            Combine::Max => old.max(value),
        };
        if let Some(count) = self.counts.get_mut(slot) {
            *count += 1;
        }
    }

    pub(crate) fn finish(mut self) -> Line {
        for (value, count) in self.values.iter_mut().zip(&self.counts) {
            *value /= f64::from(*count);
        }
        self.values
    }

    pub(crate) fn only(self) -> Option<Figure> {
        self.finish()
            .first()
            .copied()
            .filter(|value| !value.is_nan())
            .map(Figure::from)
    }
}

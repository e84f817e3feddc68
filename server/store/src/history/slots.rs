//! What a record holds, taken apart and put together again where samples came late.

use std::collections::BTreeSet;

use keiki_model::histogram::Part;
use keiki_model::series::Kind;
use keiki_model::time::Millis;

use super::chunk::Body;
use super::counts::Counts;
use super::journal::Read;
use super::piece::Made;
use super::rows::Rows;
use crate::distributions::Distributions;

/// Slots of one series, whatever its kind.
pub(super) enum Slots {
    Rows(Rows),
    Counts(Counts),
}

impl Slots {
    fn times(&self) -> &[Millis] {
        match self {
            Self::Rows(rows) => &rows.times,
            Self::Counts(counts) => &counts.times,
        }
    }

    /// Those within `[from, to)`.
    pub(super) fn within(&self, from: Millis, to: Millis) -> Self {
        let place = |time: Millis| self.times().partition_point(|other| *other < time);
        match self {
            Self::Rows(rows) => Self::Rows(rows.clone().cut(&rows.times, place(from), place(to))),
            Self::Counts(counts) => {
                let mut counts = counts.clone();
                counts.cut_from(0, from, to);
                Self::Counts(counts)
            }
        }
    }

    pub(super) fn extend(&mut self, later: Self) {
        match (self, later) {
            (Self::Rows(rows), Self::Rows(later)) => rows.extend(later),
            (Self::Counts(counts), Self::Counts(later)) => counts.extend(later),
            // A series is of one kind.
            (Self::Rows(_), Self::Counts(_)) | (Self::Counts(_), Self::Rows(_)) => {}
        }
    }

    /// Whether there is something in every slot in which others have something.
    pub(super) fn covers(&self, others: &Self, step: Millis) -> bool {
        let slots: BTreeSet<i64> = self.times().iter().map(|time| time.div_euclid(step)).collect();
        others.times().iter().all(|time| slots.contains(&time.div_euclid(step)))
    }

    pub(super) fn into_record(self, series: u32) -> Made {
        let (times, body) = match self {
            Self::Rows(mut rows) => (std::mem::take(&mut rows.times), Body::Rows(rows)),
            Self::Counts(counts) => (counts.times, Body::Counts(counts.all)),
        };
        Made { series, times, body }
    }
}

/// What a record holds, and samples of times that it has none of, both in order of time; `None` where there is nothing new.
pub(super) fn merged(
    kind: Kind,
    there: Option<(Vec<Millis>, Body)>,
    samples: &[(Millis, Read)],
) -> Option<(Vec<Millis>, Body)> {
    let (times, body) = there.unwrap_or_else(|| {
        let nothing = match kind {
            Kind::Histogram => Body::Counts(Distributions::default()),
            Kind::Counter | Kind::Gauge => Body::Samples(Vec::new()),
        };
        (Vec::new(), nothing)
    });
    let new: Vec<_> = samples
        .iter()
        .filter(|(time, _)| times.binary_search(time).is_err())
        .collect();
    if new.is_empty() {
        return None;
    }
    if kind == Kind::Histogram {
        let Body::Counts(old) = &body else { return None };
        let mut all: Vec<(Millis, Option<Part<'_>>)> = times.iter().copied().zip(old.iter()).collect();
        for (time, value) in new {
            if let Read::Distribution(one) = value {
                all.push((*time, one.as_deref().map(Part::from)));
            }
        }
        all.sort_by_key(|(time, _)| *time);
        let times = all.iter().map(|(time, _)| *time).collect();
        return Some((times, Body::Counts(all.into_iter().map(|(_, one)| one).collect())));
    }
    let Body::Samples(old) = body else { return None };
    let mut all: Vec<(Millis, f64)> = times.into_iter().zip(old).collect();
    for (time, value) in new {
        if let Read::Number(value) = value {
            all.push((*time, *value));
        }
    }
    all.sort_by_key(|(time, _)| *time);
    let (times, values) = all.into_iter().unzip();
    Some((times, Body::Samples(values)))
}

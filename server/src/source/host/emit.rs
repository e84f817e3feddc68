//! From readings to samples: series are made once and kept for as long as their subject is seen.

use std::collections::HashMap;
use std::sync::Arc;

use keiki_model::series::{HOST_NAME, Labels, Sample, Series};
use keiki_model::time::Millis;

use crate::source::metric::Metric;

/// Makes the series of one host.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    labels: Labels,
}

impl Identity {
    pub(super) fn new(host_name: &str) -> Self {
        Self {
            labels: Labels::new([(HOST_NAME, host_name)]),
        }
    }

    /// A series of `metric` with the values of its own labels, in their order.
    pub(super) fn series(&self, metric: &Metric, values: &[&str]) -> Arc<Series> {
        metric.series(&self.labels, values)
    }
}

/// The samples of one reading.
#[derive(Debug)]
pub(super) struct Batch {
    time: Millis,
    samples: Vec<Sample>,
}

impl Batch {
    pub(super) fn new(time: Millis, capacity: usize) -> Self {
        Self {
            time,
            samples: Vec::with_capacity(capacity),
        }
    }

    pub(super) fn push(&mut self, series: &Arc<Series>, value: f64) {
        self.samples.push(Sample::number(series, self.time, value));
    }

    pub(super) fn into_samples(self) -> Vec<Sample> {
        self.samples
    }
}

/// The series of each disk, interface or file system, by a key of its reader's choice.
#[derive(Debug)]
pub(super) struct Kept<const N: usize> {
    by_key: HashMap<Box<str>, ([Arc<Series>; N], bool)>,
}

impl<const N: usize> Default for Kept<N> {
    fn default() -> Self {
        Self { by_key: HashMap::new() }
    }
}

impl<const N: usize> Kept<N> {
    /// The series under `key`, made at the first call.
    pub(super) fn get(&mut self, key: &str, make: impl FnOnce() -> [Arc<Series>; N]) -> &[Arc<Series>; N] {
        if !self.by_key.contains_key(key) {
            self.by_key.insert(key.into(), (make(), true));
        }
        let entry = self.by_key.get_mut(key).expect("inserted just above");
        entry.1 = true;
        &entry.0
    }

    /// Forgets what was not asked for since the previous call: the disk was removed.
    pub(super) fn forget_unused(&mut self) {
        self.by_key.retain(|_, (_, used)| std::mem::take(used));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::host::metrics;

    #[test]
    fn series_are_kept_while_they_are_used() {
        let identity = Identity::new("h");
        let mut kept = Kept::<1>::default();
        let get = |kept: &mut Kept<1>, key: &str| {
            Arc::clone(&kept.get(key, || [identity.series(&metrics::DISK_IO_TIME, &[key])])[0])
        };
        let first = get(&mut kept, "sda");
        kept.forget_unused();
        assert!(Arc::ptr_eq(&first, &get(&mut kept, "sda")));
        kept.forget_unused();
        kept.forget_unused();
        assert!(
            !Arc::ptr_eq(&first, &get(&mut kept, "sda")),
            "a disk that was gone is new"
        );
    }
}

//! Caches: hits, misses, size and evictions of one tier.

use std::time::Duration;

use crate::instruments::{Counter, Gauge, Histogram};
use crate::{Recorder, names};

/// Measures one tier of a cache. Clones record into the same series.
#[derive(Clone, Debug)]
pub struct CacheInstrument {
    hits: Histogram,
    misses: Histogram,
    size: Gauge,
    limit: Gauge,
    evictions: Counter,
}

impl CacheInstrument {
    /// An instrument for the tier of this name, such as `l1`.
    pub fn new(recorder: &Recorder, tier: &str) -> Self {
        let tier = (names::CACHE_TIER, tier);
        let gets = |result| recorder.histogram(names::CACHE_OPERATION_DURATION, &[tier, (names::CACHE_RESULT, result)]);
        Self {
            hits: gets("hit"),
            misses: gets("miss"),
            size: recorder.gauge(names::CACHE_SIZE, &[tier]),
            limit: recorder.gauge(names::CACHE_LIMIT, &[tier]),
            evictions: recorder.counter(names::CACHE_EVICTIONS, &[tier]),
        }
    }

    /// A get that found its entry, and how long it took.
    pub fn hit(&self, duration: Duration) {
        self.hits.record(duration);
    }

    /// A get that found nothing, and how long it took to know; not the time to make the entry.
    pub fn miss(&self, duration: Duration) {
        self.misses.record(duration);
    }

    /// How many bytes the cache holds now.
    pub fn set_size_bytes(&self, bytes: u64) {
        self.size.set(bytes as f64);
    }

    /// How many bytes it may hold.
    pub fn set_limit_bytes(&self, bytes: u64) {
        self.limit.set(bytes as f64);
    }

    /// So many entries were dropped to make room.
    pub fn evicted(&self, entries: u64) {
        self.evictions.add(entries);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memo::tests::{count, number, recorder};

    #[test]
    fn hits_and_misses_exist_from_the_start() {
        let recorder = recorder();
        let cache = CacheInstrument::new(&recorder, "l1");
        let result = |result| [(names::CACHE_TIER, "l1"), (names::CACHE_RESULT, result)];
        let samples = recorder.collect(0);
        assert_eq!(
            count(&samples, names::CACHE_OPERATION_DURATION, &result("hit")),
            Some(0)
        );
        assert_eq!(
            count(&samples, names::CACHE_OPERATION_DURATION, &result("miss")),
            Some(0)
        );
        assert_eq!(
            number(&samples, names::CACHE_EVICTIONS, &[(names::CACHE_TIER, "l1")]),
            Some(0.0)
        );
        assert_eq!(
            number(&samples, names::CACHE_SIZE, &[]),
            None,
            "nobody has measured the size"
        );

        cache.hit(Duration::from_micros(3));
        cache.hit(Duration::from_micros(4));
        cache.clone().miss(Duration::from_micros(9));
        cache.set_size_bytes(2_048);
        cache.set_limit_bytes(4_096);
        cache.evicted(5);
        let samples = recorder.collect(0);
        assert_eq!(
            count(&samples, names::CACHE_OPERATION_DURATION, &result("hit")),
            Some(2)
        );
        assert_eq!(
            count(&samples, names::CACHE_OPERATION_DURATION, &result("miss")),
            Some(1)
        );
        assert_eq!(
            number(&samples, names::CACHE_SIZE, &[(names::CACHE_TIER, "l1")]),
            Some(2_048.0)
        );
        assert_eq!(
            number(&samples, names::CACHE_LIMIT, &[(names::CACHE_TIER, "l1")]),
            Some(4_096.0)
        );
        assert_eq!(
            number(&samples, names::CACHE_EVICTIONS, &[(names::CACHE_TIER, "l1")]),
            Some(5.0)
        );
    }
}

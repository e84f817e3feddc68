//! Databases: how long queries take, and how many connections are open.

use std::sync::Arc;
use std::time::Instant;

use keiki_model::series::OTHER;

use crate::instruments::{Gauge, Histogram};
use crate::memo::Memo;
use crate::{Recorder, names};

/// Measures the queries of a service and its pool of connections. Clones record into the same series.
#[derive(Clone, Debug)]
pub struct QueryInstrument(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    recorder: Recorder,
    durations: Memo<3, Histogram>,
    used: Gauge,
    idle: Gauge,
    max: Gauge,
}

impl QueryInstrument {
    /// An instrument for a service with one pool of connections.
    pub fn new(recorder: &Recorder) -> Self {
        Self::with_pool(recorder, "")
    }

    /// An instrument for one of several pools, which the label `db_client_connection_pool_name` tells apart.
    pub fn with_pool(recorder: &Recorder, pool: &str) -> Self {
        let pool = (names::DB_CLIENT_CONNECTION_POOL_NAME, pool);
        let state = |state| {
            let labels = [pool, (names::DB_CLIENT_CONNECTION_STATE, state)];
            recorder.gauge(names::DB_CLIENT_CONNECTION_COUNT, &labels)
        };
        Self(Arc::new(Shared {
            durations: Memo::default(),
            used: state("used"),
            idle: state("idle"),
            max: recorder.gauge(names::DB_CLIENT_CONNECTION_MAX, &[pool]),
            recorder: recorder.clone(),
        }))
    }

    /// Starts a query's time. `system` is the product (`postgresql`); `summary` says what kind of query it is
    /// (`SELECT users`) and must come from a small set: never the query's text.
    pub fn query(&self, system: &'static str, summary: impl Into<Arc<str>>) -> QueryTimer {
        let summary = summary.into();
        // Made now and not at the end, so that the series is there while its first query still runs.
        let succeeded = self.0.duration(system, &summary, "");
        QueryTimer {
            shared: Arc::clone(&self.0),
            system,
            summary,
            succeeded,
            start: Instant::now(),
            finished: false,
        }
    }

    /// How many of the pool's connections are in use and how many are idle.
    pub fn set_connections(&self, used: u64, idle: u64) {
        self.0.used.set(used as f64);
        self.0.idle.set(idle as f64);
    }

    /// How many connections the pool may open.
    pub fn set_max_connections(&self, max: u64) {
        self.0.max.set(max as f64);
    }
}

impl Shared {
    fn duration(&self, system: &str, summary: &str, error_type: &str) -> Histogram {
        self.durations.get([system, summary, error_type], || {
            let labels = [
                (names::DB_SYSTEM_NAME, system),
                (names::DB_QUERY_SUMMARY, summary),
                (names::ERROR_TYPE, error_type),
            ];
            self.recorder.histogram(names::DB_CLIENT_OPERATION_DURATION, &labels)
        })
    }
}

/// The time of one running query. Dropped without a word it counts as failed with `error_type="cancelled"`, as when
/// the request that asked goes away.
#[derive(Debug)]
#[must_use = "the query ends when this is dropped"]
pub struct QueryTimer {
    shared: Arc<Shared>,
    system: &'static str,
    summary: Arc<str>,
    succeeded: Histogram,
    start: Instant,
    finished: bool,
}

impl QueryTimer {
    /// The query succeeded.
    pub fn succeed(mut self) {
        self.finished = true;
        self.succeeded.record(self.start.elapsed());
    }

    /// The query failed. `error_type` comes from a small set, such as `timeout` or a SQLSTATE: never a message.
    pub fn fail(mut self, error_type: &str) {
        self.end_failed(error_type);
    }

    /// The query ended with this; an error is of type `_OTHER`.
    pub fn finish<T, E>(self, result: &Result<T, E>) {
        match result {
            Ok(_) => self.succeed(),
            Err(_) => self.fail(OTHER),
        }
    }

    fn end_failed(&mut self, error_type: &str) {
        self.finished = true;
        self.shared
            .duration(self.system, &self.summary, error_type)
            .record(self.start.elapsed());
    }
}

impl Drop for QueryTimer {
    fn drop(&mut self) {
        if !self.finished {
            self.end_failed("cancelled");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memo::tests::{count, number, recorder};

    #[test]
    fn every_query_ends_once() {
        let recorder = recorder();
        let queries = QueryInstrument::new(&recorder);
        let query = || queries.query("postgresql", "SELECT users");
        query().succeed();
        query().finish(&Ok::<_, ()>(1));
        query().finish(&Err::<(), _>("broken"));
        query().fail("timeout");
        drop(query());
        let running = query();
        let samples = recorder.collect(0);
        let ended = |error| {
            let labels = [
                (names::DB_SYSTEM_NAME, "postgresql"),
                (names::DB_QUERY_SUMMARY, "SELECT users"),
                (names::ERROR_TYPE, error),
            ];
            count(&samples, names::DB_CLIENT_OPERATION_DURATION, &labels)
        };
        assert_eq!(
            [ended(""), ended(OTHER), ended("timeout"), ended("cancelled")],
            [Some(2), Some(1), Some(1), Some(1)]
        );
        running.succeed();
    }

    #[test]
    fn pools_are_told_apart() {
        let recorder = recorder();
        QueryInstrument::new(&recorder).set_connections(3, 7);
        let replica = QueryInstrument::with_pool(&recorder, "replica");
        replica.set_connections(1, 0);
        replica.set_max_connections(5);
        let samples = recorder.collect(0);
        let connections = |pool, state| {
            let labels = [
                (names::DB_CLIENT_CONNECTION_POOL_NAME, pool),
                (names::DB_CLIENT_CONNECTION_STATE, state),
            ];
            number(&samples, names::DB_CLIENT_CONNECTION_COUNT, &labels)
        };
        assert_eq!(
            (connections("", "used"), connections("", "idle")),
            (Some(3.0), Some(7.0))
        );
        assert_eq!(
            (connections("replica", "used"), connections("replica", "idle")),
            (Some(1.0), Some(0.0))
        );
        let max = |pool| {
            let labels = [(names::DB_CLIENT_CONNECTION_POOL_NAME, pool)];
            number(&samples, names::DB_CLIENT_CONNECTION_MAX, &labels)
        };
        assert_eq!((max(""), max("replica")), (None, Some(5.0)));
    }
}

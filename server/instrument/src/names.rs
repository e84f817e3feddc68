//! The names under which the instruments record: OpenTelemetry's semantic conventions, written the Prometheus way.
//! Where the conventions have none, the catalogue of panels defines it.

macro_rules! metrics {
    ($($(#[$doc:meta])* $name:ident = $value:literal, $kind:ident;)*) => {
        $($(#[$doc])* pub const $name: &str = $value;)*

        /// Every metric of this crate and what its values mean.
        pub const METRICS: &[(&str, keiki_model::series::Kind)] = &[$(($name, keiki_model::series::Kind::$kind)),*];
    };
}

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $value;)*

        /// Every label of this crate, besides those that name service, instance and host.
        pub const LABELS: &[&str] = &[$($name),*];
    };
}

metrics! {
    /// Seconds from a request to the start of its response.
    HTTP_SERVER_REQUEST_DURATION = "http_server_request_duration_seconds", Histogram;
    /// Requests accepted and not yet answered.
    HTTP_SERVER_ACTIVE_REQUESTS = "http_server_active_requests", Gauge;
    /// Seconds that a query took, as its caller saw it.
    DB_CLIENT_OPERATION_DURATION = "db_client_operation_duration_seconds", Histogram;
    /// Connections of a pool, by state.
    DB_CLIENT_CONNECTION_COUNT = "db_client_connection_count", Gauge;
    /// How many connections a pool may open.
    DB_CLIENT_CONNECTION_MAX = "db_client_connection_max", Gauge;
    /// Seconds that a get from a cache took.
    CACHE_OPERATION_DURATION = "cache_operation_duration_seconds", Histogram;
    /// Bytes that a cache holds.
    CACHE_SIZE = "cache_size_bytes", Gauge;
    /// Bytes that a cache may hold.
    CACHE_LIMIT = "cache_limit_bytes", Gauge;
    /// Entries dropped to make room.
    CACHE_EVICTIONS = "cache_evictions_total", Counter;
    /// Seconds that a job ran.
    JOB_RUN_DURATION = "job_run_duration_seconds", Histogram;
    /// Jobs put back to be tried again.
    JOB_RETRIES = "job_retries_total", Counter;
    /// Jobs given up for good.
    JOB_DEAD = "job_dead_total", Counter;
    /// Jobs not yet started.
    QUEUE_LENGTH = "queue_length", Gauge;
    /// Seconds that the oldest job not yet started has waited.
    QUEUE_OLDEST_AGE = "queue_oldest_age_seconds", Gauge;
    /// Workers that are running a job.
    WORKERS_BUSY = "workers_busy", Gauge;
    /// Workers there are.
    WORKERS = "workers_total", Gauge;
    /// How often a new series was refused because its metric already had as many as it may.
    SERIES_LIMITED = "keiki_instrument_series_limited_total", Counter;
}

labels! {
    /// The route's pattern, such as `/users/{id}`.
    HTTP_ROUTE = "http_route";
    /// The method, in capitals.
    HTTP_REQUEST_METHOD = "http_request_method";
    /// The status code, three digits.
    HTTP_RESPONSE_STATUS_CODE = "http_response_status_code";
    /// The database product, such as `postgresql`.
    DB_SYSTEM_NAME = "db_system_name";
    /// What kind of query it is, such as `SELECT users`; never its text, which has no bound.
    DB_QUERY_SUMMARY = "db_query_summary";
    /// `used` or `idle`.
    DB_CLIENT_CONNECTION_STATE = "db_client_connection_state";
    /// Tells several pools of one service apart.
    DB_CLIENT_CONNECTION_POOL_NAME = "db_client_connection_pool_name";
    /// Why it failed; absent where it did not.
    ERROR_TYPE = "error_type";
    /// Which cache of several, such as `l1`.
    CACHE_TIER = "cache_tier";
    /// `hit` or `miss`.
    CACHE_RESULT = "cache_result";
    /// The queue's name.
    QUEUE = "queue";
    /// What kind of job it is.
    TASK = "task";
    /// `ok` or `failed`.
    OUTCOME = "outcome";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use keiki_model::series::Kind;

    use super::*;

    #[test]
    fn names_are_distinct_and_say_their_unit() {
        let names: HashSet<_> = METRICS.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), METRICS.len());
        for (name, kind) in METRICS {
            assert!(
                name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
                "{name}"
            );
            match kind {
                Kind::Histogram => assert!(name.ends_with("_seconds"), "{name}"),
                Kind::Counter => assert!(name.ends_with("_total"), "{name}"),
                Kind::Gauge => {}
            }
        }
    }
}

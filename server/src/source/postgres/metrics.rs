//! PostgreSQL's metrics, by the part that reads them. The intervals are the shortest ones; a longer `interval` of the
//! configuration holds for all.

/// What everyone may see.
pub mod databases {
    use crate::source::metric::metrics;

    metrics! {
        TRANSACTIONS = Counter "postgresql_transactions_total" ["db_namespace", "outcome"] every 1000:
            "Transactions of a database that ended, by outcome: commit or rollback.";
        BLOCKS = Counter "postgresql_blocks_total" ["db_namespace", "source"] every 1000:
            "Blocks that queries asked for, by where they were found: hit (PostgreSQL's own buffers) or read.";
        DEADLOCKS = Counter "postgresql_deadlocks_total" ["db_namespace"] every 1000:
            "Deadlocks found in a database.";
        BACKENDS = Gauge "postgresql_backends" ["db_client_connection_state"] every 1000:
            "Clients' connections by state: active, idle, idle in transaction and so on; hidden where Keiki may not see it.";
        CONNECTIONS_MAX = Gauge "postgresql_connection_max" [] every 1000:
            "Connections the server accepts (max_connections).";
    }
}

/// What only members of `pg_monitor` see.
pub mod sessions {
    use crate::source::metric::metrics;

    metrics! {
        LOCK_WAITS = Gauge "postgresql_lock_waits" [] every 1000:
            "Sessions that wait for a lock.";
        LONGEST_TRANSACTION = Gauge "postgresql_longest_transaction_seconds" [] every 1000:
            "How long the oldest open transaction of a client has been open, seconds; 0 without one.";
    }
}

/// What the extension `pg_stat_statements` keeps.
pub mod statements {
    use crate::source::metric::metrics;

    metrics! {
        CALLS = Counter "postgresql_calls_total" [] every 5000:
            "Statements executed since Keiki first looked.";
        SECONDS = Counter "postgresql_execution_seconds_total" [] every 5000:
            "Time spent executing statements since Keiki first looked, seconds.";
        STATEMENT_CALLS = Counter "postgresql_statement_calls_total" ["db_namespace", "db_query_text"] every 5000:
            "Executions of one of the leading statements, its text without literals.";
        STATEMENT_SECONDS = Counter "postgresql_statement_seconds_total" ["db_namespace", "db_query_text"] every 5000:
            "Time spent executing one of the leading statements, seconds.";
    }
}

/// How far replicas are behind.
pub mod replication {
    use crate::source::metric::metrics;

    metrics! {
        LAG_SECONDS = Gauge "postgresql_replication_lag_seconds" ["replica"] every 5000:
            "How far a replica's replay is behind, seconds.";
        LAG_BYTES = Gauge "postgresql_replication_lag_bytes" ["replica"] every 5000:
            "Write-ahead log that a replica has not replayed yet.";
    }
}

/// How large databases are.
pub mod sizes {
    use crate::source::metric::metrics;

    metrics! {
        SIZE = Gauge "postgresql_database_size_bytes" ["db_namespace"] every 60000:
            "Disk space of a database.";
    }
}

/// Every metric of PostgreSQL.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = &'static crate::source::metric::Metric> {
    [
        databases::ALL,
        sessions::ALL,
        statements::ALL,
        replication::ALL,
        sizes::ALL,
    ]
    .into_iter()
    .flatten()
}

//! How far replicas are behind. A primary tells of each of its replicas; a replica tells of itself.

use super::error::Failed;
use super::link::Session;
use super::metrics::replication::{LAG_BYTES, LAG_SECONDS};
use crate::source::metric::Shelf;

const IS_REPLICA: &str = "SELECT pg_is_in_recovery()";

/// PostgreSQL forgets the time once a replica has replayed everything. Of replicas of one name the last one counts.
const REPLICAS: &str = "SELECT coalesce(nullif(application_name, ''), host(client_addr), pid::text), \
    coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)), 0)::float8, \
    coalesce(max(extract(epoch FROM replay_lag)), 0)::float8 \
    FROM pg_stat_replication WHERE state = 'streaming' GROUP BY 1";

/// The newest replayed transaction grows old on an idle primary; then nothing is left to replay.
const ITSELF: &str = "SELECT \
    coalesce(pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), 0)::float8, \
    CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0 \
    ELSE coalesce(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 0) END::float8";

/// A replica as itself.
const SELF: &str = "self";

pub(super) async fn read(session: &mut Session, shelf: &mut Shelf) -> Result<(), Failed> {
    let is_replica = session.rows(IS_REPLICA, &[]).await?;
    if is_replica.first().is_some_and(|row| row.get(0)) {
        for row in session.rows(ITSELF, &[]).await? {
            lag(shelf, SELF, row.get(0), row.get(1));
        }
        return Ok(());
    }
    let replicas = session.rows(REPLICAS, &[]).await?;
    if replicas.is_empty() {
        return Ok(());
    }
    session.sees_all().await?;
    for row in replicas {
        lag(shelf, row.get(0), row.get(1), row.get(2));
    }
    Ok(())
}

fn lag(shelf: &mut Shelf, replica: &str, bytes: f64, seconds: f64) {
    shelf.number(&LAG_BYTES, &[replica], bytes.max(0.0));
    shelf.number(&LAG_SECONDS, &[replica], seconds.max(0.0));
}

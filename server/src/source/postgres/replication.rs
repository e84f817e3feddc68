//! How far replicas are behind. A primary tells of each of its replicas; a replica tells of itself.

use super::error::Failed;
use super::link::Session;
use super::metrics::replication::{LAG_BYTES, LAG_SECONDS};
use crate::source::metric::Shelf;

/// Whether it is a replica, and whether it has any: a sender is seen by all, its state only by members of `pg_monitor`.
const PART: &str = "SELECT pg_is_in_recovery(), EXISTS (SELECT FROM pg_stat_replication)";

/// PostgreSQL forgets the time once a replica has replayed everything, and does not know it of one that says nothing of it:
/// what is far behind is told in bytes alone then. Who replays nothing, such as `pg_receivewal`, is as far as it has written. One
/// that catches up is one, too; a copy that is being made is none. Of replicas of one name the last one counts.
const REPLICAS: &str = "SELECT coalesce(nullif(application_name, ''), host(client_addr), pid::text), \
    max(pg_wal_lsn_diff(pg_current_wal_lsn(), coalesce(replay_lsn, flush_lsn, write_lsn, sent_lsn)))::float8, \
    max(extract(epoch FROM replay_lag))::float8, bool_and(replay_lsn IS NOT NULL) \
    FROM pg_stat_replication WHERE state NOT IN ('startup', 'backup') GROUP BY 1";

/// The newest replayed transaction grows old on an idle primary; then nothing is left to replay, as long as it streams.
const ITSELF: &str = "SELECT \
    pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::float8, \
    CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() \
    AND EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming') THEN 0 \
    ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END::float8";

/// A replica as itself.
const SELF: &str = "self";

pub(super) async fn read(session: &mut Session, shelf: &mut Shelf) -> Result<(), Failed> {
    let rows = session.rows(PART, &[]).await?;
    let Some((is_replica, has_replicas)) = rows.first().map(|row| (row.get::<_, bool>(0), row.get::<_, bool>(1)))
    else {
        return Ok(());
    };
    if !is_replica && !has_replicas {
        return Ok(());
    }
    session.sees_all().await?;
    if is_replica {
        for row in session.rows(ITSELF, &[]).await? {
            lag(shelf, SELF, row.get(0), row.get(1));
        }
        return Ok(());
    }
    for row in session.rows(REPLICAS, &[]).await? {
        let (bytes, seconds): (Option<f64>, Option<f64>) = (row.get(1), row.get(2));
        let has_replayed_all = row.get(3) && bytes.is_some_and(|bytes| bytes <= 0.0);
        lag(shelf, row.get(0), bytes, seconds.or(has_replayed_all.then_some(0.0)));
    }
    Ok(())
}

/// What is not known is no zero.
fn lag(shelf: &mut Shelf, replica: &str, bytes: Option<f64>, seconds: Option<f64>) {
    if let Some(bytes) = bytes {
        shelf.number(&LAG_BYTES, &[replica], bytes.max(0.0));
    }
    if let Some(seconds) = seconds {
        shelf.number(&LAG_SECONDS, &[replica], seconds.max(0.0));
    }
}

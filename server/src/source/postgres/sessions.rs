//! Who waits for a lock, and how long the oldest transaction has been open.

use super::error::Failed;
use super::link::Session;
use super::metrics::sessions::{LOCK_WAITS, LONGEST_TRANSACTION};
use crate::source::metric::Shelf;

const SESSIONS: &str = "SELECT pg_has_role('pg_read_all_stats', 'usage'), \
    count(*) FILTER (WHERE wait_event_type = 'Lock'), \
    coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float8 \
    FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";

pub(super) async fn read(session: &mut Session, shelf: &mut Shelf) -> Result<(), Failed> {
    for row in session.rows(SESSIONS, &[]).await? {
        if !row.get::<_, bool>(0) {
            return Err(session.needs_monitor());
        }
        shelf.number(&LOCK_WAITS, &[], row.get::<_, i64>(1) as f64);
        // A transaction that begins while this is read may be in the future by microseconds.
        shelf.number(&LONGEST_TRANSACTION, &[], row.get::<_, f64>(2).max(0.0));
    }
    Ok(())
}

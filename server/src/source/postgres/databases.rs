//! What everyone may see: transactions, blocks, deadlocks, and how many connections there are.

use super::error::Failed;
use super::link::Session;
use super::metrics::databases::{BACKENDS, BLOCKS, CONNECTIONS_MAX, DEADLOCKS, TRANSACTIONS};
use crate::source::metric::Shelf;

const DATABASES: &str = "SELECT datname::text, xact_commit, xact_rollback, blks_hit, blks_read, deadlocks, \
    current_setting('max_connections')::int4 FROM pg_stat_database WHERE datname IS NOT NULL AND datname NOT IN ('template0', 'template1')";

/// A session of another user has no state for those who may not see it.
const BACKENDS_BY_STATE: &str = "SELECT coalesce(state, 'hidden'), count(*) FROM pg_stat_activity \
    WHERE backend_type = 'client backend' GROUP BY 1";

/// The states that are there even when nobody is in them, so that their lines fall to zero instead of ending.
const USUAL: [&str; 3] = ["active", "idle", "idle in transaction"];

pub(super) async fn read(session: &mut Session, shelf: &mut Shelf) -> Result<(), Failed> {
    let databases = session.rows(DATABASES, &[]).await?;
    for row in &databases {
        let database: &str = row.get(0);
        let number = |column: usize| row.get::<_, i64>(column) as f64;
        shelf.number(&TRANSACTIONS, &[database, "commit"], number(1));
        shelf.number(&TRANSACTIONS, &[database, "rollback"], number(2));
        shelf.number(&BLOCKS, &[database, "hit"], number(3));
        shelf.number(&BLOCKS, &[database, "read"], number(4));
        shelf.number(&DEADLOCKS, &[database], number(5));
    }
    let backends = session.rows(BACKENDS_BY_STATE, &[]).await?;
    for row in &backends {
        shelf.number(&BACKENDS, &[row.get(0)], row.get::<_, i64>(1) as f64);
    }
    for state in USUAL {
        if !backends.iter().any(|row| row.get::<_, &str>(0) == state) {
            shelf.number(&BACKENDS, &[state], 0.0);
        }
    }
    if let Some(row) = databases.first() {
        shelf.number(&CONNECTIONS_MAX, &[], f64::from(row.get::<_, i32>(6)));
    }
    Ok(())
}

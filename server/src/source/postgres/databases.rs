//! What everyone may see: transactions, blocks, deadlocks, and how many connections there are.

use std::collections::{BTreeSet, HashMap};

use super::error::Failed;
use super::link::{Session, named};
use super::metrics::databases::{BACKENDS, BLOCKS, CONNECTIONS_MAX, DEADLOCKS, TRANSACTIONS};
use crate::source::metric::Shelf;

const DATABASES: &str = "SELECT datname::text, xact_commit, xact_rollback, blks_hit, blks_read, deadlocks, \
    current_setting('max_connections')::int4 FROM pg_stat_database WHERE datname IS NOT NULL AND datname NOT IN ('template0', 'template1')";

/// Of another user's session those who may not see it learn neither the state nor the kind, only that it has a user and a
/// database.
const BACKENDS_BY_STATE: &str = "SELECT coalesce(state, 'hidden'), count(*) FROM pg_stat_activity \
    WHERE backend_type = 'client backend' OR (backend_type IS NULL AND usesysid IS NOT NULL AND datid <> 0) GROUP BY 1";

/// Reads them. A state that was ever seen stays, so that its line falls to zero instead of ending.
#[derive(Debug)]
pub(super) struct Databases {
    states: BTreeSet<String>,
}

impl Default for Databases {
    fn default() -> Self {
        Self {
            states: ["active", "idle", "idle in transaction"].map(str::to_owned).into(),
        }
    }
}

impl Databases {
    pub(super) async fn read(&mut self, session: &mut Session, shelf: &mut Shelf) -> Result<(), Failed> {
        let databases = session.rows(DATABASES, &[]).await?;
        for row in &databases {
            let Some(database) = named(row) else { continue };
            let number = |column: usize| row.get::<_, i64>(column) as f64;
            shelf.number(&TRANSACTIONS, &[database, "commit"], number(1));
            shelf.number(&TRANSACTIONS, &[database, "rollback"], number(2));
            shelf.number(&BLOCKS, &[database, "hit"], number(3));
            shelf.number(&BLOCKS, &[database, "read"], number(4));
            shelf.number(&DEADLOCKS, &[database], number(5));
        }
        let rows = session.rows(BACKENDS_BY_STATE, &[]).await?;
        let backends: HashMap<&str, i64> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        self.states.extend(backends.keys().map(|state| (*state).to_owned()));
        for state in &self.states {
            let count = backends.get(state.as_str()).copied().unwrap_or_default();
            shelf.number(&BACKENDS, &[state], count as f64);
        }
        if let Some(row) = databases.first() {
            shelf.number(&CONNECTIONS_MAX, &[], f64::from(row.get::<_, i32>(6)));
        }
        Ok(())
    }
}

//! How large databases are.

use super::error::Failed;
use super::link::{Session, named};
use super::metrics::sizes::SIZE;
use crate::source::metric::Shelf;

/// Those that Keiki's user may not look into are left out: asking for one would fail the whole query.
const SIZES: &str = "SELECT datname::text, pg_database_size(oid) FROM pg_database \
    WHERE NOT datistemplate AND datallowconn \
    AND (has_database_privilege(oid, 'connect') OR pg_has_role('pg_read_all_stats', 'usage'))";

pub(super) async fn read(session: &mut Session, shelf: &mut Shelf) -> Result<(), Failed> {
    for row in session.rows(SIZES, &[]).await? {
        // One that is dropped meanwhile has none.
        if let (Some(database), Some(bytes)) = (named(&row), row.get::<_, Option<i64>>(1)) {
            shelf.number(&SIZE, &[database], bytes as f64);
        }
    }
    Ok(())
}

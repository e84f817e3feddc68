//! The one connection to a server.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use keiki_model::text::Text;
use keiki_model::time::Millis;
use tokio::task::AbortHandle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

use super::error::{Failed, told};
use super::{Target, tls};
use crate::source::SourceError;

/// What every session begins with: nothing is written, nothing waits long, and nothing but the system's own functions
/// answers to an unqualified name.
const SET_UP: [&str; 4] = [
    "SET default_transaction_read_only = on",
    "SET search_path = pg_catalog",
    "SET idle_in_transaction_session_timeout = '10s'",
    "SET lock_timeout = '100ms'",
];

/// Who is there, as whom Keiki came, and since when it runs.
const WHO: &str = "SELECT current_setting('server_version_num')::int4, current_user::text, \
    (extract(epoch FROM pg_postmaster_start_time()) * 1000)::int8, \
    extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::float8";

/// The oldest version whose views have the columns that are read, as `server_version_num` tells it.
const OLDEST: i32 = 130_000;

/// A connection that is opened when it is needed.
#[derive(Debug)]
pub(super) struct Link {
    target: Target,
    session: Option<Session>,
    /// Set while a reading runs. One that was dropped in the middle, because it took too long, leaves it set: whatever
    /// the server still answers belongs to nobody.
    busy: bool,
}

impl Link {
    pub(super) fn new(target: Target) -> Self {
        Self {
            target,
            session: None,
            busy: false,
        }
    }

    /// The session, connected if it is not, in which a statement may take nearly as long as the reading: the server gives up
    /// before Keiki does, so that the connection stays of use and no statement is left behind.
    pub(super) async fn open(&mut self, timeout: Duration) -> Result<&mut Session, SourceError> {
        if std::mem::replace(&mut self.busy, true)
            || self.session.as_ref().is_some_and(|session| session.client.is_closed())
        {
            self.session = None;
        }
        if self.session.is_none() {
            self.session = Some(Session::open(&self.target).await?);
        }
        let address = &self.target.address;
        let session = self
            .session
            .as_mut()
            .ok_or_else(|| SourceError::Unavailable(Text::new("接続がありません", "no connection")))?;
        session.limit(timeout).await.map_err(|error| told(&error, address))?;
        Ok(session)
    }

    /// Ends a reading.
    pub(super) fn settle<T>(&mut self, outcome: Result<T, Failed>) -> Result<T, SourceError> {
        self.busy = false;
        outcome.map_err(|failed| {
            if failed.is_fatal() {
                self.session = None;
            }
            failed.told(&self.target.address)
        })
    }
}

/// A connection that is open.
#[derive(Debug)]
pub(super) struct Session {
    client: Client,
    driver: AbortHandle,
    prepared: HashMap<String, Statement>,
    /// How long a statement may take, milliseconds; 0 before it is said.
    limit: u128,
    /// The user that Keiki is.
    user: String,
    /// When the server began, Unix milliseconds by its own clock, which need not be Keiki's.
    started: Millis,
    /// How long it ran when the session began, and when that was.
    age: (Duration, Instant),
    /// Where it is, for messages.
    address: String,
}

impl Session {
    async fn open(target: &Target) -> Result<Self, SourceError> {
        let mut driver = target.driver.clone();
        if let Some(file) = &target.password_file {
            let password = tokio::fs::read_to_string(file)
                .await
                .map_err(|error| SourceError::file(file, error))?;
            driver.password(password.trim_end_matches(['\r', '\n']));
        }
        let address = &target.address;
        let failed = |error: tokio_postgres::Error| told(&error, address);
        let (client, driver) = tls::connect(&driver, &target.tls).await.map_err(failed)?;
        let mut session = Self {
            client,
            driver,
            prepared: HashMap::new(),
            limit: 0,
            user: String::new(),
            started: 0,
            age: (Duration::ZERO, Instant::now()),
            address: address.clone(),
        };
        let set_up = SET_UP.map(marked).join("; ");
        session.client.batch_execute(&set_up).await.map_err(failed)?;
        let row = session.client.query_one(&marked(WHO), &[]).await.map_err(failed)?;
        if row.get::<_, i32>(0) < OLDEST {
            return Err(SourceError::Unavailable(Text::of(
                format!("PostgreSQL（{address}）はバージョン 13 より古いものです"),
                format!("PostgreSQL at {address} is older than version 13"),
            )));
        }
        session.user = row.get(1);
        session.started = row.get(2);
        // A clock that was set back makes it negative: then it has just begun, as far as anybody knows.
        let age = Duration::try_from_secs_f64(row.get(3)).unwrap_or_default();
        session.age = (age, Instant::now());
        Ok(session)
    }

    /// When the server began by its own clock: it names this run of it.
    pub(super) fn started(&self) -> Millis {
        self.started
    }

    /// How long the server has been running.
    pub(super) fn age(&self) -> Duration {
        self.age.0 + self.age.1.elapsed()
    }

    /// Where the server is, as messages name it.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    async fn limit(&mut self, timeout: Duration) -> Result<(), tokio_postgres::Error> {
        let limit = timeout.mul_f64(0.9).as_millis().max(1);
        if self.limit != limit {
            self.client
                .batch_execute(&marked(&format!("SET statement_timeout = {limit}")))
                .await?;
            self.limit = limit;
        }
        Ok(())
    }

    /// The rows of a query, which the server plans once.
    pub(super) async fn rows(&mut self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Failed> {
        if !self.prepared.contains_key(sql) {
            let statement = self.client.prepare(&marked(sql)).await?;
            self.prepared.insert(sql.to_owned(), statement);
        }
        Ok(self.client.query(&self.prepared[sql], parameters).await?)
    }

    /// Whether Keiki's user sees what others do.
    pub(super) async fn sees_all(&mut self) -> Result<(), Failed> {
        let rows = self
            .rows("SELECT pg_has_role('pg_read_all_stats', 'usage')", &[])
            .await?;
        if rows.first().is_some_and(|row| row.get(0)) {
            return Ok(());
        }
        Err(self.needs_monitor())
    }

    /// What to do so that Keiki's user sees what others do.
    pub(super) fn needs_monitor(&self) -> Failed {
        let (user, name) = (&self.user, quoted(&self.user));
        Failed::Missing(Text::of(
            format!(
                "{user} はほかのユーザーのセッションを参照できません。次を実行してください：GRANT pg_monitor TO {name};"
            ),
            format!("{user} may not see other users' sessions: run GRANT pg_monitor TO {name};"),
        ))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// What tells Keiki's statements from others: PostgreSQL keeps comments when it takes the literals out of a text.
const MARK: &str = "/* keiki */";

/// A statement with the mark behind its first word, where every version keeps it.
fn marked(sql: &str) -> String {
    let (verb, rest) = sql.split_once(' ').unwrap_or((sql, ""));
    [verb, " ", MARK, " ", rest].concat()
}

/// Whether a text, as PostgreSQL tells it, is of what Keiki itself asks.
pub(super) fn is_own(text: &str) -> bool {
    text.contains(MARK)
}

/// The name in a row's first column: a server may hold any bytes for one, and what is no text is left out.
pub(super) fn named(row: &Row) -> Option<&str> {
    row.try_get(0).ok()
}

/// An identifier as SQL takes any.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

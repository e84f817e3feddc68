//! The extension `pg_stat_statements`: how often and how long each statement was executed.
//!
//! The extension forgets statements when it is full and all of them when it is reset, so that a sum over it can fall.
//! Keiki therefore adds up what each statement grew by, and reports running totals of its own: of all statements, and of
//! the leading ones with their texts. Numbers are read at every reading, texts only of statements that newly lead: for
//! these the server reads a file that may be large, and may hold what it cannot convert. That costs nothing but the texts.

use std::collections::{HashMap, HashSet};

use keiki_model::text::Text;
use keiki_model::time::Millis;
use tokio_postgres::Row;

use super::error::Failed;
use super::link::{Session, is_own, quoted};
use super::metrics::statements::{CALLS, SECONDS, STATEMENT_CALLS, STATEMENT_SECONDS};
use super::text::normalised;
use crate::source::metric::Shelf;

/// So many statements lead a reading by time, by calls and by mean each.
const LEADERS: usize = 20;
/// One that has led stays reported so long, milliseconds: the longest window of a page.
const KEPT: Millis = 15 * 60 * 1_000;
/// So many are reported at most; those that led longest ago make way.
const REPORTED: usize = 200;

const EXTENSION: &str = "SELECT n.nspname::text, e.extversion FROM pg_extension e \
    JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'";

/// After texts could not be read they are left alone so long, milliseconds.
const TEXTS_PAUSE: Millis = 60 * 1_000;

/// A server that began so long before the former was last read, milliseconds, is another one: a reading and the report of
/// a start take their time.
const APART: Millis = 2_000;

const NAMES: &str = "SELECT oid, datname::text FROM pg_database";

/// A statement as the extension tells it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    user: u32,
    database: u32,
    query: i64,
    top_level: bool,
}

/// Calls and seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Cost {
    calls: f64,
    seconds: f64,
}

impl Cost {
    /// What came to it since an earlier reading; all of it if it began anew.
    fn since(self, before: Self) -> Self {
        if self.calls < before.calls || self.seconds < before.seconds {
            return self;
        }
        Self {
            calls: self.calls - before.calls,
            seconds: self.seconds - before.seconds,
        }
    }

    fn add(&mut self, more: Self) {
        self.calls += more.calls;
        self.seconds += more.seconds;
    }

    fn mean(self) -> f64 {
        if self.calls > 0.0 {
            self.seconds / self.calls
        } else {
            0.0
        }
    }
}

/// A statement of one database, whoever executes it.
type Subject = (u32, i64);

/// What Keiki has seen of one.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// What came with the newest reading.
    grown: Cost,
    /// What came since it was last reported.
    unreported: Cost,
}

/// A database's name and a text: what a series is of.
type Named = (String, String);

/// What is known of the extension's statements.
#[derive(Debug, Default)]
pub(super) struct Statements {
    /// The newest readings; `None` before the first.
    newest: Option<HashMap<Key, Cost>>,
    all: Cost,
    seen: HashMap<Subject, Seen>,
    /// The statements that are reported, and when they last led.
    leading: HashMap<Subject, Millis>,
    /// What they say; `None` for what Keiki itself asks.
    texts: HashMap<Subject, Option<String>>,
    databases: HashMap<u32, String>,
    /// The running totals of the series.
    totals: HashMap<Named, Cost>,
    /// Until when no texts are asked for, and why.
    pause: Millis,
    told: String,
    /// Which run of a server was last read, and when that was.
    server: Option<(Millis, Millis)>,
}

impl Statements {
    pub(super) async fn read(&mut self, session: &mut Session, shelf: &mut Shelf) -> Result<(), Failed> {
        session.sees_all().await?;
        let (schema, version) = extension(session).await?;
        let time = if version >= (1, 8) {
            "total_exec_time"
        } else {
            "total_time"
        };
        let top_level = if version >= (1, 9) { "toplevel" } else { "true" };
        let sql = format!(
            "SELECT userid, dbid, queryid, {top_level}, calls, {time} FROM {schema}.pg_stat_statements(false) \
             WHERE queryid IS NOT NULL"
        );
        let rows = session.rows(&sql, &[]).await?;
        let readings = rows.iter().map(|row| {
            let key = Key {
                user: row.get(0),
                database: row.get(1),
                query: row.get(2),
                top_level: row.get(3),
            };
            let cost = Cost {
                calls: row.get::<_, i64>(4) as f64,
                seconds: row.get::<_, f64>(5) / 1_000.0,
            };
            (key, cost)
        });
        let now = shelf.time();
        let age = Millis::try_from(session.age().as_millis()).unwrap_or(Millis::MAX);
        self.meet(session.started(), now.saturating_sub(age), now);
        self.count(readings.collect());
        self.lead(now);
        if now >= self.pause
            && let Err(failed) = self.find_texts(session, &schema).await
        {
            if failed.is_fatal() {
                return Err(failed);
            }
            self.pause = now + TEXTS_PAUSE;
            // No text of a statement can be in what the server says of reading them. It says the same until somebody mends it.
            let why = failed.told(session.address()).to_string();
            if why != self.told {
                tracing::warn!(
                    error = why,
                    "texts of statements can't be read: their figures come without them"
                );
                self.told = why;
            }
        }
        self.report(shelf);
        Ok(())
    }

    /// Another server behind the same address, such as after a failover: what it executed before was not seen by Keiki.
    /// The same one, started anew, goes on where it was or from zero. Another one had begun before the former was last read.
    /// `run` names a server's run, `began` is when that was by Keiki's clock.
    fn meet(&mut self, run: Millis, began: Millis, now: Millis) {
        if let Some((before, read)) = self.server
            && run != before
            && began < read - APART
        {
            self.newest = None;
        }
        self.server = Some((run, now));
    }

    /// Notes what each statement grew by.
    fn count(&mut self, readings: HashMap<Key, Cost>) {
        for seen in self.seen.values_mut() {
            seen.grown = Cost::default();
        }
        for (key, cost) in &readings {
            // What was executed before Keiki first looked was not seen by it.
            let grown = match &self.newest {
                None => Cost::default(),
                Some(newest) => cost.since(newest.get(key).copied().unwrap_or_default()),
            };
            // What a function executes is part of its call already.
            if key.top_level {
                self.all.add(grown);
            }
            let seen = self.seen.entry((key.database, key.query)).or_default();
            seen.grown.add(grown);
            seen.unreported.add(grown);
        }
        let there: HashSet<Subject> = readings.keys().map(|key| (key.database, key.query)).collect();
        self.seen
            .retain(|subject, _| there.contains(subject) || self.leading.contains_key(subject));
        self.newest = Some(readings);
    }

    /// Chooses the statements to report.
    fn lead(&mut self, now: Millis) {
        let orders: [fn(&Cost) -> f64; 3] = [|cost| cost.seconds, |cost| cost.calls, |cost| cost.mean()];
        for order in orders {
            let by = self.seen.iter().map(|(subject, seen)| (order(&seen.grown), *subject));
            let mut by: Vec<_> = by.filter(|(value, _)| *value > 0.0).collect();
            if by.len() > LEADERS {
                by.select_nth_unstable_by(LEADERS, |a, b| b.0.total_cmp(&a.0));
                by.truncate(LEADERS);
            }
            self.leading.extend(by.into_iter().map(|(_, subject)| (subject, now)));
        }
        self.leading.retain(|_, led| now - *led < KEPT);
        if self.leading.len() > REPORTED {
            let mut newest: Vec<_> = self.leading.drain().collect();
            newest.sort_unstable_by_key(|(subject, led)| (std::cmp::Reverse(*led), *subject));
            newest.truncate(REPORTED);
            self.leading.extend(newest);
        }
        self.texts.retain(|subject, _| self.leading.contains_key(subject));
    }

    /// Asks for the texts of statements that newly lead, and for the names of databases that are not known.
    async fn find_texts(&mut self, session: &mut Session, schema: &str) -> Result<(), Failed> {
        let unknown = |statements: &Self| -> Vec<Subject> {
            let led = statements.leading.keys();
            led.filter(|subject| !statements.texts.contains_key(*subject))
                .copied()
                .collect()
        };
        let queries: Vec<i64> = unknown(self).into_iter().map(|(_, query)| query).collect();
        if !queries.is_empty() {
            let sql = format!(
                "SELECT dbid, queryid, left(query, 4000) FROM {schema}.pg_stat_statements(true) WHERE queryid = ANY($1)"
            );
            for row in session.rows(&sql, &[&queries]).await? {
                let subject = (row.get(0), row.get(1));
                if self.leading.contains_key(&subject) {
                    let text = row.try_get::<_, Option<&str>>(2).ok().flatten();
                    // Hidden, or no text: a database may hold any bytes.
                    let text = text.unwrap_or_default();
                    self.texts.insert(subject, (!is_own(text)).then(|| normalised(text)));
                }
            }
            // The extension has forgotten it meanwhile.
            for subject in unknown(self) {
                self.leading.remove(&subject);
            }
        }
        if self
            .leading
            .keys()
            .any(|(database, _)| !self.databases.contains_key(database))
        {
            let rows = session.rows(NAMES, &[]).await?;
            let named = |row: &Row| Some((row.get(0), row.try_get(1).ok()?));
            self.databases = rows.iter().filter_map(named).collect();
        }
        Ok(())
    }

    fn report(&mut self, shelf: &mut Shelf) {
        shelf.number(&CALLS, &[], self.all.calls);
        shelf.number(&SECONDS, &[], self.all.seconds);
        for ((database, text), cost) in self.reported() {
            let labels = [database.as_str(), text.as_str()];
            shelf.number(&STATEMENT_CALLS, &labels, cost.calls);
            shelf.number(&STATEMENT_SECONDS, &labels, cost.seconds);
        }
    }

    /// The running totals of the leading statements. Those of one text are one, since a list of values may have any length;
    /// which of them lead changes, so that what they grew by is added up and not their own totals. A series begins with
    /// zero, because nobody sees what the first sample of a counter came from.
    fn reported(&mut self) -> Vec<(Named, Cost)> {
        let mut grown: HashMap<Named, Cost> = HashMap::new();
        for (subject, seen) in &mut self.seen {
            let unreported = std::mem::take(&mut seen.unreported);
            if !self.leading.contains_key(subject) {
                continue;
            }
            // A database that has no name has been dropped.
            if let (Some(Some(text)), Some(database)) = (self.texts.get(subject), self.databases.get(&subject.0)) {
                grown
                    .entry((database.clone(), text.clone()))
                    .or_default()
                    .add(unreported);
            }
        }
        self.totals.retain(|named, _| grown.contains_key(named));
        let totals = &mut self.totals;
        let report = |(named, grown): (Named, Cost)| {
            let is_new = !totals.contains_key(&named);
            let total = totals.entry(named.clone()).or_default();
            total.add(grown);
            (named, if is_new { Cost::default() } else { *total })
        };
        grown.into_iter().map(report).collect()
    }
}

/// The extension's schema, quoted, and its version.
async fn extension(session: &mut Session) -> Result<(String, (u32, u32)), Failed> {
    let rows = session.rows(EXTENSION, &[]).await?;
    let Some(row) = rows.first() else {
        return Err(Failed::Missing(Text::new(
            "このデータベースに拡張 pg_stat_statements がありません。shared_preload_libraries に加えて PostgreSQL を再起動し、\
             CREATE EXTENSION pg_stat_statements; を実行してください",
            "the extension pg_stat_statements is missing in this database: put it into shared_preload_libraries, \
             restart PostgreSQL and run CREATE EXTENSION pg_stat_statements;",
        )));
    };
    let mut parts = row.get::<_, &str>(1).split('.').map(|part| part.parse().unwrap_or(0));
    let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    Ok((quoted(row.get(0)), version))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(query: i64) -> Key {
        Key {
            user: 1,
            database: 1,
            query,
            top_level: true,
        }
    }

    fn read(statements: &mut Statements, readings: &[(i64, f64, f64)]) {
        let cost = |&(query, calls, seconds): &(i64, f64, f64)| (key(query), Cost { calls, seconds });
        statements.count(readings.iter().map(cost).collect());
    }

    #[test]
    fn what_was_before_the_first_reading_is_not_counted() {
        let mut statements = Statements::default();
        read(&mut statements, &[(1, 100.0, 10.0)]);
        assert_eq!(statements.all, Cost::default());
        read(&mut statements, &[(1, 103.0, 10.5), (2, 2.0, 1.0)]);
        assert_eq!((statements.all.calls, statements.all.seconds), (5.0, 1.5));
    }

    #[test]
    fn what_a_function_executes_is_counted_once() {
        let mut statements = Statements::default();
        let nested = Key {
            top_level: false,
            ..key(2)
        };
        for calls in [0.0, 1.0] {
            let cost = Cost { calls, seconds: calls };
            statements.count(HashMap::from([(key(1), cost), (nested, cost)]));
        }
        assert_eq!((statements.all.calls, statements.all.seconds), (1.0, 1.0));
        assert_eq!(statements.seen[&(1, 2)].grown.calls, 1.0, "it may lead all the same");
    }

    #[test]
    fn another_server_behind_the_same_address_is_a_beginning() {
        let mut statements = Statements::default();
        let mut at = |began, now, calls| {
            // Its clock is ten seconds behind.
            statements.meet(began - 10_000, began, now);
            read(&mut statements, &[(1, calls, 0.0)]);
            statements.all.calls
        };
        assert_eq!(at(1_000, 100_000, 50.0), 0.0);
        assert_eq!(at(1_000, 105_000, 51.0), 1.0);
        assert_eq!(at(500, 110_000, 9_000.0), 1.0, "a standby of long ago");
        assert_eq!(at(500, 115_000, 9_002.0), 3.0);
        assert_eq!(at(118_000, 120_000, 4.0), 7.0, "the same one, from zero");
    }

    #[test]
    fn a_reset_or_a_forgotten_statement_takes_nothing_away() {
        let mut statements = Statements::default();
        read(&mut statements, &[(1, 100.0, 10.0), (2, 7.0, 7.0)]);
        read(&mut statements, &[(1, 4.0, 0.5)]);
        assert_eq!((statements.all.calls, statements.all.seconds), (4.0, 0.5));
        read(&mut statements, &[(1, 5.0, 0.75), (2, 1.0, 2.0)]);
        assert_eq!((statements.all.calls, statements.all.seconds), (6.0, 2.75));
    }

    #[test]
    fn the_leading_ones_stay_for_a_window() {
        let mut statements = Statements::default();
        let all = |calls: f64| {
            (0..100)
                .map(|query| (query, calls * query as f64, 0.0))
                .collect::<Vec<_>>()
        };
        read(&mut statements, &all(1.0));
        statements.lead(0);
        assert!(statements.leading.is_empty());
        read(&mut statements, &all(2.0));
        statements.lead(1);
        assert_eq!(statements.leading.len(), LEADERS);
        assert!(statements.leading.contains_key(&(1, 99)));
        read(&mut statements, &[(3, 1_000_000.0, 0.0)]);
        statements.lead(KEPT);
        assert!(statements.leading.contains_key(&(1, 3)));
        assert!(statements.leading.contains_key(&(1, 99)), "still within the window");
        statements.lead(KEPT + 1);
        assert!(statements.seen.contains_key(&(1, 99)));
    }

    #[test]
    fn statements_of_one_text_are_one_series_that_never_falls() {
        let mut statements = Statements {
            databases: HashMap::from([(1, "shop".to_owned())]),
            ..Statements::default()
        };
        let calls = |statements: &mut Statements, now, readings: &[(i64, f64, f64)]| {
            read(statements, readings);
            statements.lead(now);
            for (_, query) in statements.leading.keys().copied().collect::<Vec<_>>() {
                statements.texts.insert((1, query), Some("x IN (?)".to_owned()));
            }
            let reported = statements.reported();
            assert!(reported.len() <= 1);
            reported.first().map(|(_, cost)| cost.calls)
        };
        assert_eq!(calls(&mut statements, 0, &[(1, 100.0, 1.0), (2, 500.0, 1.0)]), None);
        assert_eq!(
            calls(&mut statements, 1, &[(1, 103.0, 1.1), (2, 500.0, 1.0)]),
            Some(0.0),
            "it begins"
        );
        assert_eq!(
            calls(&mut statements, 2, &[(1, 104.0, 1.2), (2, 500.0, 1.0)]),
            Some(4.0),
            "nothing is lost"
        );
        // The second one joins with what it grew by now, not with all that it ever was.
        assert_eq!(
            calls(&mut statements, 3, &[(1, 104.0, 1.2), (2, 505.0, 2.0)]),
            Some(9.0)
        );
        // The first one no longer leads.
        assert_eq!(
            calls(&mut statements, KEPT + 2, &[(1, 104.0, 1.2), (2, 506.0, 2.1)]),
            Some(10.0)
        );
    }
}

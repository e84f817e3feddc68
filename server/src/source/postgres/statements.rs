//! The extension `pg_stat_statements`: how often and how long each statement was executed.
//!
//! The extension forgets statements when it is full and all of them when it is reset, so that a sum over it can fall.
//! Keiki therefore adds up what each statement grew by, and reports running totals of its own: of all statements, and of
//! the leading ones with their texts. Numbers are read at every reading, texts only of statements that newly lead: for
//! these the server reads a file that may be large, and may hold what it cannot convert. That costs nothing but the texts.

#[cfg(test)]
mod tests;

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

impl Key {
    fn asked(self) -> Asked {
        Asked {
            user: self.user,
            subject: (self.database, self.query),
        }
    }
}

/// A statement of one database, whoever executes it.
type Subject = (u32, i64);

/// A statement of one user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Asked {
    user: u32,
    subject: Subject,
}

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
    seen: HashMap<Asked, Seen>,
    /// What Keiki itself asks: it is in the sums, and leads nothing. The same statement of another user is not Keiki's.
    own: HashSet<Asked>,
    /// The statements that are reported, and when they last led.
    leading: HashMap<Subject, Millis>,
    /// What they say.
    texts: HashMap<Subject, String>,
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
            && let Err(failed) = self.find_texts(session, &schema, now).await
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
            let seen = self.seen.entry(key.asked()).or_default();
            seen.grown.add(grown);
            seen.unreported.add(grown);
        }
        let there: HashSet<Asked> = readings.keys().map(|key| key.asked()).collect();
        self.seen
            .retain(|asked, _| there.contains(asked) || self.leading.contains_key(&asked.subject));
        // What the extension forgets comes again; anybody may write Keiki's mark.
        if self.own.len() > REPORTED {
            self.own.retain(|asked| there.contains(asked));
        }
        self.newest = Some(readings);
    }

    /// Chooses the statements to report.
    fn lead(&mut self, now: Millis) {
        let mut grown: HashMap<Subject, Cost> = HashMap::new();
        for (asked, seen) in self.seen.iter().filter(|(asked, _)| !self.own.contains(asked)) {
            grown.entry(asked.subject).or_default().add(seen.grown);
        }
        let orders: [fn(&Cost) -> f64; 3] = [|cost| cost.seconds, |cost| cost.calls, |cost| cost.mean()];
        for order in orders {
            let by = grown.iter().map(|(subject, grown)| (order(grown), *subject));
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
    async fn find_texts(&mut self, session: &mut Session, schema: &str, now: Millis) -> Result<(), Failed> {
        let sql = format!(
            "SELECT userid, dbid, queryid, left(query, 4000) FROM {schema}.pg_stat_statements(true) WHERE queryid = ANY($1)"
        );
        // Where Keiki's own are among them, others lead in their stead.
        for _ in 0..2 {
            let queries: Vec<i64> = self.unknown().map(|(_, query)| query).collect();
            if queries.is_empty() {
                break;
            }
            for row in session.rows(&sql, &[&queries]).await? {
                let (user, database, query) = (row.get(0), row.get(1), row.get(2));
                let text = row.try_get::<_, Option<&str>>(3).ok().flatten();
                let subject = (database, query);
                // Hidden, or no text: a database may hold any bytes.
                self.learn(Asked { user, subject }, text.unwrap_or_default());
            }
            // The extension has forgotten it meanwhile, or nobody but Keiki asks it.
            for subject in self.unknown().collect::<Vec<_>>() {
                self.leading.remove(&subject);
            }
            self.lead(now);
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

    /// The statements that lead and have no text.
    fn unknown(&self) -> impl Iterator<Item = Subject> {
        let led = self.leading.keys().copied();
        led.filter(|subject| !self.texts.contains_key(subject))
    }

    /// What a statement of a user says.
    fn learn(&mut self, asked: Asked, text: &str) {
        if is_own(text) {
            self.own.insert(asked);
        } else if self.leading.contains_key(&asked.subject) {
            let known = self.texts.entry(asked.subject).or_default();
            if known.is_empty() {
                *known = normalised(text);
            }
        }
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
        for (asked, seen) in &mut self.seen {
            let (unreported, subject) = (std::mem::take(&mut seen.unreported), &asked.subject);
            if self.own.contains(asked) || !self.leading.contains_key(subject) {
                continue;
            }
            // A database that has no name has been dropped.
            if let (Some(text), Some(database)) = (self.texts.get(subject), self.databases.get(&subject.0)) {
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

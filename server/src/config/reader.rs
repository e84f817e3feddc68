//! First stage: from text to values of the right types at known keys. Knows the table of keys, not their meaning.

use std::collections::HashMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{self, Key, Kind, LATER, TABLES, Table};
use super::problem::{Origin, Problem};

/// A value of the type that its key asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Data {
    /// Of [`Kind::Boolean`].
    Boolean(bool),
    /// Of [`Kind::Integer`].
    Integer(i64),
    /// Of [`Kind::Seconds`].
    Seconds(f64),
    /// Of [`Kind::Text`].
    Text(String),
    /// Of [`Kind::Texts`], each with its place.
    Texts(Vec<(String, Origin)>),
}

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Value {
    /// The value.
    pub(super) data: Data,
    /// Its place.
    pub(super) origin: Origin,
}

/// One table as it was written.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    /// The place of its heading.
    pub(super) span: Range<usize>,
    /// Its values by key.
    pub(super) values: HashMap<&'static str, Value>,
}

/// All that was written.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// The tables that appear once.
    pub(super) tables: HashMap<&'static str, Entry>,
    /// The tables that repeat, in the order of the file.
    pub(super) repeated: Vec<(&'static str, Entry)>,
    /// What cannot be read.
    pub(super) problems: Vec<Problem>,
}

impl Values {
    /// Reads the text of a file. Whatever can be read is, so that one run shows every mistake.
    pub(super) fn read(text: &str) -> Self {
        let mut values = Self::default();
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let span = error.span().unwrap_or_default();
            values.problems.push(Problem::new(
                Origin::File(span),
                format!("not TOML: {}", error.message()),
            ));
        }
        for (name, value) in document.get_ref() {
            values.top(name, value);
        }
        values
    }

    /// Takes what the environment says: `KEIKI_SERVER__LISTEN` is `listen` of `[server]`. Variables without a double
    /// underscore are not configuration.
    pub(super) fn overlay_environment(&mut self, variables: impl IntoIterator<Item = (String, String)>) {
        for (name, text) in variables {
            let Some((table, key)) = name.strip_prefix("KEIKI_").and_then(|rest| rest.split_once("__")) else {
                continue;
            };
            let origin = Origin::Environment(name.clone());
            let (table, key) = (table.to_ascii_lowercase(), key.to_ascii_lowercase());
            let Some(table) = keys::table(&table) else {
                self.problems.push(unknown_table(&table, origin));
                continue;
            };
            if table.repeated {
                let message = format!(
                    "tables that repeat, such as {}, are set in the file only",
                    table.heading()
                );
                self.problems.push(Problem::new(origin, message));
                continue;
            }
            match table.key(&key) {
                None => self.problems.push(unknown_key(&key, table, origin)),
                Some(key) => match from_text(key, &text, &origin) {
                    Ok(data) => self.set(table.name, key.name, Value { data, origin }),
                    Err(problem) => self.problems.push(problem),
                },
            }
        }
    }

    /// Sets a value over what the file says.
    pub(super) fn set(&mut self, table: &'static str, key: &'static str, value: Value) {
        self.tables.entry(table).or_default().values.insert(key, value);
    }

    /// One key of the top level, which must be a table.
    fn top(&mut self, name: &Spanned<std::borrow::Cow<'_, str>>, value: &Spanned<DeValue<'_>>) {
        let origin = Origin::File(name.span());
        let Some(table) = keys::table(name.get_ref()) else {
            self.problems.push(unknown_top(name.get_ref(), value.get_ref(), origin));
            return;
        };
        match value.get_ref() {
            DeValue::Table(content) if !table.repeated => {
                let values = self.entry(table, content);
                self.tables.insert(
                    table.name,
                    Entry {
                        span: name.span(),
                        values,
                    },
                );
            }
            DeValue::Array(items) if table.repeated => {
                for item in items {
                    match item.get_ref() {
                        DeValue::Table(content) => {
                            let values = self.entry(table, content);
                            self.repeated.push((
                                table.name,
                                Entry {
                                    span: item.span(),
                                    values,
                                },
                            ));
                        }
                        _ => self.problems.push(wrong_heading(table, Origin::File(item.span()))),
                    }
                }
            }
            _ => self.problems.push(wrong_heading(table, origin)),
        }
    }

    /// The keys of one table.
    fn entry(&mut self, table: &'static Table, content: &DeTable<'_>) -> HashMap<&'static str, Value> {
        let mut values = HashMap::new();
        for (name, value) in content {
            match table.key(name.get_ref()) {
                None => self
                    .problems
                    .push(unknown_key(name.get_ref(), table, Origin::File(name.span()))),
                Some(key) => match from_toml(key, value) {
                    Ok(data) => {
                        values.insert(
                            key.name,
                            Value {
                                data,
                                origin: Origin::File(value.span()),
                            },
                        );
                    }
                    Err(problem) => self.problems.push(problem),
                },
            }
        }
        values
    }
}

/// The default of a key.
pub(super) fn default_of(key: &Key) -> Option<Data> {
    let value = DeValue::parse(key.default).ok()?;
    from_toml(key, &value).ok()
}

/// Checks a TOML value against its key's type.
fn from_toml(key: &Key, value: &Spanned<DeValue<'_>>) -> Result<Data, Problem> {
    let origin = || Origin::File(value.span());
    let wrong = || {
        let message = format!(
            "{} must be {}, not {}",
            key.name,
            key.kind.describe(),
            describe(value.get_ref())
        );
        Problem::new(origin(), message).hint(format!("write for example: {} = {}", key.name, key.default))
    };
    match (key.kind, value.get_ref()) {
        (Kind::Boolean, DeValue::Boolean(boolean)) => Ok(Data::Boolean(*boolean)),
        (Kind::Text, DeValue::String(text)) => Ok(Data::Text(text.to_string())),
        (Kind::Integer(..), DeValue::Integer(_)) | (Kind::Seconds(..), DeValue::Integer(_) | DeValue::Float(_)) => {
            within(key, number(value.get_ref()), &origin())
        }
        (Kind::Texts, DeValue::Array(items)) => items
            .iter()
            .map(|item| match item.get_ref() {
                DeValue::String(text) => Ok((text.to_string(), Origin::File(item.span()))),
                other => {
                    let message = format!("{} lists texts in quotes, not {}", key.name, describe(other));
                    Err(Problem::new(Origin::File(item.span()), message))
                }
            })
            .collect::<Result<_, _>>()
            .map(Data::Texts),
        _ => Err(wrong()),
    }
}

/// Reads what stands in an environment variable, where text needs no quotes and a list is separated by commas.
fn from_text(key: &Key, text: &str, origin: &Origin) -> Result<Data, Problem> {
    let text = text.trim();
    let wrong = || Problem::new(origin.clone(), format!("must be {}, not {text:?}", key.kind.describe()));
    match key.kind {
        Kind::Text => Ok(Data::Text(text.to_owned())),
        Kind::Boolean => text.parse().map(Data::Boolean).map_err(|_| wrong()),
        Kind::Integer(..) | Kind::Seconds(..) => match text.parse::<f64>() {
            Ok(number) => within(key, Some(number), origin),
            Err(_) => Err(wrong()),
        },
        Kind::Texts => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Ok(Data::Texts(
                items.map(|item| (item.to_owned(), origin.clone())).collect(),
            ))
        }
    }
}

/// A TOML number. Sizes beyond 2⁵³ lose digits, far beyond every bound.
fn number(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .ok()
            .map(|integer| integer as f64),
        DeValue::Float(float) => float.as_str().parse().ok(),
        _ => None,
    }
}

fn within(key: &Key, number: Option<f64>, origin: &Origin) -> Result<Data, Problem> {
    let data = number.and_then(|number| match key.kind {
        Kind::Integer(min, max) => {
            let whole = number.fract() == 0.0 && (min as f64..=max as f64).contains(&number);
            whole.then_some(Data::Integer(number as i64))
        }
        Kind::Seconds(min, max) => (min..=max).contains(&number).then_some(Data::Seconds(number)),
        _ => None,
    });
    data.ok_or_else(|| {
        Problem::new(origin.clone(), format!("{} must be {}", key.name, key.kind.describe()))
            .hint(format!("the default is {}", key.default))
    })
}

/// The type of a TOML value in words.
fn describe(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn wrong_heading(table: &Table, origin: Origin) -> Problem {
    let many = if table.repeated { "may repeat" } else { "appears once" };
    Problem::new(origin, format!("{} {many}", table.name)).hint(format!("write {}", table.heading()))
}

fn unknown_table(name: &str, origin: Origin) -> Problem {
    if LATER.contains(&name) {
        return Problem::new(origin, format!("[{name}] is not in this version, and would do nothing"))
            .hint("remove it for now");
    }
    let problem = Problem::new(origin, format!("unknown table [{name}]"));
    match keys::closest(name, TABLES.iter().map(|table| table.name)).and_then(keys::table) {
        Some(table) => problem.hint(format!("write {}", table.heading())),
        None => {
            let names: Vec<_> = TABLES.iter().map(Table::heading).collect();
            problem.hint(format!("the tables are {}", names.join(" ")))
        }
    }
}

/// A key of the top level that is no table's name: often one of a table's, written above its heading.
fn unknown_top(name: &str, value: &DeValue<'_>, origin: Origin) -> Problem {
    if matches!(value, DeValue::Table(_) | DeValue::Array(_)) || LATER.contains(&name) {
        return unknown_table(name, origin);
    }
    let problem = Problem::new(origin, format!("unknown key {name:?} outside of any table"));
    match TABLES.iter().find(|table| table.key(name).is_some()) {
        Some(table) => problem.hint(format!("write it below {}", table.heading())),
        None => problem,
    }
}

fn unknown_key(name: &str, table: &Table, origin: Origin) -> Problem {
    let problem = Problem::new(origin, format!("unknown key {name:?} in {}", table.heading()));
    if let Some(meant) = keys::closest(name, table.keys.iter().map(|key| key.name)) {
        return problem.hint(format!("write {meant}"));
    }
    if let Some(other) = TABLES.iter().find(|other| other.key(name).is_some()) {
        return problem.hint(format!("{name} belongs below {}", other.heading()));
    }
    let names: Vec<_> = table.keys.iter().map(|key| key.name).collect();
    problem.hint(format!("the keys of {} are {}", table.heading(), names.join(", ")))
}

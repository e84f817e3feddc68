//! Recognisers: which foreign metric means what.
//!
//! Panels read canonical metrics, and every program names its measurements in its own way. A recogniser is a file of rows
//! in `rows/`, data and no code: *the counter `redis_keyspace_hits_total` is `cache_operations_total` with
//! `cache_result="hit"`*. A series is looked up once, when it first appears, and is kept under its canonical name; it
//! stays findable by its own.
//!
//! A canonical name says what its values are: counters end in `_total`, histograms in `_duration_seconds`, all else is a
//! gauge. A row does not hold for a series of another kind: a summary's quantiles are no histogram.

mod row;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use keiki_model::series::{Kind, Labels, SERVICE_INSTANCE_ID, SERVICE_NAME, is_of_host};

use row::{File, Row};

/// The files that come with Keiki.
macro_rules! built_in {
    ($($name:literal)*) => {
        const BUILT_IN: &[(&str, &str)] = &[$(($name, include_str!(concat!("../rows/", $name, ".toml")))),*];
    };
}

// Where two would know the same series, the first one reads it.
built_in! {
    "wellness"
    "fastapi-instrumentator"
    "starlette"
    "django"
    "aspnet"
    "flask"
    "http-middleware"
    "go-http"
    "axum"
    "micrometer"
    "opentelemetry"
    "postgres_exporter"
    "mysqld_exporter"
    "mongodb_exporter"
    "redis_exporter"
    "memcached_exporter"
    "rabbitmq"
    "celery-exporter"
    "sidekiq"
    "bullmq"
    "kafka_exporter"
    "proxies"
    "gunicorn"
    "node_exporter"
    "containers"
    "process"
}

/// A series as its sender describes it.
#[derive(Clone, Copy, Debug)]
pub struct Foreign<'a> {
    /// Its metric's own name; of a histogram the name without `_bucket`.
    pub name: &'a str,
    /// What its values are; `None` where the sender did not say.
    pub kind: Option<Kind>,
    /// Its labels, those of identity among them.
    pub labels: &'a Labels,
}

/// What a series is read as.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Readings<'a> {
    /// What it is, in the catalogue's words; without it the series keeps its own name and labels.
    pub canonical: Option<Canonical<'a>>,
    /// What can be computed from it besides.
    pub derived: Vec<Derived<'a>>,
}

/// A series in the catalogue's words.
#[derive(Clone, Debug, PartialEq)]
pub struct Canonical<'a> {
    /// The recogniser that knew it.
    pub recogniser: &'a str,
    /// The canonical name.
    pub name: &'a str,
    /// The labels, renamed.
    pub labels: Labels,
    /// What its values are.
    pub kind: Kind,
    /// By what its values are multiplied: 0.001 makes seconds of milliseconds.
    pub scale: f64,
    /// The metric, by its sender's own name, that tells the same and is read in its stead where the sender has both.
    pub unless: Option<&'a str>,
}

/// A gauge that is computed from a series: `offset + scale × x`.
#[derive(Clone, Debug, PartialEq)]
pub struct Derived<'a> {
    /// What it is.
    pub canonical: Canonical<'a>,
    /// What is added.
    pub offset: f64,
    /// Whether *x* is the growth per second since the sample before, instead of the value.
    pub rate: bool,
    /// The metric by whose value, with the same labels, from the same sender and at the same time, *x* is divided.
    pub over: Option<&'a str>,
}

/// All recognisers.
#[derive(Debug)]
pub struct Recognisers {
    names: Vec<String>,
    /// The recogniser of each row.
    rows: Vec<(usize, Row)>,
    by_metric: HashMap<String, Vec<usize>>,
    divisors: HashSet<String>,
    preferred: HashSet<String>,
}

/// A file of rows that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("the recogniser {file} is wrong: {why}")]
pub struct BadRows {
    /// The file's name.
    pub file: String,
    /// What is wrong, and where.
    pub why: String,
}

impl Recognisers {
    /// Those that come with Keiki, after rows of the user's own: `(name, TOML)` of each file.
    ///
    /// # Errors
    /// A file is no TOML, has an unknown key, or a row contradicts itself.
    pub fn new(own: &[(String, String)]) -> Result<Self, BadRows> {
        let mut all = Self {
            names: Vec::new(),
            rows: Vec::new(),
            by_metric: HashMap::new(),
            divisors: HashSet::new(),
            preferred: HashSet::new(),
        };
        let built_in = BUILT_IN.iter().copied();
        for (name, text) in own.iter().map(|(name, text)| (&**name, &**text)).chain(built_in) {
            all.add(name, text).map_err(|why| BadRows {
                file: name.to_owned(),
                why,
            })?;
        }
        Ok(all)
    }

    fn add(&mut self, name: &str, text: &str) -> Result<(), String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let owner = self.names.len();
        self.names.push(name.to_owned());
        for row in file.row {
            row.check()?;
            let place = self.rows.len();
            self.divisors.extend(row.over.clone());
            self.preferred.extend(row.unless.clone());
            self.by_metric.entry(row.metric.clone()).or_default().push(place);
            self.rows.push((owner, row));
        }
        Ok(())
    }

    /// The names of all, in the order in which they are asked.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Whether anything is divided by this metric.
    pub fn is_divisor(&self, metric: &str) -> bool {
        self.divisors.contains(metric)
    }

    /// Whether this metric is read in the stead of others that tell the same.
    pub fn is_preferred(&self, metric: &str) -> bool {
        self.preferred.contains(metric)
    }

    /// What a series is read as. To be asked once per series.
    pub fn readings(&self, foreign: Foreign<'_>) -> Readings<'_> {
        let mut readings = Readings::default();
        let places = self.by_metric.get(foreign.name).map_or(&[][..], Vec::as_slice);
        for (owner, row) in places.iter().filter_map(|place| self.rows.get(*place)) {
            if !row
                .when
                .iter()
                .all(|(label, condition)| condition.holds(value(foreign.labels, label)))
            {
                continue;
            }
            let Some(kind) = row.kind_of(foreign.kind) else {
                continue;
            };
            let canonical = || Canonical {
                recogniser: &self.names[*owner],
                name: &row.canonical,
                labels: renamed(row, foreign.labels),
                kind,
                scale: row.scale,
                unless: row.unless.as_deref(),
            };
            if row.is_derived() {
                readings.derived.push(Derived {
                    canonical: canonical(),
                    offset: row.offset,
                    rate: row.rate,
                    over: row.over.as_deref(),
                });
            } else if readings.canonical.is_none() {
                readings.canonical = Some(canonical());
            }
        }
        readings
    }
}

/// The value of a label; the empty text where there is none.
fn value<'a>(labels: &'a Labels, name: &str) -> &'a str {
    labels.get(name).unwrap_or_default()
}

fn renamed(row: &Row, foreign: &Labels) -> Labels {
    // A host has no instances; processes of a service are told apart by theirs.
    let without: &[&str] = match () {
        () if row.canonical.starts_with("process_") => &[SERVICE_NAME],
        () if is_of_host(&row.canonical) => &[SERVICE_NAME, SERVICE_INSTANCE_ID],
        () => &[],
    };
    let mut labels = Labels::none();
    for (name, value) in foreign.iter() {
        if without.contains(&name) || row.drop.iter().any(|dropped| dropped == name) {
            continue;
        }
        let renamed = row.labels.get(name).map_or(name, String::as_str);
        let mapped = row.values.get(renamed).and_then(|values| values.get(value));
        labels.set(renamed, mapped.map_or(value, String::as_str));
    }
    for (name, value) in &row.set {
        labels.set(name.as_str(), filled(value, foreign));
    }
    labels
}

/// The template with the labels' values in place of their names in braces; an absent one leaves no blank at the end.
fn filled(template: &str, labels: &Labels) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, name, after)) = rest
        .split_once('{')
        .and_then(|(before, rest)| rest.split_once('}').map(|(name, after)| (before, name, after)))
    {
        text.push_str(before);
        text.push_str(value(labels, name));
        rest = after;
    }
    text.push_str(rest);
    text.trim().to_owned()
}

/// What the values of a canonical metric are, by its name.
pub fn kind_of(canonical: &str) -> Kind {
    if canonical.ends_with("_total") && canonical != "workers_total" {
        Kind::Counter
    } else if canonical.ends_with("_duration_seconds") {
        Kind::Histogram
    } else {
        Kind::Gauge
    }
}

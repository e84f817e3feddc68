//! What a page is asked for, and the address that asks for it.
//!
//! One canonical query string both ways: two requests with the same address and language show the same page, so the
//! address is the key of the page cache and the links of a page keep all but what they change.

use std::fmt;

use keiki_model::group::Group;
use keiki_model::panel::StatKey;
use keiki_model::text::Language;
use keiki_model::view::{MAX_SCOPE, Scope, Subject, View, percent_decode, percent_encode};
use serde::{Deserialize, Serialize};

/// The colours of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Theme {
    /// As the system says.
    #[default]
    Auto,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// Every theme, in the order of the switch.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// The value in addresses and of `data-theme`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// How the tables of a page are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sort {
    /// By the column of this key; by name where there is none.
    pub column: Option<StatKey>,
    /// The largest first.
    pub descending: bool,
}

impl Sort {
    /// By a column as its first press sorts it: figures from the largest, names from the first.
    pub fn first(column: Option<StatKey>) -> Self {
        Self {
            column,
            descending: column.is_some(),
        }
    }

    /// The other way round.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self {
            descending: !self.descending,
            ..self
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (descending, name) = match text.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, text),
        };
        let column = match name {
            "name" => None,
            name => Some(StatKey::from_name(name)?),
        };
        Some(Self { column, descending })
    }

    fn write(self, out: &mut String) {
        if self.descending {
            out.push('-');
        }
        out.push_str(self.column.map_or("name", StatKey::as_str));
    }
}

/// What a page shows, and how.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct PageRequest {
    /// What is shown.
    pub subject: Subject,
    /// How far back, seconds: one of [`PageRequest::WINDOWS`].
    pub window: u32,
    /// Whose data.
    pub scope: Scope,
    /// The language of the page.
    pub language: Language,
    /// Whether the address names the language, so that links repeat it.
    pub language_chosen: bool,
    /// Its colours.
    pub theme: Theme,
    /// Where the app lives: `""` or `/ops/keiki`, without a slash at the end.
    pub base: String,
    /// How its tables are sorted; as the server sorts them where nothing is said.
    pub sort: Option<Sort>,
}

/// A parameter of the address that holds nothing usable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestError {
    /// The parameter's name.
    pub parameter: &'static str,
    /// What it may be.
    pub expected: &'static str,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bad value of {}: write {}", self.parameter, self.expected)
    }
}

impl std::error::Error for RequestError {}

const DEFAULT_WINDOW: u32 = 300;

impl PageRequest {
    /// The windows of a page, seconds.
    pub const WINDOWS: [u32; 3] = [60, 300, 900];

    /// The page of an address without a query.
    pub fn new(subject: Subject, language: Language, base: &str) -> Self {
        Self {
            subject,
            window: DEFAULT_WINDOW,
            scope: Scope::default(),
            language,
            language_chosen: false,
            theme: Theme::Auto,
            base: base.to_owned(),
            sort: None,
        }
    }

    /// Reads a query string without its `?`. The language is the one where the query names none. Parameters that are
    /// not the page's are ignored.
    ///
    /// # Errors
    /// The first parameter with a value that it can't have.
    pub fn parse(subject: Subject, query: &str, language: Language, base: &str) -> Result<Self, RequestError> {
        let mut request = Self::new(subject, language, base);
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let bad = |parameter, expected| RequestError { parameter, expected };
            let decoded = || percent_decode(&value.replace('+', " "));
            match name {
                "window" => {
                    let found = Self::WINDOWS.into_iter().find(|&window| window_text(window) == value);
                    request.window = found.ok_or_else(|| bad("window", "1m, 5m or 15m"))?;
                }
                "service" => {
                    let value = decoded().ok_or_else(|| bad("service", "a service's name, percent-encoded"))?;
                    request.scope.services.insert(value);
                }
                "host" => {
                    let value = decoded().ok_or_else(|| bad("host", "a host's name, percent-encoded"))?;
                    request.scope.hosts.insert(value);
                }
                "lang" => {
                    request.language = Language::from_tag(value).ok_or_else(|| bad("lang", "ja or en"))?;
                    request.language_chosen = true;
                }
                "theme" => {
                    let found = Theme::ALL.into_iter().find(|theme| theme.as_str() == value);
                    request.theme = found.ok_or_else(|| bad("theme", "light, dark or auto"))?;
                }
                "sort" => {
                    let sort = Sort::parse(value);
                    request.sort =
                        Some(sort.ok_or_else(|| bad("sort", "a column's key, with - for the largest first"))?);
                }
                _ => {}
            }
            if request.scope.services.len() + request.scope.hosts.len() > MAX_SCOPE {
                return Err(bad("service", "no more than 32 services and hosts"));
            }
        }
        Ok(request)
    }

    /// The address's path.
    pub fn path(&self) -> String {
        let (folder, name) = match &self.subject {
            Subject::Overview => ("/", ""),
            Subject::Group(group) => ("/groups/", group.id()),
            Subject::Panel(id) => ("/embed/", id.as_str()),
        };
        [&self.base, folder, name].concat()
    }

    /// The canonical query string with its `?`; empty where all is as it is by default.
    pub fn query_string(&self) -> String {
        let mut out = String::new();
        let mut put = |name: &str, value: &str| {
            out.push(if out.is_empty() { '?' } else { '&' });
            out.push_str(name);
            out.push('=');
            out.push_str(value);
        };
        if self.window != DEFAULT_WINDOW {
            put("window", window_text(self.window));
        }
        for service in self.scope.services.iter() {
            put("service", &percent_encode(service));
        }
        for host in self.scope.hosts.iter() {
            put("host", &percent_encode(host));
        }
        if self.language_chosen {
            put("lang", self.language.tag());
        }
        if self.theme != Theme::Auto {
            put("theme", self.theme.as_str());
        }
        if let Some(sort) = self.sort {
            let mut value = String::new();
            sort.write(&mut value);
            put("sort", &value);
        }
        out
    }

    /// Path and query.
    pub fn href(&self) -> String {
        self.path() + &self.query_string()
    }

    /// The view whose snapshot the page shows.
    pub fn view(&self) -> View {
        View::of_window(self.subject.clone(), self.window, self.scope.clone())
    }

    /// The same page with one thing changed.
    #[must_use]
    pub fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut other = self.clone();
        change(&mut other);
        other
    }

    /// The address of another subject with all else the same, but for the sorting, which is of this page's tables.
    pub fn to(&self, subject: Subject) -> String {
        self.with(|request| {
            request.subject = subject;
            request.sort = None;
        })
        .href()
    }
}

/// A window as addresses write it.
fn window_text(window: u32) -> &'static str {
    match window {
        60 => "1m",
        900 => "15m",
        _ => "5m",
    }
}

/// How a request is kept in the page that it asked for.
#[derive(Serialize, Deserialize)]
struct Wire {
    subject: String,
    query: String,
    language: Language,
    base: String,
}

impl From<PageRequest> for Wire {
    fn from(request: PageRequest) -> Self {
        Self {
            subject: match &request.subject {
                Subject::Overview => String::new(),
                Subject::Group(group) => group.id().to_owned(),
                Subject::Panel(id) => id.clone(),
            },
            query: request.query_string(),
            language: request.language,
            base: request.base,
        }
    }
}

impl TryFrom<Wire> for PageRequest {
    type Error = RequestError;

    fn try_from(wire: Wire) -> Result<Self, RequestError> {
        let subject = match Group::from_id(&wire.subject) {
            Some(group) => Subject::Group(group),
            None if wire.subject.is_empty() => Subject::Overview,
            None => Subject::Panel(wire.subject),
        };
        Self::parse(subject, wire.query.trim_start_matches('?'), wire.language, &wire.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(query: &str) -> String {
        match PageRequest::parse(Subject::Group(Group::Api), query, Language::Ja, "/ops") {
            Ok(request) => request.href(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn defaults_are_left_out_and_values_sorted() {
        assert_eq!(canonical(""), "/ops/groups/api");
        assert_eq!(
            canonical("window=5m&theme=auto&utm_source=x&token=y"),
            "/ops/groups/api"
        );
        assert_eq!(
            canonical("theme=dark&service=b&service=a%26c&host=h+1&window=1m&lang=ja&sort=-p99"),
            "/ops/groups/api?window=1m&service=a%26c&service=b&host=h%201&lang=ja&theme=dark&sort=-p99"
        );
    }

    #[test]
    fn the_canonical_form_reads_back_as_itself() {
        for query in [
            "",
            "window=15m",
            "lang=en&theme=light&sort=name",
            "service=%E8%A8%88&host=x",
        ] {
            let request = PageRequest::parse(Subject::Overview, query, Language::En, "").unwrap();
            let again = PageRequest::parse(
                Subject::Overview,
                &request.query_string()[..].replacen('?', "", 1),
                Language::En,
                "",
            );
            assert_eq!(again, Ok(request.clone()));
            let json = serde_json::to_string(&request).unwrap();
            assert_eq!(serde_json::from_str::<PageRequest>(&json).unwrap(), request, "{json}");
        }
    }

    #[test]
    fn a_bad_value_is_named() {
        for bad in [
            "window=7m",
            "lang=fr",
            "theme=blue",
            "sort=p12",
            "service=",
            "host=%zz",
            "window",
        ] {
            let name = bad.split('=').next().unwrap();
            assert!(
                canonical(bad).starts_with(&format!("bad value of {name}:")),
                "{bad}: {}",
                canonical(bad)
            );
        }
        let many: Vec<_> = (0..40).map(|n| format!("host=h{n}")).collect();
        assert!(canonical(&many.join("&")).starts_with("bad value of service"));
    }
}

//! What a page is asked for, and the address that asks for it.
//!
//! One canonical query string both ways: two requests with the same address and language show the same page, so the
//! address is the key of the page cache and the links of a page keep all but what they change.

use std::fmt;

use keiki_model::group::Group;
use keiki_model::panel::StatKey;
use keiki_model::text::Language;
use keiki_model::time::{Millis, SECOND};
use keiki_model::view::{self, MAX_SCOPE, MAX_WINDOW, Scope, Subject, View, percent_decode, percent_encode};
use serde::{Deserialize, Serialize};

use crate::surface::{Surface, Wall};

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
    /// How far back, seconds: one of [`PageRequest::WINDOWS`], or what `from` and `to` have between them.
    pub window: u32,
    /// Where it ends, Unix milliseconds; `None` for now.
    pub until: Option<Millis>,
    /// With what time before it is compared, seconds: one of [`PageRequest::COMPARED`].
    pub compare: Option<u32>,
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
    /// The overview as a wall shows it.
    pub wall: Option<Wall>,
    /// Whether the ground of the page that a panel is framed by shows through.
    pub transparent: bool,
    /// Whether a single panel has a page of its own, and is not framed by another.
    pub explored: bool,
}

/// A parameter of the address that holds nothing usable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestError {
    /// The parameter's name.
    pub parameter: &'static str,
    /// What it may be.
    pub expected: &'static str,
}

impl RequestError {
    /// In the browser nobody reads it: there the request was read from the page's own data.
    fn new(parameter: &'static str, expected: &'static str) -> Self {
        if cfg!(feature = "hydrate") {
            return Self {
                parameter: "",
                expected: "",
            };
        }
        Self { parameter, expected }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bad value of {}: write {}", self.parameter, self.expected)
    }
}

impl std::error::Error for RequestError {}

const DEFAULT_WINDOW: u32 = 300;

/// The shortest stretch that can be asked for, seconds.
pub const LEAST_WINDOW: u32 = 10;

impl PageRequest {
    /// The windows of a page, seconds.
    pub const WINDOWS: [u32; 9] = [60, 300, 900, 3_600, 21_600, 86_400, 604_800, 2_592_000, MAX_WINDOW];

    /// What a page can be compared with, seconds: the day before and the week before.
    pub const COMPARED: [u32; 2] = [86_400, 604_800];

    /// The page of an address without a query.
    pub fn new(subject: Subject, language: Language, base: &str) -> Self {
        Self {
            subject,
            window: DEFAULT_WINDOW,
            until: None,
            compare: None,
            scope: Scope::default(),
            language,
            language_chosen: false,
            theme: Theme::Auto,
            base: base.to_owned(),
            sort: None,
            wall: None,
            transparent: false,
            explored: false,
        }
    }

    /// The wall of an address without a query.
    pub fn wall(language: Language, base: &str) -> Self {
        Self {
            wall: Some(Wall::default()),
            ..Self::new(Subject::Overview, language, base)
        }
    }

    /// The page on which a metric is explored, of an address without a query.
    pub fn explored(panel: String, language: Language, base: &str) -> Self {
        Self {
            explored: true,
            ..Self::new(Subject::Panel(panel), language, base)
        }
    }

    /// Reads a query string without its `?`. What the query does not name stays as it is. Parameters that are not
    /// the page's are ignored.
    ///
    /// # Errors
    /// The first parameter with a value that it can't have.
    pub fn read(self, query: &str) -> Result<Self, RequestError> {
        let mut request = self;
        let mut from = None;
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let bad = RequestError::new;
            let decoded = || percent_decode(&value.replace('+', " "));
            match name {
                "window" => {
                    let found = Self::WINDOWS.into_iter().find(|&window| window_text(window) == value);
                    request.window = found.ok_or_else(|| bad("window", "1m, 5m, 15m, 1h, 6h, 24h, 7d, 30d or 90d"))?;
                }
                "from" => from = Some(view::time(value).ok_or_else(|| bad("from", "Unix milliseconds"))?),
                "to" => request.until = Some(view::time(value).ok_or_else(|| bad("to", "Unix milliseconds"))?),
                "compare" => {
                    let found = Self::COMPARED.into_iter().find(|&before| compare_text(before) == value);
                    request.compare = Some(found.ok_or_else(|| bad("compare", "1d or 7d"))?);
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
                "groups" => {
                    if let Some(wall) = &mut request.wall {
                        let groups = Wall::parse_groups(value);
                        wall.groups = groups
                            .ok_or_else(|| bad("groups", "groups' ids with commas between, such as api,queue"))?;
                    }
                }
                "rotate" => {
                    if let Some(wall) = &mut request.wall {
                        let seconds = value.parse().ok().filter(|seconds| Wall::ROTATE.contains(seconds));
                        wall.rotate = Some(seconds.ok_or_else(|| bad("rotate", "whole seconds from 5 to 3600"))?);
                    }
                }
                "ground" => match (value, &request.subject) {
                    ("transparent", Subject::Panel(_)) => request.transparent = true,
                    ("plate", _) | (_, Subject::Overview | Subject::Group(_)) => {}
                    _ => return Err(bad("ground", "plate or transparent")),
                },
                _ => {}
            }
            if request.scope.services.len() + request.scope.hosts.len() > MAX_SCOPE {
                return Err(bad("service", "no more than 32 services and hosts"));
            }
        }
        if let Some((from, until)) = from.zip(request.until) {
            let window = u32::try_from((until - from) / SECOND).unwrap_or_default();
            if !(LEAST_WINDOW..=MAX_WINDOW).contains(&window) {
                return Err(RequestError::new("from", "a time from 10 seconds to 90 days before to"));
            }
            request.window = window;
        }
        Ok(request)
    }

    /// What it is shown on.
    pub fn surface(&self) -> Surface {
        match &self.subject {
            Subject::Overview if self.wall.is_some() => Surface::Wall,
            Subject::Panel(_) if !self.explored => Surface::Frame,
            _ => Surface::App,
        }
    }

    /// The address's path.
    pub fn path(&self) -> String {
        let (folder, name) = match &self.subject {
            Subject::Overview if self.wall.is_some() => ("/kiosk", ""),
            Subject::Overview => ("/", ""),
            Subject::Group(group) => ("/groups/", group.id()),
            Subject::Panel(id) => match self.metric() {
                Some(metric) => return [&self.base, "/explore/", &percent_encode(metric)].concat(),
                None => return [&self.base, "/embed/", &percent_encode(id)].concat(),
            },
        };
        [&self.base, folder, name].concat()
    }

    /// What is explored: a metric, and the labels that part it.
    fn metric(&self) -> Option<&str> {
        match &self.subject {
            Subject::Panel(id) if self.explored => id.strip_prefix(EXPLORED),
            _ => None,
        }
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
        if let Some(until) = self.until {
            put("from", &(until - Millis::from(self.window) * SECOND).to_string());
            put("to", &until.to_string());
        } else if self.window != DEFAULT_WINDOW {
            put("window", window_text(self.window));
        }
        if let Some(before) = self.compare {
            put("compare", compare_text(before));
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
        if let Some(wall) = &self.wall {
            if !wall.groups.is_empty() {
                let ids: Vec<&str> = wall.groups.iter().map(|group| group.id()).collect();
                put("groups", &ids.join(","));
            }
            if let Some(seconds) = wall.rotate {
                put("rotate", &seconds.to_string());
            }
        }
        if self.transparent {
            put("ground", "transparent");
        }
        out
    }

    /// Path and query.
    pub fn href(&self) -> String {
        self.path() + &self.query_string()
    }

    /// The view whose snapshot the page shows.
    pub fn view(&self) -> View {
        View::of_window(self.subject.clone(), self.window, self.scope.clone()).over(self.until, self.compare)
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
            request.wall = None;
            request.transparent = false;
            request.explored = false;
        })
        .href()
    }
}

/// A window as addresses write it.
pub fn window_text(window: u32) -> &'static str {
    match window {
        60 => "1m",
        900 => "15m",
        3_600 => "1h",
        21_600 => "6h",
        86_400 => "24h",
        604_800 => "7d",
        2_592_000 => "30d",
        MAX_WINDOW => "90d",
        _ => "5m",
    }
}

/// With what is compared, as addresses write it.
fn compare_text(before: u32) -> &'static str {
    match before {
        86_400 => "1d",
        _ => "7d",
    }
}

/// What the ids of panels of metrics begin with.
const EXPLORED: &str = "explore.";

/// What stands before the panel of a page of its own, as it is kept.
const OWN_PAGE: &str = "/";

/// The subject of a wall, as it is kept; neither a group nor a panel has such an id.
const WALL: &str = "kiosk";

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
                Subject::Overview if request.wall.is_some() => WALL.to_owned(),
                Subject::Overview => String::new(),
                Subject::Group(group) => group.id().to_owned(),
                Subject::Panel(id) if request.explored => [OWN_PAGE, id].concat(),
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
            None if wire.subject.is_empty() || wire.subject == WALL => Subject::Overview,
            None => Subject::Panel(wire.subject.trim_start_matches(OWN_PAGE).to_owned()),
        };
        let mut request = Self::new(subject, wire.language, &wire.base);
        request.wall = (wire.subject == WALL).then(Wall::default);
        request.explored = wire.subject.starts_with(OWN_PAGE);
        request.read(wire.query.trim_start_matches('?'))
    }
}

#[cfg(test)]
mod tests;

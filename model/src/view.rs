//! Views: what a client looks at, as it stands in the stream's address.
//!
//! `<view>@<step>[/<window>][;until=<unix ms>][;compare=<seconds>][;service=<v>]…[;host=<v>]…[;new]`, where the view is `overview`, `group:<group>` or
//! `panel:<id>`. The canonical form (values sorted, defaults written out, without `;new`) is the view's key: one key,
//! one encoded frame.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use crate::group::Group;
use crate::time::{Millis, SECOND};

/// How many points a view has when its window is not stated.
pub const DEFAULT_POINTS: u32 = 300;
/// The most points a series of a view may have.
pub const MAX_POINTS: u32 = 1_000;
/// The longest window that live data cover, seconds.
pub const LIVE_WINDOW: u32 = 900;
/// The longest window of all, seconds: ninety days.
pub const MAX_WINDOW: u32 = 90 * 86_400;
/// What is compared with another time is compared with the same time of another day, seconds.
const DAY: u32 = 86_400;
/// Steps of windows longer than the live one, seconds. Each but the first few is a multiple of what is kept for long.
const LONG_STEPS: [u32; 11] = [2, 5, 10, 30, 60, 120, 300, 900, 1_800, 3_600, 10_800];
/// The longest id of a panel, bytes: the name of a metric and those of a few labels.
const MAX_PANEL_ID: usize = 512;
/// The most services or hosts that one view may name.
pub const MAX_SCOPE: usize = 32;

/// What of the catalogue a view shows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// A card per group.
    Overview,
    /// All panels of a group.
    Group(Group),
    /// One panel.
    Panel(String),
}

/// Whose data: no service means all but Keiki itself, no host means all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope {
    /// `service_name` is one of these.
    pub services: Names,
    /// `host_name` is one of these.
    pub hosts: Names,
}

/// A few names, sorted, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Names(Vec<String>);

impl Names {
    /// Adds a name.
    pub fn insert(&mut self, name: String) {
        if let Err(place) = self.0.binary_search(&name) {
            self.0.insert(place, name);
        }
    }

    /// Whether a name is among them.
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|one| one == name)
    }
}

impl Deref for Names {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0
    }
}

impl FromIterator<String> for Names {
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Self {
        let mut all = Self::default();
        names.into_iter().for_each(|name| all.insert(name));
        all
    }
}

/// What a client looks at: subject, scope and resolution.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct View {
    /// What is shown.
    pub subject: Subject,
    /// Seconds per point.
    pub step: u32,
    /// How far back, seconds.
    pub window: u32,
    /// Where it ends, Unix milliseconds, a multiple of the step; `None` for now.
    pub until: Option<Millis>,
    /// With what time before it is compared, seconds: whole days.
    pub compare: Option<u32>,
    /// Whose data.
    pub scope: Scope,
}

impl View {
    /// A view over a window of a page: steps of 1, 1 and 3 seconds for 1, 5 and 15 minutes, and so on up to three hours
    /// for ninety days. A window is made a whole number of steps.
    pub fn of_window(subject: Subject, window: u32, scope: Scope) -> Self {
        let step = if window <= LIVE_WINDOW {
            window.div_ceil(DEFAULT_POINTS).max(1)
        } else {
            let fits = |step: &u32| window.div_ceil(*step) <= MAX_POINTS;
            LONG_STEPS
                .into_iter()
                .find(fits)
                .unwrap_or(LONG_STEPS[LONG_STEPS.len() - 1])
        };
        Self {
            subject,
            step,
            window: window.next_multiple_of(step),
            until: None,
            compare: None,
            scope,
        }
    }

    /// The same until a time, if there is one, and compared with one, if with any.
    #[must_use]
    pub fn over(self, until: Option<Millis>, compare: Option<u32>) -> Self {
        let view = Self { compare, ..self };
        match until {
            Some(until) => view.ending(until),
            None => view,
        }
    }

    /// The same over a stretch that ends at a time, which is moved to the end of its slot.
    #[must_use]
    fn ending(self, until: Millis) -> Self {
        let step = Millis::from(self.step) * SECOND;
        Self {
            until: Some(until.div_euclid(step) * step + if until % step == 0 { 0 } else { step }),
            ..self
        }
    }

    /// Whether it reaches further back than the live window, or is of another time, or compared with one.
    pub fn is_past(&self) -> bool {
        self.until.is_some() || self.compare.is_some() || self.window > LIVE_WINDOW
    }

    /// The overview, five minutes at one second.
    pub fn overview() -> Self {
        Self::of_window(Subject::Overview, 300, Scope::default())
    }

    /// How often it is published, seconds: when a slot closes, and where slots are long in between, so that what is newest
    /// is not old.
    pub fn pace(&self) -> u32 {
        match self.step {
            step @ ..=10 => step,
            11..900 => 10,
            _ => 60,
        }
    }

    /// How many slots its window has.
    pub fn slots(&self) -> u32 {
        self.window / self.step
    }
}

impl fmt::Display for View {
    /// The canonical form, the view's key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Subject::Overview => f.write_str("overview")?,
            Subject::Group(group) => write!(f, "group:{}", group.id())?,
            Subject::Panel(id) => write!(f, "panel:{}", percent_encode(id))?,
        }
        write!(f, "@{}/{}", self.step, self.window)?;
        if let Some(until) = self.until {
            write!(f, ";until={until}")?;
        }
        if let Some(compare) = self.compare {
            write!(f, ";compare={compare}")?;
        }
        for service in self.scope.services.iter() {
            write!(f, ";service={}", percent_encode(service))?;
        }
        for host in self.scope.hosts.iter() {
            write!(f, ";host={}", percent_encode(host))?;
        }
        Ok(())
    }
}

/// One item of `views`: a view, and whether it is to start with a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The view.
    pub view: View,
    /// Whether the client has nothing of it yet.
    pub new: bool,
}

impl Item {
    /// Reads a comma-separated list; the empty string is the overview.
    ///
    /// # Errors
    /// The first item that cannot be read.
    pub fn list(text: &str) -> Result<Vec<Self>, ViewError> {
        if text.trim().is_empty() {
            return Ok(vec![Self {
                view: View::overview(),
                new: false,
            }]);
        }
        text.split(',').map(str::parse).collect()
    }
}

/// Why a view cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViewError {
    /// Neither `overview` nor `group:<group>` nor `panel:<id>`.
    Subject(String),
    /// Step or window is no whole number of seconds within its bounds.
    Resolution(String),
    /// An option that is not known, or a value that is not percent-encoded UTF-8.
    Option(String),
}

impl fmt::Display for ViewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subject(text) => {
                write!(f, "unknown view {text:?}: write overview, group:<group> or panel:<id>")
            }
            Self::Resolution(text) => write!(
                f,
                "bad resolution {text:?}: write @<step>/<window> in whole seconds, at most {MAX_WINDOW} s and \
                 {MAX_POINTS} points, the window a multiple of the step"
            ),
            Self::Option(text) => write!(
                f,
                "bad option {text:?}: write until= (Unix ms), compare= (seconds: whole days, at most 90), service=, host= \
                 (percent-encoded) or new"
            ),
        }
    }
}

impl std::error::Error for ViewError {}

impl FromStr for Item {
    type Err = ViewError;

    fn from_str(text: &str) -> Result<Self, ViewError> {
        let mut parts = text.split(';');
        let head = parts.next().unwrap_or_default();
        let (subject, resolution) = head.split_once('@').unwrap_or((head, "1"));
        let subject = match subject.split_once(':') {
            None if subject == "overview" => Subject::Overview,
            Some(("group", id)) => Subject::Group(Group::from_id(id).ok_or_else(|| ViewError::Subject(clip(subject)))?),
            Some(("panel", id)) => match percent_decode(id).filter(|id| is_panel_id(id)) {
                Some(id) => Subject::Panel(id),
                None => return Err(ViewError::Subject(clip(subject))),
            },
            _ => return Err(ViewError::Subject(clip(subject))),
        };
        let bad = || ViewError::Resolution(clip(resolution));
        let (step, window) = match resolution.split_once('/') {
            Some((step, window)) => (step, Some(window)),
            None => (resolution, None),
        };
        let step: u32 = step.parse().map_err(|_| bad())?;
        let window: u32 = match window {
            Some(window) => window.parse().map_err(|_| bad())?,
            None => step.checked_mul(DEFAULT_POINTS).ok_or_else(bad)?.min(LIVE_WINDOW),
        };
        let fits = step > 0 && window >= step && window <= MAX_WINDOW && window.is_multiple_of(step);
        if !fits || window / step > MAX_POINTS {
            return Err(bad());
        }
        let mut scope = Scope::default();
        let mut new = false;
        let (mut until, mut compare) = (None, None);
        for option in parts {
            let bad = || ViewError::Option(clip(option));
            match option.split_once('=') {
                None if option == "new" => new = true,
                Some(("until", value)) => until = Some(time(value).ok_or_else(bad)?),
                Some(("compare", value)) => {
                    let days = |seconds: &u32| (1..=MAX_WINDOW).contains(seconds) && seconds.is_multiple_of(DAY);
                    compare = Some(value.parse().ok().filter(days).ok_or_else(bad)?);
                }
                Some(("service", value)) => {
                    scope.services.insert(percent_decode(value).ok_or_else(bad)?);
                }
                Some(("host", value)) => {
                    scope.hosts.insert(percent_decode(value).ok_or_else(bad)?);
                }
                _ => return Err(bad()),
            }
            if scope.services.len() + scope.hosts.len() > MAX_SCOPE {
                return Err(bad());
            }
        }
        let view = View {
            subject,
            step,
            window,
            until: None,
            compare: None,
            scope,
        };
        Ok(Self {
            view: view.over(until, compare),
            new,
        })
    }
}

/// Whether a text can be the id of a panel: `<group>.<noun>`. Which panels there are, the server knows.
fn is_panel_id(id: &str) -> bool {
    let named = id
        .split_once('.')
        .is_some_and(|(group, noun)| !group.is_empty() && !noun.is_empty());
    named && id.len() <= MAX_PANEL_ID && !id.chars().any(char::is_control)
}

/// A time after 1970 and before the year 10000, Unix milliseconds.
pub fn time(text: &str) -> Option<Millis> {
    text.parse().ok().filter(|time| (0..253_402_300_800_000).contains(time))
}

/// An error message repeats what was sent, but not at any length.
fn clip(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Encodes all but unreserved characters (RFC 3986).
pub fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Decodes percent-encoded UTF-8; `None` for anything malformed or empty.
pub fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                u8::try_from(digit(rest.next()?)? * 16 + digit(rest.next()?)?).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> String {
        match text.parse::<Item>() {
            Ok(item) => format!("{}{}", item.view, if item.new { " new" } else { "" }),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_key_writes_defaults_out_and_sorts() {
        assert_eq!(key("overview@1"), "overview@1/300");
        assert_eq!(key("overview"), "overview@1/300");
        assert_eq!(
            key("group:api@3;service=b;service=a;new"),
            "group:api@3/900;service=a;service=b new"
        );
        assert_eq!(
            key("panel:api.latency@1/60;host=a%2Cb;host=%C3%A9"),
            "panel:api.latency@1/60;host=a%2Cb;host=%C3%A9"
        );
    }

    #[test]
    fn bad_views_say_what_is_wrong() {
        assert!(key("nothing@1").starts_with("unknown view \"nothing\""));
        assert!(key("panel:nothing@1").starts_with("unknown view"));
        assert!(key("panel:api.%0a@1").starts_with("unknown view"));
        assert!(key(&format!("panel:explore.{}@1", "a".repeat(600))).starts_with("unknown view"));
        for bad in [
            "overview@0",
            "overview@1/0",
            "overview@2/3",
            "overview@x",
            "overview@1/1001",
            "overview@10800/7786800",
            "overview@4294967295",
        ] {
            assert!(key(bad).starts_with("bad resolution"), "{bad}");
        }
        for bad in [
            "overview@1;x=1",
            "overview@1;service=",
            "overview@1;service=%zz",
            "overview@1;service=%ff",
            "overview@1;until=x",
            "overview@1;until=-1",
            "overview@1;compare=0",
            "overview@1;compare=3600",
            "overview@1;compare=7862400",
        ] {
            assert!(key(bad).starts_with("bad option"), "{bad}");
        }
    }

    #[test]
    fn a_view_of_the_past_ends_with_a_slot() {
        assert_eq!(
            key("overview@5/3600;until=1763800001000"),
            "overview@5/3600;until=1763800005000"
        );
        assert_eq!(
            key("overview@1;service=a;compare=604800;until=1763800001000"),
            "overview@1/300;until=1763800001000;compare=604800;service=a"
        );
        assert_eq!(
            key("group:api@1;until=1763800001000;service=a"),
            "group:api@1/300;until=1763800001000;service=a"
        );
        let steps = |window| View::of_window(Subject::Overview, window, Scope::default());
        let pages = [60, 300, 900, 3_600, 21_600, 86_400, 604_800, 2_592_000, MAX_WINDOW];
        assert_eq!(
            pages.map(|window| steps(window).step),
            [1, 1, 3, 5, 30, 120, 900, 3_600, 10_800]
        );
        for window in 1..5_000 {
            let view = steps(window * 1_553);
            assert!(view.slots() <= MAX_POINTS && view.window % view.step == 0, "{view}");
        }
    }

    #[test]
    fn no_views_mean_the_overview() {
        assert_eq!(
            Item::list("").map(|list| list[0].view.to_string()).as_deref(),
            Ok("overview@1/300")
        );
    }
}

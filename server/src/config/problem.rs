//! What is wrong with a configuration, where, and what to write instead.

use std::fmt;
use std::ops::Range;

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In the file: a range of bytes.
    File(Range<usize>),
    /// In an environment variable.
    Environment(String),
    /// In a flag of the command line.
    Flag(&'static str),
    /// Nowhere: the default holds.
    Default,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it is.
    pub origin: Origin,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Problem {
    /// A mistake without advice.
    pub fn new(origin: Origin, message: impl Into<String>) -> Self {
        Self {
            origin,
            message: message.into(),
            hint: None,
        }
    }

    /// The same with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Why a configuration is refused: every mistake found, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// What the file is called in messages.
    pub file: String,
    /// Its text.
    pub text: String,
    /// At least one.
    pub problems: Vec<Problem>,
}

impl ConfigError {
    /// Sorts the mistakes by their place.
    pub fn new(file: &str, text: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| match &problem.origin {
            Origin::File(span) => (0, span.start),
            Origin::Environment(_) => (1, 0),
            Origin::Flag(_) | Origin::Default => (2, 0),
        });
        Self {
            file: file.to_owned(),
            text: text.to_owned(),
            problems,
        }
    }
}

impl fmt::Display for ConfigError {
    /// For each mistake the place, what is wrong, the offending line and what to write instead.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            match &problem.origin {
                Origin::File(span) => self.fmt_in_file(f, span, problem)?,
                Origin::Environment(name) => write!(f, "environment variable {name}: {}", problem.message)?,
                Origin::Flag(name) => write!(f, "{name}: {}", problem.message)?,
                Origin::Default => write!(f, "{}: {}", self.file, problem.message)?,
            }
            if let Some(hint) = &problem.hint {
                write!(f, "\n  = {hint}")?;
            }
        }
        Ok(())
    }
}

impl ConfigError {
    fn fmt_in_file(&self, f: &mut fmt::Formatter<'_>, span: &Range<usize>, problem: &Problem) -> fmt::Result {
        let place = Place::of(&self.text, span);
        writeln!(f, "{}:{}:{}: {}", self.file, place.line, place.column, problem.message)?;
        let number = place.line.to_string();
        // A line is shown up to a length that fits a terminal; control characters would act on it.
        let shown: String = shown(place.text)
            .chars()
            .take(160)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        writeln!(f, "  {number} | {shown}")?;
        let width = place.width.min(shown.chars().count().saturating_sub(place.column - 1));
        let (indent, marks) = (place.column - 1, "^".repeat(width.clamp(1, 160)));
        write!(f, "  {:width$} | {:indent$}{marks}", "", "", width = number.len())
    }
}

/// A line as it may be shown: messages go to logs, so that of one that may hold a secret only the key is.
fn shown(line: &str) -> String {
    let lower = line.to_lowercase();
    let is_secret = ["pass", "pwd", "secret", "token", "credential", "://"]
        .iter()
        .any(|word| lower.contains(word))
        || lower.trim_start().starts_with("url");
    if !is_secret {
        return line.to_owned();
    }
    match line.split_once('=') {
        Some((key, _)) => format!("{key}= ***"),
        None => "***".into(),
    }
}

/// A range of bytes as people count: lines and columns from 1.
struct Place<'a> {
    line: usize,
    column: usize,
    width: usize,
    text: &'a str,
}

impl<'a> Place<'a> {
    fn of(text: &'a str, span: &Range<usize>) -> Self {
        let start = text.floor_char_boundary(span.start.min(text.len()));
        let end = text.floor_char_boundary(span.end.clamp(start, text.len()));
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        Self {
            line: text[..start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            width: text[start..end.min(line_end)].chars().count(),
            text: text[line_start..line_end].trim_end_matches('\r'),
        }
    }
}

//! Reads the values of one of several tables of a name.

use std::path::Path;
use std::time::Duration;

use super::keys;
use super::problem::{Origin, Problem};
use super::reader::{Data, Entry};
use crate::source::tls::Tls;

/// The key that names a file of certificate authorities.
pub(super) const AUTHORITIES: &str = "tls_ca";

impl Entry {
    /// Where a key is written, or the table's heading.
    pub(super) fn origin(&self, key: &str) -> Origin {
        let heading = || Origin::File(self.span.clone());
        self.values.get(key).map_or_else(heading, |value| value.origin.clone())
    }

    /// A text, where it is written.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        match &self.values.get(key)?.data {
            Data::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A list of texts, each with its place.
    pub(super) fn texts(&self, key: &str) -> &[(String, Origin)] {
        match self.values.get(key).map(|value| &value.data) {
            Some(Data::Texts(texts)) => texts,
            _ => &[],
        }
    }

    /// What becomes of each of a list's texts; every one that will not do is noted.
    pub(super) fn each<T>(
        &self,
        key: &str,
        problems: &mut Vec<Problem>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let mut all = Vec::new();
        for (text, origin) in self.texts(key) {
            match read(text) {
                Ok(value) => all.push(value),
                Err(message) => problems.push(Problem::new(origin.clone(), message)),
            }
        }
        all
    }

    /// A number of seconds.
    pub(super) fn seconds(&self, key: &str, default: Duration) -> Duration {
        match self.values.get(key).map(|value| &value.data) {
            Some(Data::Seconds(seconds)) => Duration::try_from_secs_f64(*seconds).unwrap_or(default),
            _ => default,
        }
    }

    /// A whole number.
    pub(super) fn count(&self, key: &str, default: usize) -> usize {
        match self.values.get(key).map(|value| &value.data) {
            Some(Data::Integer(count)) => usize::try_from(*count).unwrap_or(default),
            _ => default,
        }
    }

    /// Encryption that checks certificates against the authorities of `tls_ca`, or else the system's; where there are none,
    /// `otherwise` is the key to blame.
    pub(super) fn checked_tls(&self, otherwise: &str) -> Result<Tls, Problem> {
        let authorities = self.text(AUTHORITIES).map(Path::new);
        Tls::checked(authorities).map_err(|error| {
            let key = if authorities.is_some() { AUTHORITIES } else { otherwise };
            Problem::new(self.origin(key), error.to_string())
        })
    }

    /// What one of a few words means; any other is noted.
    pub(super) fn word<T: Copy>(&self, key: &str, problems: &mut Vec<Problem>, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            problems.push(Problem::new(
                self.origin(key),
                one_of(text, words.iter().map(|(word, _)| *word)),
            ));
        }
        found.map(|(_, meaning)| *meaning)
    }

    /// A text that must be there.
    pub(super) fn required(&self, table: &str, key: &str, example: &str) -> Result<&str, Problem> {
        self.text(key).filter(|text| !text.is_empty()).ok_or_else(|| {
            let problem = Problem::new(self.origin(key), format!("[[{table}]] needs a {key}"));
            problem.hint(format!("write {key} = \"{example}\""))
        })
    }
}

/// Of a word that is none of those that may stand there.
pub(super) fn one_of<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<_> = words.into_iter().collect();
    let meant = keys::closest(word, words.iter().copied());
    match meant {
        Some(meant) => format!("no such word {word:?}: write \"{meant}\""),
        None => format!("no such word {word:?}: write one of {}", words.join(", ")),
    }
}

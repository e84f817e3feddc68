//! The labels of a series.

use std::borrow::Cow;
use std::iter::FusedIterator;

use memchr::memchr2;

use super::Syntax;
use super::error::{Checked, Fault, Problem};
use crate::quote::quote;

/// With more labels than this, duplicates are found by sorting.
const FEW: usize = 32;

/// The labels of a series in the order of the page: names and values. The values are unescaped. Labels with an empty
/// value are left out: both formats take them for absent.
#[derive(Clone, Debug)]
pub struct Labels<'a> {
    /// What stands between the braces, checked.
    text: &'a str,
}

impl<'a> Labels<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text }
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// Hands over each label as it stands there: its name, its value, and both with what stands between. Values that
    /// are empty are left out.
    pub(super) fn each_raw(&self, mut take: impl FnMut(&'a str, &'a str, &'a str)) {
        let mut text = self.text;
        while let Some((name, value, rest)) = split(text) {
            if !value.is_empty() {
                let start = name.as_ptr().addr() - text.as_ptr().addr();
                take(name, value, &text[start..text.len() - rest.len()]);
            }
            text = rest;
        }
    }

    /// How many characters all names and values have, empty ones too.
    pub(super) fn length(&self) -> usize {
        let (mut text, mut length) = (self.text, 0);
        while let Some((name, value, rest)) = split(text) {
            length += name.len() + unescape(value).chars().count();
            text = rest;
        }
        length
    }
}

impl<'a> Iterator for Labels<'a> {
    type Item = (&'a str, Cow<'a, str>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (name, value, rest) = split(self.text)?;
            self.text = rest;
            if !value.is_empty() {
                return Some((name, unescape(value)));
            }
        }
    }
}

impl FusedIterator for Labels<'_> {}

/// The first label of checked labels, its value as it stands there, and the other labels.
fn split(text: &str) -> Option<(&str, &str, &str)> {
    let bytes = text.as_bytes();
    let start = bytes.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b','))?;
    let equal = start + bytes[start..].iter().position(|byte| *byte == b'=')?;
    let open = equal + 1 + bytes[equal + 1..].iter().position(|byte| *byte == b'"')?;
    let close = closing(bytes, open + 1)?;
    Some((
        text[start..equal].trim_ascii_end(),
        &text[open + 1..close],
        &text[close + 1..],
    ))
}

/// Where the quote is that ends a value.
fn closing(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

/// A value without its escapes. A backslash before another character than the three stands for itself, as both formats'
/// parsers have it.
pub(super) fn unescape(value: &str) -> Cow<'_, str> {
    unescape_with(value, true)
}

/// A help text without its escapes. The text format knows none for quotes there.
pub(super) fn unescape_help(help: &str, syntax: Syntax) -> Cow<'_, str> {
    unescape_with(help, syntax == Syntax::OpenMetrics)
}

fn unescape_with(text: &str, quotes: bool) -> Cow<'_, str> {
    let Some((before, mut rest)) = text.split_once('\\') else {
        return Cow::Borrowed(text);
    };
    let mut plain = String::with_capacity(text.len());
    plain.push_str(before);
    loop {
        let mut after = rest.chars();
        match after.next() {
            Some('n') => plain.push('\n'),
            Some('\\') => plain.push('\\'),
            Some('"') if quotes => plain.push('"'),
            other => {
                plain.push('\\');
                plain.extend(other);
            }
        }
        match after.as_str().split_once('\\') {
            Some((before, next)) => {
                plain.push_str(before);
                rest = next;
            }
            None => {
                plain.push_str(after.as_str());
                return Cow::Owned(plain);
            }
        }
    }
}

/// Checks the labels that begin at a brace. Returns them and what follows the brace that ends them.
pub(super) fn check(text: &str, syntax: Syntax) -> Checked<(Labels<'_>, &str)> {
    let bytes = text.as_bytes();
    let blanks = |mut at: usize| {
        while syntax == Syntax::Prometheus && matches!(bytes.get(at), Some(b' ' | b'\t')) {
            at += 1;
        }
        at
    };
    let mut names: Vec<&str> = Vec::new();
    let mut at = blanks(1);
    loop {
        // The text format allows a comma after the last label.
        if bytes.get(at) == Some(&b'}') && (names.is_empty() || syntax == Syntax::Prometheus) {
            break;
        }
        let name = name(&text[at..]);
        if name.is_empty() {
            return Err(Fault::expected("the name of a label", &text[at..]));
        }
        if name == "__name__" {
            return Err(Fault::at(&text[at..], Problem::LabelReserved));
        }
        if names.len() < FEW && names.contains(&name) {
            return Err(Fault::at(&text[at..], Problem::LabelTwice(quote(name))));
        }
        names.push(name);
        at = blanks(at + name.len());
        if bytes.get(at) != Some(&b'=') {
            return Err(Fault::expected("`=` after the name of a label", &text[at..]));
        }
        at = blanks(at + 1);
        if bytes.get(at) != Some(&b'"') {
            return Err(Fault::expected("the value of a label in double quotes", &text[at..]));
        }
        let Some(close) = closing(bytes, at + 1) else {
            return Err(Fault::expected(
                "a double quote at the end of the label's value",
                &text[at..],
            ));
        };
        at = blanks(close + 1);
        match bytes.get(at) {
            Some(b',') => at = blanks(at + 1),
            Some(b'}') => break,
            _ => return Err(Fault::expected("`,` or `}` after a label", &text[at..])),
        }
    }
    if names.len() >= FEW {
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Fault::at(twice[1], Problem::LabelTwice(quote(twice[1]))));
        }
    }
    Ok((Labels::new(&text[1..at]), &text[at + 1..]))
}

/// The name of a label at the beginning of a text; empty if there is none.
fn name(text: &str) -> &str {
    let length = text
        .bytes()
        .position(|byte| !(byte.is_ascii_alphanumeric() || byte == b'_'))
        .unwrap_or(text.len());
    if text.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        return "";
    }
    &text[..length]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Vec<(&str, Cow<'_, str>)> {
        let (labels, rest) = check(text, Syntax::Prometheus).unwrap_or_else(|_| panic!("{text}"));
        assert_eq!(rest, " 1", "{text}");
        labels.collect()
    }

    #[test]
    fn values_are_unescaped() {
        for (escaped, plain) in [
            ("plain", "plain"),
            (r"\\n", r"\n"),
            (r"\n", "\n"),
            (r#"a\"b"#, r#"a"b"#),
            (r"\é\z\\", r"\é\z\"),
            ("} , = {", "} , = {"),
        ] {
            assert_eq!(labels(&format!("{{a=\"{escaped}\"}} 1")), [("a", plain.into())]);
        }
    }

    #[test]
    fn blanks_and_a_last_comma_are_of_the_text_format_alone() {
        let text = "{ a = \"1\" ,\tb=\"2\" , } 1";
        assert_eq!(labels(text), [("a", "1".into()), ("b", "2".into())]);
        for text in [text, "{a=\"1\",}", "{ }", "{a=\"1\" }", "{a =\"1\"}"] {
            assert!(check(text, Syntax::OpenMetrics).is_err(), "{text}");
        }
        assert!(labels("{} 1").is_empty() && labels("{ } 1").is_empty());
    }

    #[test]
    fn empty_labels_are_absent() {
        assert_eq!(labels("{a=\"\",b=\"2\",c=\"\"} 1"), [("b", "2".into())]);
    }

    #[test]
    fn two_of_many_labels_are_found() {
        let many = |last: usize| {
            let all: Vec<_> = (0..100).chain([last]).map(|n| format!("l{n}=\"\"")).collect();
            format!("{{{}}}", all.join(","))
        };
        assert!(check(&many(100), Syntax::OpenMetrics).is_ok());
        assert!(check(&many(7), Syntax::OpenMetrics).is_err());
        assert!(check(&many(77), Syntax::OpenMetrics).is_err());
    }
}

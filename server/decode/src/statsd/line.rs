//! A line with measurements.

use std::iter::FusedIterator;

use super::Problem;
use crate::number::number;

/// What the values of a line are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `c`: how much to add to a counter; may be negative.
    Counter,
    /// `g`: the value of a gauge, or by how much it changes.
    Gauge,
    /// `ms`: durations, milliseconds.
    Timer,
    /// `h`: values of a distribution.
    Histogram,
    /// `d`: values of a distribution.
    Distribution,
    /// `s`: members of a set, of which the different ones count.
    Set,
}

/// One value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// A finite number.
    Number(f64),
    /// By how much a gauge changes, which is a value with a sign. So no gauge can be set to a negative value at once.
    Change(f64),
    /// A member of a set.
    Member(&'a str),
}

/// A line with measurements.
///
/// Its identity is `kind`, `name` and [`Tags::raw`]: a series whose three were seen before need not be taken apart
/// again.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// The name as it stands there; not empty, without control characters, `:` and `|`.
    pub name: &'a str,
    /// What the values are.
    pub kind: Kind,
    /// The values, at least one.
    pub values: Values<'a>,
    /// Which part of all events the sender has told of, above 0, at most 1. Each counts for `1 / rate`; but for gauges
    /// and sets, which cannot be extrapolated.
    pub rate: f64,
    /// The tags.
    pub tags: Tags<'a>,
}

/// Reads a line that is not empty.
pub(super) fn read(line: &[u8]) -> Result<Line<'_>, Problem<'_>> {
    let line = std::str::from_utf8(line).map_err(|_| Problem::Encoding)?;
    let (name, rest) = line.split_once(':').ok_or(Problem::NoName)?;
    if name.is_empty() {
        return Err(Problem::NoName);
    }
    if name.chars().any(|char| char == '|' || char.is_control()) {
        return Err(Problem::Name(name));
    }
    let mut fields = rest.split('|');
    let text = fields.next().filter(|text| !text.is_empty()).ok_or(Problem::NoValue)?;
    let kind = match fields.next().ok_or(Problem::NoType)? {
        "c" => Kind::Counter,
        "g" => Kind::Gauge,
        "ms" => Kind::Timer,
        "h" => Kind::Histogram,
        "d" => Kind::Distribution,
        "s" => Kind::Set,
        other => return Err(Problem::Type(other)),
    };
    let values = Values { kind, rest: Some(text) };
    if kind != Kind::Set
        && let Some(wrong) = text.split(':').find(|text| finite(text).is_none())
    {
        return Err(Problem::Value(wrong));
    }
    let (mut rate, mut tags) = (None, None);
    for field in fields {
        let is_second = match field.as_bytes().first() {
            Some(b'@') => {
                let sent = finite(&field[1..]).filter(|rate| *rate > 0.0 && *rate <= 1.0);
                rate.replace(sent.ok_or(Problem::Rate(&field[1..]))?).is_some()
            }
            Some(b'#') => tags.replace(&field[1..]).is_some(),
            // Of the sender's container, its own time and the like; later versions add others.
            Some(byte) if byte.is_ascii_alphabetic() => false,
            _ => return Err(Problem::Field(field)),
        };
        if is_second {
            return Err(Problem::Twice(field));
        }
    }
    Ok(Line {
        name,
        kind,
        values,
        rate: rate.unwrap_or(1.0),
        tags: Tags {
            text: tags.unwrap_or_default(),
        },
    })
}

fn finite(text: &str) -> Option<f64> {
    number(text).filter(|value| value.is_finite())
}

/// The values of a line in their order. Several stand between colons; a set has one, in which colons are part of it.
#[derive(Clone, Debug)]
pub struct Values<'a> {
    kind: Kind,
    rest: Option<&'a str>,
}

impl<'a> Iterator for Values<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        let rest = self.rest.take()?;
        if self.kind == Kind::Set {
            return Some(Value::Member(rest));
        }
        let text = match rest.split_once(':') {
            Some((text, rest)) => {
                self.rest = Some(rest);
                text
            }
            None => rest,
        };
        let value = finite(text)?;
        Some(if self.kind == Kind::Gauge && text.starts_with(['+', '-']) {
            Value::Change(value)
        } else {
            Value::Number(value)
        })
    }
}

impl FusedIterator for Values<'_> {}

/// The tags of a line in their order: names, and values of those that have one. A name may occur several times.
#[derive(Clone, Debug)]
pub struct Tags<'a> {
    text: &'a str,
}

impl<'a> Tags<'a> {
    /// The tags as they stand there, what is left of them.
    pub fn raw(&self) -> &'a [u8] {
        self.text.as_bytes()
    }
}

impl<'a> Iterator for Tags<'a> {
    type Item = (&'a str, Option<&'a str>);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.text.is_empty() {
            let (tag, rest) = self.text.split_once(',').unwrap_or((self.text, ""));
            self.text = rest;
            match tag.split_once(':') {
                Some(("", _)) => {}
                Some((name, value)) => return Some((name, Some(value))),
                None if tag.is_empty() => {}
                None => return Some((tag, None)),
            }
        }
        None
    }
}

impl FusedIterator for Tags<'_> {}

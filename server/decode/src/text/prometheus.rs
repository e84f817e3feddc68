//! The text format 0.0.4.
//!
//! Its specification leaves open what a series that occurs twice means, and whether the lines of a family stand
//! together; Prometheus takes both, and so does this.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use memchr::memchr;

use super::error::{Checked, Fault, Problem};
use super::family::{self, Family};
use super::line::{self, token};
use super::{Parsed, Part, Syntax, Type, Visitor};
use crate::quote::quote;

const SYNTAX: Syntax = Syntax::Prometheus;
const BLANKS: [char; 2] = [' ', '\t'];

pub(super) fn parse<V: Visitor>(page: &str, visitor: &mut V) -> Checked<Parsed> {
    let mut parser = Parser {
        visitor,
        families: HashMap::default(),
        // No sample has the name of this one.
        current: Family {
            sampled: true,
            kind: Type::Info,
            ..Family::new("{")
        },
        parsed: Parsed::default(),
    };
    let mut rest = page;
    while !rest.is_empty() {
        let Some(end) = memchr(b'\n', rest.as_bytes()) else {
            return Err(Fault::at(&rest[rest.len()..], Problem::Unterminated));
        };
        let line = rest[..end].trim_start_matches(BLANKS);
        rest = &rest[end + 1..];
        let read = match line.as_bytes().first() {
            None => Ok(()),
            Some(b'#') => parser.comment(&line[1..]),
            Some(_) => parser.sample(line),
        };
        // A carriage return is no blank of this format. Where it is in the way, it was meant to end the line.
        read.map_err(|fault| match line.strip_suffix('\r') {
            Some(before) => Fault::at(&line[before.len()..], Problem::CarriageReturn),
            None => fault,
        })?;
    }
    parser.parsed.families = parser.families.len();
    Ok(parser.parsed)
}

struct Parser<'a, 'v, V> {
    visitor: &'v mut V,
    /// All families so far; `current` is the newer copy of one of them.
    families: HashMap<&'a str, Family<'a>, RandomState>,
    current: Family<'a>,
    parsed: Parsed,
}

impl<'a, V: Visitor> Parser<'a, '_, V> {
    /// A line that begins with `#`: metadata if the next word is one of two, else for people alone.
    fn comment(&mut self, text: &'a str) -> Checked<()> {
        let is_blank = |byte| matches!(byte, b' ' | b'\t');
        let (keyword, rest) = token(text.trim_start_matches(BLANKS), is_blank);
        let text = rest.trim_start_matches(BLANKS);
        let keyword = match keyword {
            "TYPE" => "TYPE",
            "HELP" => "HELP",
            _ => return Ok(()),
        };
        if text.is_empty() {
            return Ok(());
        }
        let name = family::name(text);
        let rest = &text[name.len()..];
        if name.is_empty() || !rest.is_empty() && !rest.starts_with(BLANKS) {
            return Err(name_expected(text));
        }
        let rest = rest.trim_start_matches(BLANKS);
        let known = self.families.get(name).copied();
        let mut family = known.unwrap_or_else(|| Family::new(name));
        if keyword == "HELP" {
            family.help = Some(rest);
        } else {
            let kind = family::kind(rest.trim_end_matches(BLANKS), SYNTAX)
                .ok_or_else(|| Fault::expected("`counter`, `gauge`, `histogram`, `summary` or `untyped`", rest))?;
            self.may_be(&family, kind, text)?;
            family.kind = kind;
            family.typed = true;
        }
        self.families.insert(name, family);
        self.current = family;
        Ok(())
    }

    /// Whether a family may be declared to be of a type: not if it is of another, or had samples without one.
    fn may_be(&self, family: &Family<'_>, kind: Type, place: &str) -> Checked<()> {
        if family.typed && family.kind != kind {
            return Err(Fault::at(
                place,
                Problem::TwoTypes {
                    family: quote(family.name),
                    first: family.kind,
                    second: kind,
                },
            ));
        }
        let late = |family: &Family<'_>| family.sampled && !family.typed && family.kind != kind;
        let mut suffixes = family::suffixes(kind, SYNTAX).iter();
        let is_late = late(family)
            || suffixes.any(|(suffix, _)| {
                let sample = self.families.get(&*format!("{}{suffix}", family.name));
                !suffix.is_empty() && sample.is_some_and(late)
            });
        if is_late {
            return Err(Fault::at(
                place,
                Problem::Late {
                    keyword: "TYPE",
                    family: quote(family.name),
                },
            ));
        }
        Ok(())
    }

    fn sample(&mut self, line: &'a str) -> Checked<()> {
        let place = match self.current.part(line, SYNTAX) {
            Some(place) => place,
            None => self.turn(line)?,
        };
        if !self.current.sampled {
            self.current.sampled = true;
            self.families.insert(self.current.name, self.current);
        }
        let series = line::series(line, &self.current, place, SYNTAX, self.visitor)?;
        let is_blank = |byte| matches!(byte, b' ' | b'\t');
        let (value, rest) = token(series.rest.trim_start_matches(BLANKS), is_blank);
        if value.is_empty() {
            return Err(Fault::expected("a value after the name and the labels", value));
        }
        let value = line::value(value)?;
        let rest = rest.trim_matches(BLANKS);
        let time = if rest.is_empty() {
            None
        } else {
            let time = rest.parse::<i64>();
            Some(time.map_err(|_| Fault::expected("a timestamp in whole milliseconds, or the end of the line", rest))?)
        };
        self.visitor.value(series.key, value, time);
        self.parsed.samples += 1;
        Ok(())
    }

    /// Makes the family of a line the current one.
    fn turn(&mut self, line: &'a str) -> Checked<(Part, usize)> {
        let name = family::name(line);
        if name.is_empty() {
            return Err(name_expected(line));
        }
        let stems = [
            Some(name),
            name.strip_suffix("_bucket"),
            name.strip_suffix("_sum"),
            name.strip_suffix("_count"),
        ];
        let mut families = stems.into_iter().flatten().filter_map(|stem| self.families.get(stem));
        if let Some((family, place)) = families.find_map(|family| Some((*family, family.part(line, SYNTAX)?))) {
            self.current = family;
            return Ok(place);
        }
        if let Some(family) = self.families.get(name) {
            return Err(Fault::at(
                line,
                Problem::NoSuchSample {
                    kind: family.kind,
                    name: quote(name),
                    expected: family::expected(family.kind, SYNTAX),
                },
            ));
        }
        self.current = Family::new(name);
        self.families.insert(name, self.current);
        Ok((Part::Value, name.len()))
    }
}

fn name_expected(found: &str) -> Box<Fault> {
    Fault::expected("the name of a metric, of letters, digits, `_` and `:`", found)
}

//! OpenMetrics 1.0.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use memchr::memchr;

use super::error::{Checked, Fault, Problem};
use super::family::{self, Family};
use super::line::{self, token};
use super::point::{Metrics, Sample};
use super::{Parsed, Part, Syntax, Type, Visitor, labels};
use crate::number::seconds;
use crate::quote::quote;

const SYNTAX: Syntax = Syntax::OpenMetrics;

/// How many characters the labels of an exemplar may have in all.
const EXEMPLAR: usize = 128;

pub(super) fn parse<V: Visitor>(page: &str, visitor: &mut V) -> Checked<Parsed> {
    let mut parser = Parser {
        visitor,
        taken: HashMap::default(),
        sample_name: String::new(),
        family: None,
        metrics: Metrics::default(),
        parsed: Parsed::default(),
    };
    let mut rest = page;
    loop {
        let (line, after) = match memchr(b'\n', rest.as_bytes()) {
            Some(end) => (&rest[..end], Some(&rest[end + 1..])),
            None => (rest, None),
        };
        if line == "# EOF" {
            if let Some(after) = after.filter(|after| !after.is_empty()) {
                return Err(Fault::at(after, Problem::AfterEof(quote(after))));
            }
            parser.end_family()?;
            return Ok(parser.parsed);
        }
        let Some(after) = after else {
            return Err(Fault::at(&rest[rest.len()..], Problem::NoEof));
        };
        if line.ends_with('\r') {
            return Err(Fault::at(&line[line.len() - 1..], Problem::CarriageReturn));
        }
        match line.as_bytes().first() {
            None => return Err(Fault::at(line, Problem::EmptyLine)),
            Some(b'#') => parser.metadata(line)?,
            Some(_) => parser.sample(line)?,
        }
        rest = after;
    }
}

struct Parser<'a, 'v, V> {
    visitor: &'v mut V,
    /// All families before this one, and this one once it has samples. Their samples' names are taken too.
    taken: HashMap<&'a str, Type, RandomState>,
    /// A name that is looked for, kept for its memory.
    sample_name: String,
    family: Option<Family<'a>>,
    metrics: Metrics<'a>,
    parsed: Parsed,
}

impl<'a, V: Visitor> Parser<'a, '_, V> {
    fn metadata(&mut self, line: &'a str) -> Checked<()> {
        let keywords = ["TYPE", "HELP", "UNIT"];
        let found = line.strip_prefix("# ").and_then(|text| {
            keywords
                .into_iter()
                .find_map(|keyword| Some((keyword, text.strip_prefix(keyword)?.strip_prefix(' ')?)))
        });
        let Some((keyword, text)) = found else {
            return Err(Fault::expected(
                "`# TYPE`, `# HELP`, `# UNIT` or `# EOF`, each with one blank between",
                line,
            ));
        };
        let name = family::name(text);
        if name.is_empty() {
            return Err(name_expected(text));
        }
        let Some(value) = text[name.len()..].strip_prefix(' ') else {
            return Err(Fault::expected(
                "one blank after the name of the family",
                &text[name.len()..],
            ));
        };
        let mut family = match self.family {
            Some(family) if family.name == name => family,
            _ => {
                self.end_family()?;
                self.parsed.families += 1;
                Family::new(name)
            }
        };
        let twice = match keyword {
            "TYPE" => std::mem::replace(&mut family.typed, true),
            "HELP" => family.help.replace(value).is_some(),
            _ => family.unit.replace(value).is_some(),
        };
        let problem = match (family.sampled, twice) {
            (true, _) => Problem::Late {
                keyword,
                family: quote(name),
            },
            (_, true) => Problem::Twice {
                keyword,
                family: quote(name),
            },
            _ => {
                if keyword == "TYPE" {
                    family.kind = family::kind(value, SYNTAX).ok_or_else(|| {
                        Fault::expected(
                            "one of the types of OpenMetrics: `unknown`, `counter`, `gauge` or another",
                            value,
                        )
                    })?;
                }
                unit(&family, value)?;
                self.family = Some(family);
                return Ok(());
            }
        };
        Err(Fault::at(text, problem))
    }

    fn sample(&mut self, line: &'a str) -> Checked<()> {
        let (mut family, place) = match self
            .family
            .and_then(|family| Some((family, family.part(line, SYNTAX)?)))
        {
            Some(found) => found,
            None => self.turn(line)?,
        };
        if !family.sampled {
            self.take(&family, line)?;
            family.sampled = true;
            self.family = Some(family);
        }
        let series = line::series(line, &family, place, SYNTAX, self.visitor)?;
        let text = blank(series.rest, "one blank and a value")?;
        let (number, mut rest) = token(text, |byte| byte == b' ');
        let value = line::value(number)?;
        let mut time = None;
        if !rest.is_empty() && !rest.starts_with(" # ") {
            let (text, after) = token(&rest[1..], |byte| byte == b' ');
            time = Some(timestamp(text)?);
            rest = after;
        }
        if !rest.is_empty() {
            self.exemplar(rest, &family, place.0, &line[..place.1])?;
        }
        let sample = Sample {
            line,
            family: &family,
            name: &line[..place.1],
            part: place.0,
            labels: series.labels,
            value,
            number,
            time: time.map(|(seconds, _)| seconds),
        };
        if self.metrics.add(&sample)? {
            self.visitor.value(series.key, value, time.map(|(_, millis)| millis));
            self.parsed.samples += 1;
        } else {
            self.parsed.repeated += 1;
        }
        Ok(())
    }

    /// An exemplar, from the blank before its `#` to the end of the line.
    fn exemplar(&mut self, text: &str, family: &Family<'_>, part: Part, name: &str) -> Checked<()> {
        let Some(text) = text.strip_prefix(" # ") else {
            return Err(Fault::expected("the end of the line, or ` # ` and an exemplar", text));
        };
        let allowed = match family.kind {
            Type::Counter => part == Part::Value,
            Type::Histogram | Type::GaugeHistogram => part == Part::Bucket,
            _ => false,
        };
        if !allowed {
            return Err(Fault::at(text, Problem::ExemplarOn(quote(name))));
        }
        if !text.starts_with('{') {
            return Err(Fault::expected("`{` and the labels of an exemplar", text));
        }
        let (labels, rest) = labels::check(text, SYNTAX)?;
        let length = labels.length();
        if length > EXEMPLAR {
            return Err(Fault::at(text, Problem::ExemplarLength(length)));
        }
        let (value, rest) = token(blank(rest, "one blank and the value of the exemplar")?, |byte| {
            byte == b' '
        });
        line::value(value)?;
        if let Some(time) = rest.strip_prefix(' ') {
            timestamp(time)?;
        }
        self.parsed.exemplars += 1;
        Ok(())
    }

    /// Ends the current family and begins one without metadata, named like the sample of this line.
    fn turn(&mut self, line: &'a str) -> Checked<(Family<'a>, (Part, usize))> {
        let name = family::name(line);
        if name.is_empty() {
            return Err(name_expected(line));
        }
        if let Some(family) = self.family.filter(|family| family.name == name) {
            return Err(Fault::at(
                line,
                Problem::NoSuchSample {
                    kind: family.kind,
                    name: quote(name),
                    expected: family::expected(family.kind, SYNTAX),
                },
            ));
        }
        self.end_family()?;
        self.parsed.families += 1;
        Ok((Family::new(name), (Part::Value, name.len())))
    }

    fn end_family(&mut self) -> Checked<()> {
        self.metrics.end_family()?;
        match self.family.take() {
            Some(family) if !family.sampled => self.take(&family, family.name),
            _ => Ok(()),
        }
    }

    /// Takes the names of a family and its samples, which no other family may have.
    fn take(&mut self, family: &Family<'a>, place: &str) -> Checked<()> {
        let name = family.name;
        let is_sample = family::SUFFIXES.iter().any(|suffix| {
            let other = name.strip_suffix(suffix).and_then(|other| self.taken.get(other));
            other.is_some_and(|kind| family::suffixes(*kind, SYNTAX).iter().any(|(of, _)| of == suffix))
        });
        if is_sample || self.taken.insert(name, family.kind).is_some() {
            return Err(Fault::at(place, Problem::NameTaken(quote(name))));
        }
        for (suffix, _) in family::suffixes(family.kind, SYNTAX) {
            self.sample_name.clear();
            self.sample_name.push_str(name);
            self.sample_name.push_str(suffix);
            if !suffix.is_empty() && self.taken.contains_key(self.sample_name.as_str()) {
                return Err(Fault::at(place, Problem::NameTaken(quote(&self.sample_name))));
            }
        }
        Ok(())
    }
}

/// Whether the unit of a family may be its unit, as soon as that can be told. The place is that of the line's last
/// word.
fn unit(family: &Family<'_>, place: &str) -> Checked<()> {
    let Some(unit) = family.unit.filter(|unit| !unit.is_empty()) else {
        return Ok(());
    };
    if matches!(family.kind, Type::Info | Type::StateSet) {
        return Err(Fault::at(place, Problem::UnitOf(family.kind)));
    }
    if !family
        .name
        .strip_suffix(unit)
        .is_some_and(|before| before.ends_with('_'))
    {
        return Err(Fault::at(
            place,
            Problem::UnitNotInName {
                family: quote(family.name),
                unit: quote(unit),
            },
        ));
    }
    Ok(())
}

/// What follows one blank.
fn blank<'a>(text: &'a str, expected: &'static str) -> Checked<&'a str> {
    text.strip_prefix(' ').ok_or_else(|| Fault::expected(expected, text))
}

fn timestamp(text: &str) -> Checked<(f64, i64)> {
    seconds(text).ok_or_else(|| {
        Fault::expected(
            "a timestamp in seconds as a decimal number, or the end of the line",
            text,
        )
    })
}

fn name_expected(found: &str) -> Box<Fault> {
    Fault::expected("the name of a metric, of letters, digits, `_` and `:`", found)
}

//! The line of a sample: what both syntaxes read alike.

use super::error::{Checked, Fault, Problem};
use super::family::Family;
use super::labels::{self, Labels};
use super::{Declared, Part, Syntax, Type, Visitor};
use crate::number::number;
use crate::quote::quote;

const BLANKS: [char; 2] = [' ', '\t'];

/// A series at the beginning of a line.
pub(super) struct Series<'a, K> {
    pub(super) key: K,
    pub(super) labels: Labels<'a>,
    /// What follows the series in its line.
    pub(super) rest: &'a str,
}

/// Reads the series at the beginning of a line, of which the part of its family and the length of its name are known.
pub(super) fn series<'a, V: Visitor>(
    line: &'a str,
    family: &Family<'_>,
    (part, named): (Part, usize),
    syntax: Syntax,
    visitor: &mut V,
) -> Checked<Series<'a, V::Key>> {
    // The last brace ends the labels, unless an exemplar follows or the line is wrong. In both cases these bytes are
    // not known: what was declared ends where its labels end.
    let guess = match line.as_bytes().iter().rposition(|byte| *byte == b'}') {
        Some(brace) if brace >= named => brace + 1,
        _ => named,
    };
    let after = line[named..].trim_start_matches(BLANKS);
    let is_ended = after.len() < line.len() - named;
    let known = if guess > named || is_ended && !after.starts_with('{') {
        visitor.known(&line.as_bytes()[..guess], family.kind, part)
    } else {
        None
    };
    if let Some(key) = known {
        let inner = line[named..guess].trim_start_matches(BLANKS);
        let inner = inner.get(1..inner.len().saturating_sub(1)).unwrap_or_default();
        return Ok(Series {
            key,
            labels: Labels::new(inner),
            rest: &line[guess..],
        });
    }
    let (labels, rest) = if after.starts_with('{') {
        if is_ended && syntax == Syntax::OpenMetrics {
            return Err(Fault::expected("no blank between the name and `{`", &line[named..]));
        }
        labels::check(after, syntax)?
    } else if is_ended {
        (Labels::new(""), &line[named..])
    } else {
        return Err(Fault::expected(
            "`{` or a blank after the name, which is of letters, digits, `_` and `:`",
            after,
        ));
    };
    if family.kind == Type::StateSet && !labels.clone().any(|(name, _)| name == family.name) {
        return Err(missing(line, named, family.name));
    }
    let raw = &line.as_bytes()[..line.len() - rest.len()];
    let known = if raw.len() == guess {
        None
    } else {
        visitor.known(raw, family.kind, part)
    };
    let key = match known {
        Some(key) => key,
        None => visitor.declare(&Declared {
            kind: family.kind,
            part,
            family: family.name,
            unit: family.unit.unwrap_or_default(),
            name: &line[..named],
            bound: bound(line, named, part, labels.clone(), syntax)?,
            labels: labels.clone(),
            raw,
            help: family.help.unwrap_or_default(),
            syntax,
        }),
    };
    Ok(Series { key, labels, rest })
}

/// The label that tells the buckets or the quantiles of a metric apart.
pub(super) fn bound_label(part: Part) -> Option<&'static str> {
    match part {
        Part::Bucket => Some("le"),
        Part::Quantile => Some("quantile"),
        _ => None,
    }
}

fn bound(line: &str, named: usize, part: Part, mut labels: Labels<'_>, syntax: Syntax) -> Checked<Option<f64>> {
    let Some(label) = bound_label(part) else {
        return Ok(None);
    };
    let Some((_, text)) = labels.find(|(name, _)| *name == label) else {
        // Summaries without quantiles are about in the text format, as gauges by another name.
        if part == Part::Quantile && syntax == Syntax::Prometheus {
            return Ok(None);
        }
        return Err(missing(line, named, label));
    };
    let (expected, value) = match (part, syntax) {
        (Part::Bucket, Syntax::OpenMetrics) => (
            "a number that is not NaN, with infinity written as `+Inf`",
            number(&text).filter(|bound| !bound.is_nan() && (*bound != f64::INFINITY || text == "+Inf")),
        ),
        (Part::Bucket, Syntax::Prometheus) => (
            "a number that is not NaN",
            number(&text).filter(|bound| !bound.is_nan()),
        ),
        (_, Syntax::OpenMetrics) => (
            "a number from 0 to 1",
            number(&text).filter(|bound| (0.0..=1.0).contains(bound)),
        ),
        (_, Syntax::Prometheus) => ("a number", number(&text)),
    };
    value.map(Some).ok_or_else(|| {
        Fault::at(
            &line[named..],
            Problem::Bound {
                label,
                expected,
                found: quote(&text),
            },
        )
    })
}

fn missing(line: &str, named: usize, label: &str) -> Box<Fault> {
    Fault::at(
        &line[named..],
        Problem::LabelMissing {
            name: quote(&line[..named]),
            label: quote(label),
        },
    )
}

/// The value of a sample or an exemplar.
pub(super) fn value(text: &str) -> Checked<f64> {
    number(text).ok_or_else(|| {
        Fault::expected(
            "a decimal number that fits a 64-bit float, `+Inf`, `-Inf` or `NaN`",
            text,
        )
    })
}

/// The part of a text before a blank, and the rest from the blank on.
pub(super) fn token(text: &str, is_blank: impl Fn(u8) -> bool) -> (&str, &str) {
    let length = text.bytes().position(is_blank).unwrap_or(text.len());
    text.split_at(length)
}

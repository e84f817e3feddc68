//! Prometheus' text format 0.0.4 and OpenMetrics 1.0: the pages that services show to be scraped.
//!
//! One bad line refuses the page, so that nothing is half taken by a mistake that nobody hears of. As the mistake may
//! be in the last line, a [`Visitor`] holds back what it is given until [`parse`] returns `Ok`.
//!
//! A series is known by its bytes. One that the visitor has seen before costs the search for the end of its labels, the
//! visitor's hash and a number; its labels were checked when they were first seen. OpenMetrics also forbids mixing the
//! series of a family, which takes a look at the labels of every line.
//!
//! Names are of the older kind, letters, digits, `_` and `:`; the quoted names of later versions are refused. Where
//! Prometheus is more patient than the words of the specifications and nothing can be misread, so is this: a help text
//! may hold bare quotes, a backslash before any character stands for itself unless it begins an escape, metadata of the
//! text format may be repeated while they say the same and its families may be mixed, and an exemplar, which is not
//! handed over, may lie outside its bucket. Where Prometheus is more patient and something could be misread, this is
//! not: a page of the text format ends with a line feed, or else may have been cut off within a number.

mod error;
mod family;
mod labels;
mod line;
mod openmetrics;
mod point;
mod prometheus;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

pub use error::{Error, Problem};
pub use labels::Labels;

/// The language of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Syntax {
    /// The text format 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Syntax {
    /// The syntax that a `Content-Type` announces: OpenMetrics if it says so, else the text format.
    pub fn of_content_type(content_type: &str) -> Self {
        let media = content_type.split(';').next().unwrap_or_default().trim();
        if media.eq_ignore_ascii_case("application/openmetrics-text") {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }
}

/// The type of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// Nothing is said of it, or `untyped` or `unknown`.
    Unknown,
    /// A total that only grows, but for restarts.
    Counter,
    /// A value that comes and goes.
    Gauge,
    /// Cumulative buckets, their count and sum, all since a start.
    Histogram,
    /// Cumulative buckets of what is there now.
    GaugeHistogram,
    /// Quantiles, a count and a sum.
    Summary,
    /// Which of some states hold: a label named like the family says which state, the value 0 or 1 whether it holds.
    StateSet,
    /// Text in labels, with the value 1.
    Info,
}

impl Type {
    /// The word of a `TYPE` line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::StateSet => "stateset",
            Self::Info => "info",
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// What a series is of its family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The value itself: of a gauge, an unknown, a state or an info, and the total of a counter.
    Value,
    /// How many observations were at most the bound, the label `le`.
    Bucket,
    /// The value below which that part of the observations lie that the label `quantile` says.
    Quantile,
    /// The sum of all observations.
    Sum,
    /// The number of all observations.
    Count,
    /// When counting began, Unix seconds. Of OpenMetrics only: in the text format it is a family of its own.
    Created,
}

/// A series that the visitor did not know.
#[derive(Clone, Debug)]
pub struct Declared<'a> {
    /// The type of the family.
    pub kind: Type,
    /// What this series is of the family.
    pub part: Part,
    /// The name of the family as its metadata say it: in OpenMetrics without the suffixes of its samples, in the text
    /// format only histograms and summaries have such.
    pub family: &'a str,
    /// The unit, only of OpenMetrics; else empty.
    pub unit: &'a str,
    /// The name of the series.
    pub name: &'a str,
    /// Its labels, with `le` and `quantile`.
    pub labels: Labels<'a>,
    /// The upper bound of a bucket, inclusive, or the quantile of a summary, 0 to 1; `None` for all other parts, and
    /// for a quantile of the text format that does not say which.
    pub bound: Option<f64>,
    /// The name and labels as they stand in the page.
    pub raw: &'a [u8],
    help: &'a str,
    syntax: Syntax,
}

impl<'a> Declared<'a> {
    /// What the family is, for people to read; may be empty.
    pub fn help(&self) -> Cow<'a, str> {
        labels::unescape_help(self.help, self.syntax)
    }
}

/// Takes the samples of a page. Nothing counts before [`parse`] has returned `Ok`.
pub trait Visitor {
    /// How the visitor calls a series.
    type Key: Copy;

    /// The series of these bytes, a name and labels as they stand in the page, if it was declared before, on this page
    /// or an earlier one of the same [`Syntax`], with this type and as this part. It is not declared again: its labels,
    /// bound and family are the same, a unit or help text that has changed since goes unnoticed.
    fn known(&mut self, raw: &[u8], kind: Type, part: Part) -> Option<Self::Key>;

    /// A series that was not known. Two that differ only in the order, the blanks or the escapes of their labels are
    /// one series with two sets of bytes.
    fn declare(&mut self, declared: &Declared<'_>) -> Self::Key;

    /// A sample. The value may be NaN or infinite. The time is in Unix milliseconds, if the page says one.
    ///
    /// In the text format a series may occur several times, as the format leaves open what that means; in OpenMetrics
    /// only with times, which then do not decrease.
    fn value(&mut self, key: Self::Key, value: f64, time: Option<i64>);
}

/// What was on a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Samples handed to the visitor.
    pub samples: usize,
    /// Samples of OpenMetrics that were given twice with the same time; only the first was handed over.
    pub repeated: usize,
    /// Exemplars, which were checked and not handed over.
    pub exemplars: usize,
    /// Families with a sample or metadata.
    pub families: usize,
}

/// Reads a page.
///
/// Takes memory in proportion to the page: a text that names many families, or an OpenMetrics family of many metrics.
///
/// # Errors
/// The page breaks a rule of its syntax. What the visitor was given until then does not count.
pub fn parse<V: Visitor>(page: &[u8], syntax: Syntax, visitor: &mut V) -> Result<Parsed, Error> {
    let text =
        std::str::from_utf8(page).map_err(|invalid| error::locate(page, invalid.valid_up_to(), Problem::Encoding))?;
    let parsed = match syntax {
        Syntax::Prometheus => prometheus::parse(text, visitor),
        Syntax::OpenMetrics => openmetrics::parse(text, visitor),
    };
    parsed.map_err(|fault| fault.locate(text))
}

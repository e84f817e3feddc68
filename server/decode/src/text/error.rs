//! Why a page is refused: where, what is wrong, and what was expected.

use super::Type;
use crate::quote::quote;

/// Why a page is refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct Error {
    /// The line, counted from 1.
    pub line: usize,
    /// The character within the line, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a page. Quotations are escaped and at most 60 characters long.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The page is not UTF-8.
    #[error("the bytes here are not UTF-8")]
    Encoding,
    /// The page ends within a line, and so may have been cut off.
    #[error("the last line does not end with a line feed; the page may have been cut off")]
    Unterminated,
    /// An OpenMetrics page has no end, and so may have been cut off.
    #[error("expected the last line `# EOF`, found the end of the page; it may have been cut off")]
    NoEof,
    /// An OpenMetrics page goes on after its end.
    #[error("nothing may follow `# EOF`, found {0}")]
    AfterEof(String),
    /// OpenMetrics has no empty lines.
    #[error("the line is empty, which OpenMetrics does not allow")]
    EmptyLine,
    /// The page was written with the line ends of Windows.
    #[error("the line ends with a carriage return; expected a line feed alone")]
    CarriageReturn,
    /// A part of a line is not what has to stand there.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What has to stand there.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// A label occurs twice in one series.
    #[error("the label {0} is given twice")]
    LabelTwice(String),
    /// A label has a name that would be taken for the metric's.
    #[error("a label may not be called `__name__`, which stands for the name of the metric")]
    LabelReserved,
    /// A bucket, a quantile or a state does not tell which it is.
    #[error("{name} needs the label {label}")]
    LabelMissing {
        /// The name of the sample.
        name: String,
        /// The label that is missing.
        label: String,
    },
    /// A family has two lines of one kind of metadata.
    #[error("a second {keyword} line for {family}; there may be one")]
    Twice {
        /// `TYPE`, `HELP` or `UNIT`.
        keyword: &'static str,
        /// The name of the family.
        family: String,
    },
    /// A family has metadata that come after its samples.
    #[error("the {keyword} line of {family} comes after its samples; expected it before them")]
    Late {
        /// `TYPE`, `HELP` or `UNIT`.
        keyword: &'static str,
        /// The name of the family.
        family: String,
    },
    /// A family is declared with two types.
    #[error("the type of {family} is {second} here, and was {first} before; it may have one")]
    TwoTypes {
        /// The name of the family.
        family: String,
        /// What it was declared as first.
        first: Type,
        /// What it is declared as now.
        second: Type,
    },
    /// The name of a family does not end with its unit.
    #[error("the unit is {unit}, so the name should end with an underscore and the unit, found {family}")]
    UnitNotInName {
        /// The name of the family.
        family: String,
        /// Its unit.
        unit: String,
    },
    /// Infos and state sets have no unit.
    #[error("a metric of type {0} has no unit")]
    UnitOf(Type),
    /// The names of two families' samples clash, or a family's lines do not stand together.
    #[error("the name {0} belongs to a family that ended before this line; a family's lines stand together")]
    NameTaken(String),
    /// A sample has the name of its family where it needs a suffix.
    #[error("a family of type {kind} has no sample named {name}; expected {expected} after the name")]
    NoSuchSample {
        /// The type of the family.
        kind: Type,
        /// The name of the sample.
        name: String,
        /// The suffixes that its samples may have.
        expected: &'static str,
    },
    /// A bucket's bound or a quantile is not one.
    #[error("the label `{label}` should be {expected}, found {found}")]
    Bound {
        /// `le` or `quantile`.
        label: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// A value that its type forbids.
    #[error("{what} should be {expected}, found {found}")]
    Value {
        /// Of what it is the value.
        what: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// Samples of one metric do not stand together.
    #[error("samples with these labels have already ended; a metric's lines stand together")]
    Interleaved,
    /// A sample is given twice.
    #[error("{0} is given twice with the same labels")]
    SampleTwice(String),
    /// Some samples of a metric have timestamps, others don't.
    #[error("either all samples of a metric have a timestamp, or none")]
    SomeTimes,
    /// The times of a metric go backwards.
    #[error("the timestamp is before that of the sample before, of the same labels")]
    TimeBackwards,
    /// The buckets, the count and the sum of a histogram contradict each other.
    #[error("the histogram that begins here {0}")]
    Histogram(&'static str),
    /// Buckets are not sorted, or not cumulative.
    #[error("{0}")]
    Buckets(&'static str),
    /// An exemplar where there may be none.
    #[error("only the buckets of histograms and the totals of counters may have exemplars, not {0}")]
    ExemplarOn(String),
    /// An exemplar is too long.
    #[error("the labels of an exemplar may have 128 characters in all, found {0}")]
    ExemplarLength(usize),
}

/// A problem and its place, the address of a byte within the page. It becomes a line and a column when it leaves: those
/// cost nothing while all is well. Boxed, as it is large and rare.
pub(super) struct Fault {
    address: usize,
    problem: Problem,
}

pub(super) type Checked<T> = Result<T, Box<Fault>>;

impl Fault {
    /// A problem at the beginning of a part of the page.
    pub(super) fn at(place: &str, problem: Problem) -> Box<Self> {
        Box::new(Self {
            address: place.as_ptr().addr(),
            problem,
        })
    }

    /// Something else stood there.
    pub(super) fn expected(expected: &'static str, found: &str) -> Box<Self> {
        Self::at(
            found,
            Problem::Expected {
                expected,
                found: quote(found),
            },
        )
    }

    pub(super) fn locate(self, page: &str) -> Error {
        let offset = self.address.saturating_sub(page.as_ptr().addr()).min(page.len());
        locate(page.as_bytes(), offset, self.problem)
    }
}

pub(super) fn locate(page: &[u8], offset: usize, problem: Problem) -> Error {
    let before = &page[..offset];
    let start = memchr::memrchr(b'\n', before).map_or(0, |feed| feed + 1);
    Error {
        line: memchr::memchr_iter(b'\n', before).count() + 1,
        column: String::from_utf8_lossy(&before[start..]).chars().count() + 1,
        problem,
    }
}

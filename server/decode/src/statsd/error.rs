//! Why a line is refused.

use std::fmt;

use crate::quote::quote;

/// A line that is refused. Costs nothing until it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error<'a> {
    /// The line within the datagram, counted from 1.
    pub number: usize,
    /// The whole line.
    pub line: &'a [u8],
    /// What is wrong with it.
    pub problem: Problem<'a>,
}

impl fmt::Display for Error<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let beginning = &self.line[..self.line.len().min(256)];
        let line = quote(&String::from_utf8_lossy(beginning));
        write!(out, "line {}: {} in {line}", self.number, self.problem)
    }
}

impl std::error::Error for Error<'_> {}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem<'a> {
    /// It is not UTF-8.
    #[error("bytes that are not UTF-8")]
    Encoding,
    /// It does not begin with a name.
    #[error("no name before the first `:`; expected `name:value|type`")]
    NoName,
    /// The name holds a character that ends it, or one that cannot be printed.
    #[error("the name {}; expected printable characters but `|`", quote(.0))]
    Name(&'a str),
    /// It has no value.
    #[error("no value; expected `name:value|type`")]
    NoValue,
    /// It has no type.
    #[error("no type; expected `|c`, `|g`, `|ms`, `|h`, `|d` or `|s` after the value")]
    NoType,
    /// Its type is none of StatsD's.
    #[error("the type {}; expected `c`, `g`, `ms`, `h`, `d` or `s`", quote(.0))]
    Type(&'a str),
    /// A value is not a finite decimal number.
    #[error("the value {}; expected a finite decimal number", quote(.0))]
    Value(&'a str),
    /// The sample rate is not one.
    #[error("the sample rate {}; expected a number above 0 and at most 1", quote(.0))]
    Rate(&'a str),
    /// A field occurs twice of which there may be one.
    #[error("a second field {}; there may be one that begins so", quote(.0))]
    Twice(&'a str),
    /// A field begins with nothing known.
    #[error("the field {}; expected `@` and a sample rate, `#` and tags, or a field that begins with a letter", quote(.0))]
    Field(&'a str),
}

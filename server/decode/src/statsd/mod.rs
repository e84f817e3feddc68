//! StatsD and DogStatsD datagrams: lines of `name:value|type`, with a sample rate, tags and other fields behind.
//!
//! A datagram was sent and forgotten: nobody waits for an answer, and nobody sends it again. So unlike a page, a bad
//! line costs the other lines nothing. It is told with what is wrong with it.

mod error;
mod line;
#[cfg(test)]
mod tests;

use memchr::memchr;

pub use error::{Error, Problem};
pub use line::{Kind, Line, Tags, Value, Values};

/// What was in a datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Lines with measurements.
    pub lines: usize,
    /// Lines that were refused.
    pub refused: usize,
    /// Events of DogStatsD, which are skipped unread.
    pub events: usize,
    /// Service checks of DogStatsD, which are skipped unread.
    pub service_checks: usize,
}

/// Reads a datagram, and hands over every line with measurements, or what is wrong with it. Empty lines are nothing.
///
/// Takes no memory.
pub fn parse<'a>(datagram: &'a [u8], mut visit: impl FnMut(Result<Line<'a>, Error<'a>>)) -> Parsed {
    let mut parsed = Parsed::default();
    let mut rest = datagram;
    let mut number = 0;
    while !rest.is_empty() {
        number += 1;
        let (line, after) = match memchr(b'\n', rest) {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => (rest, &[][..]),
        };
        rest = after;
        match line.strip_suffix(b"\r").unwrap_or(line) {
            [] => {}
            [b'_', b'e', b'{', ..] => parsed.events += 1,
            [b'_', b's', b'c', b'|', ..] => parsed.service_checks += 1,
            line => match line::read(line) {
                Ok(line) => {
                    parsed.lines += 1;
                    visit(Ok(line));
                }
                Err(problem) => {
                    parsed.refused += 1;
                    visit(Err(Error { number, line, problem }));
                }
            },
        }
    }
    parsed
}

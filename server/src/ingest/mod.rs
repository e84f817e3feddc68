//! What comes from other programs: decoded records become samples here, once, under the names that the catalogue reads.
//!
//! Each sender has a [`Ledger`](ledger::Ledger): what its series are, found by their bytes as they stand in its pages and
//! requests, so that one that was seen before costs a hash; and what has to be known from one page to the next, such as a
//! histogram's totals.

use keiki_model::time::Millis;

/// What a sender has not mentioned for so long is forgotten, milliseconds.
const FORGOTTEN: Millis = 900_000;

mod allowance;
pub(crate) mod assemble;
mod census;
mod inlet;
pub(crate) mod ledger;
mod native;
mod number;
mod otlp;
mod remote_write;
pub(crate) mod secret;
pub(crate) mod text;
mod whole;
mod writers;

pub use allowance::{Rates, Slowed};
pub use census::{Account, Census};
pub use inlet::{InletLimits, Inlets, Refused, Report};
pub use ledger::Reading;

/// Unix nanoseconds as milliseconds.
fn millis(nanos: u64) -> Millis {
    Millis::try_from(nanos / 1_000_000).unwrap_or(Millis::MAX)
}

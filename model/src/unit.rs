//! Units of values. Everything is kept in base units; formatting happens at the edge ([`crate::format`]).

use serde::{Deserialize, Serialize};

/// The base unit of a panel, a stat or a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Durations, in seconds.
    Seconds,
    /// Sizes, in bytes.
    Bytes,
    /// Shares of one, 0 to 1.
    Ratio,
    /// Things counted.
    Count,
    /// Events per second.
    PerSecond,
    /// Bytes per second.
    BytesPerSecond,
}

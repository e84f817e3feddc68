//! Decoders of the formats in which measurements come: bytes in, records out.
//!
//! Pure: no clock, no network, no knowledge of the store or of what a metric means. A decoder borrows from the bytes it
//! reads and hands each series' raw identity (its name and labels as they stand in the input) to its visitor first, so
//! that one who has seen these bytes before does not pay for taking them apart again.

mod number;
pub mod otlp;
mod quote;
pub mod remote_write;
pub mod statsd;
pub mod text;
pub mod wire;

//! Keiki's shared vocabulary: what the server and the browser both know. Pure: no I/O, no clock, no features.

pub mod histogram;
pub mod series;
pub mod time;

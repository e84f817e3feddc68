//! Keiki's server: everything that does I/O.
//!
//! The data run one way: [`source`] → `store` → `query` → `hub` → `web`. Nothing imports leftwards.

pub mod clock;
pub mod source;

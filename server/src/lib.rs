//! Keiki's server: everything that does I/O.
//!
//! The data run one way: [`source`] and [`ingest`] → [`store`] → [`query`] → [`hub`] → [`web`]. Nothing imports leftwards; [`mod@run`]
//! puts the parts together.

pub mod access;
pub mod annotation;
pub mod catalogue;
pub mod clock;
pub mod config;
mod feeding;
mod gzip;
pub mod hub;
pub mod ingest;
pub mod log;
pub mod process;
pub mod query;
pub mod run;
pub mod source;
pub mod web;

pub use keiki_store as store;

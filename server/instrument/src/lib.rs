//! Measures a Rust service for Keiki: requests, queries, caches and jobs.
//!
//! A [`Recorder`] hands out counters, gauges and histograms, and gives all their values once a second to whoever
//! sends or stores them. The instruments above it know what to record, under which names and labels, so that the
//! built-in panels need no configuration: [`RequestLayer`], [`QueryInstrument`], [`CacheInstrument`] and
//! [`JobInstrument`]. Recording costs well under a microsecond and never waits for a reader.
//!
//! ```
//! use keiki_instrument::{Identity, Recorder, RequestLayer};
//!
//! let recorder = Recorder::new(Identity {
//!     service_name: "shop".into(),
//!     service_instance_id: "shop-1".into(),
//!     host_name: "web-1".into(),
//! });
//! // With axum: `.route(|extensions| extensions.get::<MatchedPath>().map(MatchedPath::as_str))`.
//! let layer = RequestLayer::new(&recorder).exclude(|route| route == "/api/live");
//! # let _ = layer;
//! ```
//!
//! There is no axum, no runtime and no exporter in this crate's tree, because it becomes part of other people's
//! services.

mod cache;
mod instruments;
mod job;
mod memo;
pub mod names;
mod query;
mod recorder;
mod request;
mod sync;

pub use cache::CacheInstrument;
pub use instruments::{Counter, Gauge, Histogram};
pub use job::{JobInstrument, JobTimer};
pub use query::{QueryInstrument, QueryTimer};
pub use recorder::{Identity, MAX_LABEL_BYTES, Recorder, SERIES_LIMIT};
pub use request::{RequestFuture, RequestLayer, RequestService};

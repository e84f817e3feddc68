//! Keiki's shared vocabulary: what the server and the browser both know. Pure: no I/O, no clock, no features.
//!
//! The data run one way: a [`series::Sample`] goes into the store, a [`query::Query`] asks it, a
//! [`panel::PanelSnapshot`] is the answer for one panel, a [`frame::Snapshot`] holds those of a view, and a
//! [`frame::Delta`] what changed since. [`group`] is the catalogue of all that can be shown.

pub mod chart;
pub mod format;
pub mod frame;
pub mod group;
pub mod histogram;
pub mod panel;
pub mod preset;
pub mod query;
pub mod series;
pub mod sort;
pub mod target;
pub mod text;
pub mod time;
pub mod unit;
pub mod view;

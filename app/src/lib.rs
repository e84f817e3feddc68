//! Keiki's pages: Leptos components, the live client, charts, texts in Japanese and English.
//!
//! `ssr` renders whole documents on the server ([`document()`]); `hydrate` takes them over in the browser and keeps them
//! live. Never both. A document is rendered from a [`request::PageRequest`] and a snapshot alone, so that one body
//! serves everybody; pages are linked plainly, there is no router.

// Views are typed all the way down: a page is one deep type.
#![recursion_limit = "512"]

#[cfg(all(feature = "ssr", feature = "hydrate"))]
compile_error!("ssr and hydrate exclude each other");

pub mod changing;
pub mod chart;
pub mod data;
#[cfg(feature = "ssr")]
pub mod document;
#[cfg(feature = "hydrate")]
pub mod hydrate;
pub mod icon;
mod json;
pub mod live;
pub mod page;
pub mod panel;
pub mod request;
#[cfg(feature = "ssr")]
mod span;
pub mod state;
pub mod surface;
pub mod text;

#[cfg(feature = "ssr")]
pub use document::{AssetUrls, document};
pub use request::{PageRequest, RequestError, Sort, Theme};

//! JSON from the server.
//!
//! In the browser its own parser reads the text and serde takes the values out of what it made: serde_json's parser would
//! be compiled into the WASM once for every structure.

use serde::de::DeserializeOwned;

/// What a text holds; `None` where it holds anything else.
#[cfg(feature = "hydrate")]
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
    let value = js_sys::JSON::parse(text).ok()?;
    serde_wasm_bindgen::from_value(value).ok()
}

/// What a text holds; `None` where it holds anything else.
#[cfg(not(feature = "hydrate"))]
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}

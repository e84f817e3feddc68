//! The stream as the page's script hands it out (`public/stream.js`): one connection serves all tabs and frames that may
//! share it, and which of them reads it is none of the app's business.

use js_sys::Array;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use super::session::Event;

/// Why there is no connection, or no longer: it broke, or was refused. Perhaps the server said when to come again, in
/// milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended(pub Option<u32>);

#[wasm_bindgen]
extern "C" {
    type Stream;

    #[wasm_bindgen(js_namespace = keiki, js_name = open)]
    fn open(view: &str, since: &str) -> Stream;

    #[wasm_bindgen(js_namespace = keiki, js_name = remember, catch)]
    fn remember_in_entry(name: &str, value: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch)]
    async fn read(this: &Stream) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method)]
    fn close(this: &Stream);
}

/// Remembers a value beyond the page's being loaded anew, each frame for itself: `public/memory.js`. Gives the one that was there,
/// or an error where a page may have no memory.
pub fn remember(name: &str, value: &str) -> Result<Option<String>, JsValue> {
    remember_in_entry(name, value).map(|before| before.as_string())
}

/// An open stream. Dropping it ends it.
pub struct Connection(Stream);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Connection {
    /// Asks for a view from an event's id on.
    pub fn open(view: &str, since: &str) -> Self {
        Self(open(view, since))
    }

    /// The next events; there is at least one.
    pub async fn read(&self) -> Result<Vec<Event>, Ended> {
        let parts = self
            .0
            .read()
            .await
            .map_err(|wait| Ended(wait.as_f64().map(|wait| wait as u32)))?;
        let parts: Vec<String> = Array::from(&parts).iter().filter_map(|part| part.as_string()).collect();
        let events = parts.chunks_exact(2).map(|pair| Event {
            name: pair[0].clone(),
            data: pair[1].clone(),
        });
        Ok(events.collect())
    }
}

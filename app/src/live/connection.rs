//! One connection to the stream: a fetch whose body is read as it comes.

use std::future::Future;

use futures::future::{Either, select};
use gloo_timers::future::TimeoutFuture;
use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, ReadableStreamDefaultReader, RequestInit, Response};

/// How long the answer may take to begin, milliseconds.
const CONNECT_TIMEOUT: u32 = 5_000;
/// How long nothing may come, milliseconds: the server sends a heartbeat at least every ten seconds.
const SILENCE: u32 = 12_000;

/// Why there is no connection, or no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The server can't be reached, is silent, or broke off.
    Network,
    /// The server answered, but not with a stream. Perhaps it said when to come again, in milliseconds.
    Refused(Option<u32>),
}

/// An open stream. Dropping it ends the request.
pub struct Connection {
    abort: AbortController,
    reader: Option<ReadableStreamDefaultReader>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.abort.abort();
    }
}

async fn within<T>(milliseconds: u32, future: impl Future<Output = T>) -> Option<T> {
    let future = std::pin::pin!(future);
    match select(future, TimeoutFuture::new(milliseconds)).await {
        Either::Left((value, _)) => Some(value),
        Either::Right(_) => None,
    }
}

impl Connection {
    /// Opens the stream.
    pub async fn open(url: &str) -> Result<Self, Failure> {
        let abort = AbortController::new().map_err(|_| Failure::Network)?;
        let mut connection = Self { abort, reader: None };
        let init = RequestInit::new();
        init.set_signal(Some(&connection.abort.signal()));
        init.set_cache(web_sys::RequestCache::NoStore);
        let fetch = JsFuture::from(leptos::prelude::window().fetch_with_str_and_init(url, &init));
        let response = within(CONNECT_TIMEOUT, fetch).await.ok_or(Failure::Network)?;
        let response: Response = response.map_err(|_| Failure::Network)?.unchecked_into();
        if !response.ok() {
            let seconds = response.headers().get("retry-after").ok().flatten();
            let seconds: Option<u32> = seconds.and_then(|seconds| seconds.parse().ok());
            return Err(Failure::Refused(seconds.map(|seconds| seconds.saturating_mul(1_000))));
        }
        let body = response.body().ok_or(Failure::Refused(None))?;
        connection.reader = Some(body.get_reader().unchecked_into());
        Ok(connection)
    }

    /// The next bytes; nothing at the end of the stream.
    pub async fn read(&self) -> Result<Option<Vec<u8>>, Failure> {
        let Some(reader) = &self.reader else { return Ok(None) };
        let chunk = within(SILENCE, JsFuture::from(reader.read())).await;
        let chunk = chunk.ok_or(Failure::Network)?.map_err(|_| Failure::Network)?;
        let value = Reflect::get(&chunk, &JsValue::from_str("value")).unwrap_or_default();
        Ok(value.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec))
    }
}

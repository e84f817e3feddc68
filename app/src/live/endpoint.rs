//! `GET /api/live`: the stream, a server function that answers with real `text/event-stream`, so that `EventSource` and
//! `curl -N` read it as well as Keiki's own pages.

use std::marker::PhantomData;

use futures::TryStreamExt;
use leptos::prelude::*;
use leptos::server_fn::codec::{ByteStream, Encoding, FromRes, GetUrl, IntoRes};
use leptos::server_fn::error::FromServerFnError;
use leptos::server_fn::response::{ClientRes, TryRes};
use leptos::server_fn::{ContentType, Http};

/// The encoding of server-sent events (WHATWG HTML, 9.2).
pub struct LiveSse(PhantomData<()>);

impl ContentType for LiveSse {
    const CONTENT_TYPE: &'static str = "text/event-stream";
}

impl Encoding for LiveSse {
    const METHOD: http::Method = http::Method::GET;
}

impl<E, Response> IntoRes<LiveSse, Response, E> for ByteStream<E>
where
    Response: TryRes<E>,
    E: FromServerFnError,
{
    async fn into_res(self) -> Result<Response, E> {
        Response::try_from_stream(LiveSse::CONTENT_TYPE, self.into_inner().map_err(|error| error.ser()))
    }
}

impl<E, Response> FromRes<LiveSse, Response, E> for ByteStream<E>
where
    Response: ClientRes<E> + Send,
    E: FromServerFnError,
{
    async fn from_res(response: Response) -> Result<Self, E> {
        Ok(Self::new(response.try_into_stream()?.map_err(|error| E::de(error))))
    }
}

/// What the server provides to [`live`] by context.
#[cfg(feature = "ssr")]
pub mod server {
    use std::pin::Pin;

    use bytes::Bytes;
    use futures::Stream;

    /// Encoded events, ready to be sent.
    pub type Events = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

    /// Why a stream is not opened.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Refusal {
        /// The HTTP status that says so.
        pub status: u16,
        /// What to tell the client.
        pub message: String,
    }

    /// Where streams come from.
    pub trait Live: Send + Sync {
        /// Opens a stream of views, resumed from `since` (an event's id) where that is not empty.
        ///
        /// # Errors
        /// The views cannot be read, or a limit is reached.
        fn open(&self, views: &str, since: &str) -> Result<Events, Refusal>;

        /// Takes note of a refusal, so that the response can carry its status.
        fn refused(&self, refusal: Refusal);
    }
}

/// Streams views: a snapshot of each, then a delta per tick.
///
/// `views` is a comma-separated list of items as [`keiki_model::view`] reads them, empty for the overview; `since` is
/// the id of the last event that the client has, where it cannot send `Last-Event-ID` itself.
///
/// # Errors
/// The views cannot be read, or a limit is reached; the response then carries a status of 400 or 503.
#[allow(
    missing_docs,
    reason = "the macro makes a struct of the arguments, which are described above"
)]
#[server(prefix = "/api", endpoint = "live", protocol = Http<GetUrl, LiveSse>)]
pub async fn live(
    #[server(default)] views: String,
    #[server(default)] since: String,
) -> Result<ByteStream, ServerFnError> {
    let hub = expect_context::<std::sync::Arc<dyn server::Live>>();
    let last_event_id = || {
        let parts = use_context::<http::request::Parts>()?;
        Some(parts.headers.get("last-event-id")?.to_str().ok()?.to_owned())
    };
    let since = if since.is_empty() {
        last_event_id().unwrap_or_default()
    } else {
        since
    };
    // The context is gone once the response is returned: the stream must own all that it needs.
    hub.open(&views, &since).map(ByteStream::from).map_err(|refusal| {
        let message = refusal.message.clone();
        hub.refused(refusal);
        ServerFnError::ServerError(message)
    })
}

//! Asks for a page over HTTP.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use keiki_model::text::Text;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio_rustls::TlsConnector;

use super::target::Address;
use crate::gzip::{self, Unpacking};
use crate::source::SourceError;
use crate::source::tls::Tls;

/// The older format first: it allows what OpenMetrics forbids, such as negative sums, and tells all that is needed.
const WANTED: &str = "text/plain;version=0.0.4,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1";

/// A secret's file has a line break inside, or the like.
const UNFIT_SECRET: Text = Text::new(
    "認証情報にヘッダーで送れない文字があります",
    "the secret holds what no header can",
);

/// Who asks, and how.
#[derive(Clone)]
pub struct Fetching {
    /// Where the page is.
    pub address: Address,
    /// Whether and how the connection is encrypted.
    pub tls: Tls,
    /// What lets Keiki in.
    pub credentials: Credentials,
    /// Further headers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// How long a page may be, bytes, as sent and as unpacked.
    pub page_bytes: usize,
}

impl fmt::Debug for Fetching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetching")
            .field("address", &self.address.to_string())
            .finish_non_exhaustive()
    }
}

/// What lets Keiki in. Files are read at each request, so that a changed secret holds from then on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing is asked.
    #[default]
    None,
    /// A file with a bearer token.
    Bearer(PathBuf),
    /// A user's name and a file with the password.
    Basic(String, PathBuf),
}

/// A page as it came.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) content_type: String,
    body: Bytes,
    /// Whether it is packed by gzip, and how many bytes it may have.
    packed: Option<usize>,
}

/// An open connection.
struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    task: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Asks one target, over one connection that is kept.
pub(super) struct Fetcher {
    fetching: Fetching,
    connection: Option<Connection>,
}

impl Fetcher {
    pub(super) fn new(fetching: Fetching) -> Self {
        Self {
            fetching,
            connection: None,
        }
    }

    /// The page now.
    pub(super) async fn fetch(&mut self, timeout: Duration) -> Result<Page, SourceError> {
        let request = self.request(timeout).await?;
        // A connection that was kept may have been closed meanwhile, which is found out only by using it.
        let kept = self.connection.take();
        let answer = match kept {
            Some(kept) => self.ask(kept, request.clone()).await.ok(),
            None => None,
        };
        let answer = match answer {
            Some(answer) => answer,
            None => {
                let fresh = self.connect().await?;
                self.ask(fresh, request).await?
            }
        };
        self.read(answer).await
    }

    fn failed(&self, why: impl Into<Text>) -> SourceError {
        let (address, Text { ja, en }) = (&self.fetching.address, why.into());
        SourceError::Unavailable(Text::of(format!("{address}：{ja}"), format!("{address}: {en}")))
    }

    fn said(&self, error: impl fmt::Display) -> SourceError {
        self.failed(error.to_string())
    }

    async fn request(&self, timeout: Duration) -> Result<Request<Empty<Bytes>>, SourceError> {
        let address = &self.fetching.address;
        let mut request = Request::get(&address.path)
            .header(HOST, address.authority())
            .header(ACCEPT, WANTED)
            .header(ACCEPT_ENCODING, "gzip")
            .header(USER_AGENT, concat!("keiki/", env!("CARGO_PKG_VERSION")))
            .header("x-prometheus-scrape-timeout-seconds", timeout.as_secs_f64().to_string());
        for (name, value) in &self.fetching.headers {
            request = request.header(name, value);
        }
        let secret = |file: PathBuf| async move {
            let text = tokio::fs::read_to_string(&file).await;
            text.map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
                .map_err(|error| SourceError::file(&file, error))
        };
        let shown = match &self.fetching.credentials {
            Credentials::None => None,
            Credentials::Bearer(file) => Some(format!("Bearer {}", secret(file.clone()).await?)),
            Credentials::Basic(user, file) => {
                use base64::Engine as _;
                let pair = format!("{user}:{}", secret(file.clone()).await?);
                Some(format!(
                    "Basic {}",
                    base64::engine::general_purpose::STANDARD.encode(pair)
                ))
            }
        };
        if let Some(shown) = shown {
            let mut value = HeaderValue::try_from(shown).map_err(|_| self.failed(UNFIT_SECRET))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        request.body(Empty::new()).map_err(|error| self.said(error))
    }

    async fn connect(&self) -> Result<Connection, SourceError> {
        let address = &self.fetching.address;
        let stream = TcpStream::connect((address.host.as_str(), address.port))
            .await
            .map_err(|error| self.said(error))?;
        // A page is one small request; waiting for more to send would only delay it.
        let _ = stream.set_nodelay(true);
        match &self.fetching.tls {
            Tls::Off => self.handshake(TokioIo::new(stream)).await,
            Tls::Checked(config) => {
                let name = ServerName::try_from(address.host.clone()).map_err(|error| self.said(error))?;
                let connector = TlsConnector::from(Arc::clone(config));
                let stream = connector
                    .connect(name, stream)
                    .await
                    .map_err(|error| self.said(error))?;
                self.handshake(TokioIo::new(stream)).await
            }
        }
    }

    async fn handshake<T>(&self, io: T) -> Result<Connection, SourceError>
    where
        T: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
    {
        let (sender, connection) = http1::handshake(io).await.map_err(|error| self.said(error))?;
        // What ends the connection is told to whoever waits for an answer.
        let task = tokio::spawn(async move { drop(connection.await) }).abort_handle();
        Ok(Connection { sender, task })
    }

    /// Sends a request, and keeps the connection for the next one.
    async fn ask(
        &mut self,
        mut connection: Connection,
        request: Request<Empty<Bytes>>,
    ) -> Result<Response<Incoming>, SourceError> {
        let asked = async {
            connection.sender.ready().await?;
            connection.sender.send_request(request).await
        };
        let answer = asked.await.map_err(|error| self.said(error))?;
        self.connection = Some(connection);
        Ok(answer)
    }

    async fn read(&mut self, answer: Response<Incoming>) -> Result<Page, SourceError> {
        let status = answer.status();
        if status != StatusCode::OK {
            let (ja, en) = match status.as_u16() {
                300..=399 => (
                    "。転送先のアドレスを書いてください",
                    ": write the address that it leads to",
                ),
                401 | 403 => ("。別の認証情報が必要です", ": it wants other credentials"),
                404 => ("。このパスには何もありません", ": nothing is at this path"),
                _ => ("", ""),
            };
            self.connection = None;
            let text = Text::of(format!("応答は {status} でした{ja}"), format!("answers {status}{en}"));
            return Err(self.failed(text));
        }
        let header = |name| {
            answer
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        let content_type = header(CONTENT_TYPE).to_owned();
        let packed = match header(CONTENT_ENCODING) {
            "" | "identity" => false,
            "gzip" => true,
            other => {
                let text = Text::of(
                    format!("求めていないエンコーディング {other:?} で応答しました"),
                    format!("answers in the encoding {other:?}, which was not asked for"),
                );
                return Err(self.failed(text));
            }
        };
        let most = self.fetching.page_bytes;
        let too_long = || SourceError::Invalid {
            what: self.fetching.address.to_string().into(),
            why: Text::of(
                format!("ページが {most} バイトより長いです"),
                format!("the page is longer than {most} bytes"),
            ),
        };
        let mut body = answer.into_body();
        let mut whole = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| self.said(error))?;
            if let Some(data) = frame.data_ref() {
                if whole.len() + data.len() > most {
                    self.connection = None;
                    return Err(too_long());
                }
                whole.extend_from_slice(data);
            }
        }
        Ok(Page {
            content_type,
            body: whole.freeze(),
            packed: packed.then_some(most),
        })
    }
}

impl Page {
    /// The page as its program wrote it.
    pub(super) fn unpacked(&self) -> Result<Cow<'_, [u8]>, Text> {
        let Some(most) = self.packed else {
            return Ok(Cow::Borrowed(&self.body));
        };
        let unpacked = gzip::unpacked(&self.body, most).map_err(|why| match why {
            Unpacking::Damaged(error) => Text::of(
                format!("ページを展開できません：{error}"),
                format!("the page can't be unpacked: {error}"),
            ),
            Unpacking::TooLong => Text::of(
                format!("ページは展開すると {most} バイトより長いです"),
                format!("the page is longer than {most} bytes when it is unpacked"),
            ),
        })?;
        Ok(Cow::Owned(unpacked))
    }
}

//! What is answered where nothing can be served. A [`Fault`] says only what its reader may know; what went wrong
//! inside is logged where it happened.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use maud::html;

use super::router::Site;
use super::{headers, plain};

/// After how many seconds a busy server is asked again.
const BUSY_SECONDS: &str = "2";

/// Why a request is not answered as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// There is nothing at this address.
    NotFound,
    /// Nothing here can be changed.
    Method,
    /// It takes a login or a token.
    Unauthorised,
    /// What was shown opens other addresses.
    Forbidden,
    /// A parameter holds what it can't hold.
    Parameter {
        /// Its name.
        name: &'static str,
        /// What is wrong and what may be written.
        message: String,
    },
    /// The server has too much to do, or no data yet.
    Busy,
    /// It is the server's own fault.
    Internal,
}

impl Fault {
    /// A parameter with a bad value.
    pub(super) fn parameter(name: &'static str, message: impl Into<String>) -> Self {
        Self::Parameter {
            name,
            message: message.into(),
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unauthorised => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Parameter { .. } => StatusCode::BAD_REQUEST,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// In Japanese and in English.
    fn words(&self) -> (&str, &str) {
        match self {
            Self::NotFound => ("このアドレスには何もありません。", "There is nothing at this address."),
            Self::Method => ("このアドレスは読み取り専用です。", "This address can only be read."),
            Self::Unauthorised => (
                "ログインか、有効なトークンが必要です（トークンが不明・期限切れ・失効の可能性があります）。",
                "This takes a login or a valid token: none was given, or it is unknown, expired or revoked.",
            ),
            Self::Forbidden => (
                "このトークンではこのアドレスを開けません。",
                "What you have shown does not open this address.",
            ),
            Self::Parameter { message, .. } => ("アドレスのパラメーターが正しくありません。", message),
            Self::Busy => (
                "まだ表示できません。数秒後にもう一度お試しください。",
                "Not possible just now. Try again in a few seconds.",
            ),
            Self::Internal => ("サーバーで問題が起きました。", "Something went wrong in the server."),
        }
    }

    /// For machines: `{"error": "…"}`, with the parameter that is to blame.
    pub(super) fn json(&self) -> Response {
        let mut body = serde_json::json!({ "error": self.words().1 });
        if let Self::Parameter { name, .. } = self {
            body["parameter"] = (*name).into();
        }
        self.finish(Json(body).into_response())
    }

    /// For people, in both languages, since nobody knows which one this reader wants.
    pub(super) fn html(&self, base: &str) -> Response {
        self.document(base, Some(home(base)))
    }

    /// For a page that nobody looks after: it is asked for again by itself.
    pub(super) fn again(&self, base: &str) -> Response {
        self.document(base, None)
    }

    /// Without a way home the page is nobody's to press: it comes again by itself. So does one that was asked for too early,
    /// as by a screen that starts together with its server.
    fn document(&self, base: &str, home: Option<&str>) -> Response {
        let (ja, en) = self.words();
        let status = self.status().as_u16();
        let wait = match self {
            Self::Busy => Some(BUSY_SECONDS),
            Self::NotFound => None,
            _ => home.is_none().then_some("15"),
        };
        let again = html! {
            @if let Some(wait) = wait { meta http-equiv="refresh" content=(wait); }
        };
        let body = html! {
            main class="fault" {
                h1 { (status) }
                p { (ja) }
                p lang="en" { (en) }
                @if let Some(home) = home { a class="button" href=(home) { "Keiki" } }
            }
        };
        let document = plain::document(base, "ja", &format!("{status} – Keiki"), &again, &body);
        let mut response = Html(document).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, headers::PAGE_POLICY);
        self.finish(response)
    }

    /// For a frame in another page: it must be seen there, as the panel would be.
    pub(super) fn framed(&self, site: &Site) -> Response {
        let mut response = self.document(&site.base, None);
        let policy = headers::embed_policy(&site.embed_origins);
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        headers::embeddable(response.headers_mut());
        response
    }

    /// For programs and terminals.
    pub(super) fn text(&self) -> Response {
        self.finish(format!("{}\n", self.words().1).into_response())
    }

    fn finish(&self, mut response: Response) -> Response {
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, headers::NO_STORE);
        match self {
            Self::Busy => set(headers, header::RETRY_AFTER, BUSY_SECONDS),
            Self::Method => set(headers, header::ALLOW, "GET, HEAD"),
            Self::Unauthorised => set(headers, header::WWW_AUTHENTICATE, "Bearer realm=\"Keiki\""),
            _ => {}
        }
        headers::secure(headers);
        response
    }
}

fn set(headers: &mut HeaderMap, name: header::HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}

/// The address of the overview.
pub(super) fn home(base: &str) -> &str {
    if base.is_empty() { "/" } else { base }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    #[tokio::test]
    async fn a_page_that_came_too_early_comes_again_by_itself() {
        let body = async |response: Response| {
            let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            String::from_utf8(bytes.to_vec()).unwrap()
        };
        let refreshes = |html: &str| html.contains("http-equiv=\"refresh\"");
        assert!(refreshes(&body(Fault::Busy.html("")).await));
        assert!(refreshes(&body(Fault::Unauthorised.again("")).await));
        assert!(!refreshes(&body(Fault::Internal.html("")).await));
        assert!(!refreshes(&body(Fault::NotFound.again("")).await));
    }
}

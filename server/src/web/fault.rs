//! What is answered where nothing can be served. A [`Fault`] says only what its reader may know; what went wrong
//! inside is logged where it happened. Pages speak the language that was asked for, or the site's; machines read English.

use std::borrow::Cow;

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use keiki_model::text::Language;
use maud::html;

use super::router::Site;
use super::{assets, headers, plain};

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
    Unauthorised {
        /// Nobody can log in: whoever sits before it must be told what else there is.
        only_tokens: bool,
    },
    /// What was shown opens other addresses.
    Forbidden,
    /// A proxy forwards it, as far as can be told, and nobody would be asked.
    Proxied,
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
            Self::Unauthorised { .. } => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::Proxied => StatusCode::FORBIDDEN,
            Self::Parameter { .. } => StatusCode::BAD_REQUEST,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn words(&self, language: Language) -> Cow<'_, str> {
        let (ja, en) = match self {
            Self::Parameter { name, message } => {
                return match language {
                    Language::Ja => japanese(name).into(),
                    Language::En => message.into(),
                };
            }
            Self::NotFound => ("このアドレスには何もありません。", "There is nothing at this address."),
            Self::Method => ("このアドレスは読み取り専用です。", "This address can only be read."),
            Self::Unauthorised { only_tokens: true } => (
                "有効なトークンが必要です（トークンがないか、不明・期限切れ・失効です）。この Keiki にはパスワードがありません。\
                 アドレスに ?token=… を付けて開くか、keiki hash-password でパスワードを設定してください。",
                "This takes a valid token: none was given, or it is unknown, expired or revoked. This Keiki has no password: \
                 open it with ?token=… in the address, or set a password with keiki hash-password.",
            ),
            Self::Unauthorised { only_tokens: false } => (
                "ログインか、有効なトークンが必要です（トークンが不明・期限切れ・失効の可能性があります）。",
                "This takes a login or a valid token: none was given, or it is unknown, expired or revoked.",
            ),
            Self::Forbidden => (
                "このトークンではこのアドレスを開けません。",
                "What you have shown does not open this address.",
            ),
            Self::Proxied => (
                "この Keiki は誰にも認証を求めないため、このマシンからの直接の要求にだけ応答します。この要求には、次のいずれかが当てはまります：\
                 リバースプロキシのヘッダー（X-Forwarded-For、Via など）がある。HTTP/1.0 である（プロキシやプログラムが HTTP/1.1 を使うように設定してください）。\
                 別のサーバーのページから送られている（Origin または Referer が Host と一致しない）。ほかの人にも見せるには、keiki.toml の [access] にパスワード（password_hash）か、\
                 信頼するプロキシのユーザーヘッダー（proxy_header と proxy_addresses）を設定するか、keiki token add でトークンを作ってください。\
                 誰にでも公開してよければ open_proxy = true と書いてください。docs/access.md に説明があります。",
                "This Keiki asks nobody who they are, and so answers only what comes straight from its own machine. Of this request \
                 one of these is true: it has a header of a reverse proxy's (such as X-Forwarded-For or Via); it is HTTP/1.0 (have \
                 the proxy, or the program, speak HTTP/1.1); a page of another server sends it (its Origin or Referer does not match \
                 its Host). To show Keiki to others, set a password (password_hash) or a trusted proxy's user header (proxy_header \
                 with proxy_addresses) below [access] in keiki.toml, or make tokens with keiki token add. If everybody may see it, \
                 write open_proxy = true there: see docs/access.md.",
            ),
            Self::Busy => (
                "まだ表示できません。数秒後にもう一度お試しください。",
                "Not possible just now. Try again in a few seconds.",
            ),
            Self::Internal => ("サーバーで問題が起きました。", "Something went wrong in the server."),
        };
        match language {
            Language::Ja => ja.into(),
            Language::En => en.into(),
        }
    }

    /// For machines: `{"error": "…"}`, with the parameter that is to blame.
    pub(super) fn json(&self) -> Response {
        let mut body = serde_json::json!({ "error": self.words(Language::En) });
        if let Self::Parameter { name, .. } = self {
            body["parameter"] = (*name).into();
        }
        self.finish(Json(body).into_response())
    }

    /// For people.
    pub(super) fn html(&self, base: &str, language: Language) -> Response {
        self.document(base, language, Some(home(base)), None)
    }

    /// For a page that nobody looks after: it is asked for again by itself.
    pub(super) fn again(&self, base: &str, language: Language) -> Response {
        self.document(base, language, None, None)
    }

    /// Without a way home the page is nobody's to press: it comes again by itself. So does one that was asked for too early,
    /// as by a screen that starts together with its server.
    fn document(&self, base: &str, language: Language, home: Option<&str>, script: Option<&str>) -> Response {
        let status = self.status().as_u16();
        let wait = match self {
            Self::Busy => Some(BUSY_SECONDS),
            Self::NotFound => None,
            _ => home.is_none().then_some("15"),
        };
        let again = html! {
            @if let Some(wait) = wait { meta http-equiv="refresh" content=(wait); }
            @if let Some(script) = script { script src={ (base) "/assets/" (script) } {} }
        };
        let body = html! {
            main class="fault" {
                h1 { (status) }
                p { (self.words(language)) }
                @if let Some(home) = home { a class="button" href=(home) { "Keiki" } }
            }
        };
        let document = plain::document(base, language.tag(), &format!("{status} – Keiki"), &again, &body);
        let mut response = Html(document).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, headers::PAGE_POLICY);
        self.finish(response)
    }

    /// For a frame in another page: it must be seen there, as the panel would be.
    pub(super) fn framed(&self, site: &Site, language: Language) -> Response {
        let script = assets::hashed("refusal.js");
        let mut response = self.document(&site.base, language, None, Some(script));
        let policy = headers::embed_policy(&site.embed_origins);
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        headers::embeddable(response.headers_mut());
        response
    }

    /// For programs and terminals.
    pub(super) fn text(&self) -> Response {
        self.finish(format!("{}\n", self.words(Language::En)).into_response())
    }

    fn finish(&self, mut response: Response) -> Response {
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, headers::NO_STORE);
        match self {
            Self::Busy => set(headers, header::RETRY_AFTER, BUSY_SECONDS),
            Self::Method => set(headers, header::ALLOW, "GET, HEAD"),
            Self::Unauthorised { .. } => set(headers, header::WWW_AUTHENTICATE, "Bearer realm=\"Keiki\""),
            _ => {}
        }
        headers::secure(headers);
        response
    }
}

fn set(headers: &mut HeaderMap, name: header::HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}

/// What is wrong with a parameter, in Japanese: what it may hold is told by its name, since messages are English.
fn japanese(name: &str) -> String {
    match PARAMETERS.iter().find(|(known, _)| *known == name) {
        Some((_, may_be)) => format!("パラメーター {name} の値が正しくありません。{may_be}"),
        None => "入力が正しくないか、長すぎます。".to_owned(),
    }
}

/// The parameters of pages, and what they may hold.
const PARAMETERS: [(&str, &str); 13] = [
    (
        "window",
        "1m、5m、15m、1h、6h、24h、7d、30d、90d のいずれかを指定してください。",
    ),
    (
        "from",
        "to の 10 秒前から 90 日前までの時刻を Unix ミリ秒で指定してください。",
    ),
    ("to", "時刻を Unix ミリ秒で指定してください。"),
    (
        "service",
        "サービス名をパーセントエンコードして指定してください。ホストと合わせて 32 個までです。",
    ),
    ("host", "ホスト名をパーセントエンコードして指定してください。"),
    ("lang", "ja か en を指定してください。"),
    ("theme", "light、dark、auto のいずれかを指定してください。"),
    (
        "sort",
        "列のキーを指定してください。大きい順にするには先頭に - を付けます。",
    ),
    (
        "groups",
        "グループの ID を api,queue のようにコンマで区切って指定してください。",
    ),
    ("rotate", "5 から 3600 までの整数（秒）を指定してください。"),
    ("ground", "plate か transparent を指定してください。"),
    ("panel", "この ID のパネルはありません。"),
    ("height", "60 から 4000 までの整数を指定するか、空欄にしてください。"),
];

/// The address of the overview.
pub(super) fn home(base: &str) -> &str {
    if base.is_empty() { "/" } else { base }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use keiki_app::PageRequest;
    use keiki_model::view::Subject;

    use super::*;

    #[tokio::test]
    async fn a_page_that_came_too_early_comes_again_by_itself() {
        let body = async |response: Response| {
            let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            String::from_utf8(bytes.to_vec()).unwrap()
        };
        let refreshes = |html: &str| html.contains("http-equiv=\"refresh\"");
        let refused = Fault::Unauthorised { only_tokens: false };
        assert!(refreshes(&body(Fault::Busy.html("", Language::En)).await));
        assert!(refreshes(&body(refused.again("", Language::En)).await));
        assert!(!refreshes(&body(Fault::Internal.html("", Language::En)).await));
        assert!(!refreshes(&body(Fault::NotFound.again("", Language::En)).await));
    }

    #[test]
    fn a_page_is_in_one_language() {
        let faults = [
            Fault::NotFound,
            Fault::Method,
            Fault::Unauthorised { only_tokens: true },
            Fault::Unauthorised { only_tokens: false },
            Fault::Forbidden,
            Fault::Proxied,
            Fault::Busy,
            Fault::Internal,
            Fault::parameter("rotate", "bad value of rotate: write whole seconds from 5 to 3600"),
            Fault::parameter("body", "The form is too long, or did not come in time."),
        ];
        for fault in faults {
            let (ja, en) = (fault.words(Language::Ja), fault.words(Language::En));
            assert!(!ja.contains("  ") && !en.contains("  "), "a line goes on: {ja} {en}");
            assert!(ja.contains('。') && !en.contains('。'), "{ja} {en}");
        }
    }

    #[test]
    fn who_is_taken_for_a_proxy_is_told_all_that_may_be_the_reason_and_what_to_do() {
        for language in [Language::Ja, Language::En] {
            let words = Fault::Proxied.words(language);
            let reasons = ["X-Forwarded-For", "HTTP/1.0", "HTTP/1.1", "Origin", "Referer"];
            let ways = ["password_hash", "proxy_header", "keiki token add", "open_proxy = true"];
            for named in reasons.iter().chain(&ways) {
                assert!(words.contains(named), "{named}: {words}");
            }
        }
    }

    #[test]
    fn every_parameter_of_a_page_has_its_japanese_words() {
        let page = |subject| PageRequest::new(subject, Language::Ja, "");
        let (wall, frame) = (
            PageRequest::wall(Language::Ja, ""),
            page(Subject::Panel("api.latency".to_owned())),
        );
        for (request, bad) in [
            (&wall, "window=7y"),
            (&wall, "from=x"),
            (&wall, "to=x"),
            (&wall, "service=%zz"),
            (&wall, "host=%zz"),
            (&wall, "lang=fr"),
            (&wall, "theme=blue"),
            (&wall, "sort=x"),
            (&wall, "groups=x"),
            (&wall, "rotate=1"),
            (&frame, "ground=blue"),
        ] {
            let error = request.clone().read(bad).unwrap_err();
            let words = Fault::parameter(error.parameter, error.to_string());
            let words = words.words(Language::Ja).into_owned();
            assert!(words.contains(error.parameter), "{bad}: {words}");
        }
    }
}

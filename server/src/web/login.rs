//! Logging in and out.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use keiki_model::text::{Language, Text};
use maud::html;

use super::fault::{Fault, home};
use super::guard::{Guard, Peer, Refusal, is_from_here};
use super::headers::{self, PAGE_POLICY};
use super::plain;
use super::router::{Shared, Site};

/// No form of Keiki's is longer.
pub(super) const LONGEST_FORM: usize = 4_096;
/// Nobody's takes longer to come.
pub(super) const FORM_TIMEOUT: Duration = Duration::from_secs(5);

const TITLE: Text = Text::new("ログイン", "Log in");
const PASSWORD: Text = Text::new("パスワード", "Password");
const ENTER: Text = Text::new("ログイン", "Log in");
const LEAVE: Text = Text::new("ログアウト", "Log out");
const INSIDE: Text = Text::new("ログインしています。", "You are logged in.");
const WRONG: Text = Text::new("パスワードが違います。", "The password is wrong.");
const NO_PASSWORD: Text = Text::new(
    "この Keiki にはパスワードがありません。アドレスに ?token=… を付けて開くか、keiki hash-password でパスワードを設定してください。",
    "This Keiki has no password. Open it with ?token=… in the address, or set a password with keiki hash-password.",
);

fn slow(wait: Duration, language: Language) -> String {
    let seconds = wait.as_secs() + 1;
    match language {
        Language::Ja => format!("失敗が続きました。{seconds}秒後にもう一度お試しください。"),
        Language::En => format!("Too many attempts failed. Try again in {seconds} s."),
    }
}

/// What is asked for.
struct Form {
    password: String,
    next: String,
    language: Language,
}

impl Form {
    /// Reads a form or a query.
    fn read(text: &str, site: &Site) -> Self {
        let value = |name: &str| plain::value(text, name);
        let next = value("next")
            .filter(|next| is_own(next))
            .unwrap_or_else(|| home(&site.base).to_owned());
        // As the page speaks that is wanted.
        let wanted = next
            .split(['?', '&'])
            .find_map(|pair| pair.strip_prefix("lang=").map(str::to_owned));
        let language = value("lang").or(wanted).and_then(|tag| Language::from_tag(&tag));
        Self {
            password: value("password").unwrap_or_default(),
            next,
            language: language.unwrap_or(site.language),
        }
    }
}

/// Whether an address stays here: two slashes at the start, or a backslash, would lead to another host.
pub(super) fn is_own(address: &str) -> bool {
    address.starts_with('/') && !address.starts_with("//") && !address.contains(|c: char| c == '\\' || c.is_control())
}

/// `GET {base}/login`
pub(super) async fn page(State(site): State<Shared>, request: Request) -> Response {
    let guard = &site.guard;
    if !guard.asks() {
        return see(home(&site.base));
    }
    let form = Form::read(request.uri().query().unwrap_or_default(), &site);
    show(&site, guard, &form, request.headers(), StatusCode::OK, None)
}

/// `POST {base}/login`
pub(super) async fn enter(State(site): State<Shared>, request: Request) -> Response {
    let guard = &site.guard;
    if !guard.asks() {
        return see(home(&site.base));
    }
    let (parts, body) = request.into_parts();
    let language = site.language_of(parts.uri.query());
    if !is_from_here(&parts.headers) {
        guard.count(Refusal::Foreign);
        return Fault::Forbidden.html(&site.base, language);
    }
    let Ok(Ok(body)) = tokio::time::timeout(FORM_TIMEOUT, to_bytes(body, LONGEST_FORM)).await else {
        return Fault::parameter("body", "The form is too long, or did not come in time.").html(&site.base, language);
    };
    let mut form = Form::read(&String::from_utf8_lossy(&body), &site);
    let peer = parts
        .extensions
        .get::<Peer>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
    let subject = guard.subject(&parts.headers, peer);
    let password = std::mem::take(&mut form.password);
    match guard.log_in(password, &parts.headers, subject, &site.base).await {
        Ok(cookie) => {
            tracing::info!(%subject, "logged in");
            let mut response = see(&form.next);
            response.headers_mut().insert(header::SET_COOKIE, cookie);
            response
        }
        Err((refusal, wait)) => {
            guard.count(refusal);
            tracing::warn!(%subject, "a login failed");
            let (status, said) = match wait {
                Some(wait) => (StatusCode::TOO_MANY_REQUESTS, slow(wait, form.language)),
                None => (StatusCode::UNAUTHORIZED, WRONG.get(form.language).to_owned()),
            };
            let mut response = show(&site, guard, &form, &parts.headers, status, Some(&said));
            if let Some(wait) = wait {
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1));
            }
            response
        }
    }
}

/// `POST {base}/logout`
pub(super) async fn leave(State(site): State<Shared>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let language = site.language_of(query.as_deref());
    if !is_from_here(&headers) {
        site.guard.count(Refusal::Foreign);
        return Fault::Forbidden.html(&site.base, language);
    }
    // It goes on in the language of the page that was left.
    let mut response = see(&[site.base.as_str(), "/login?lang=", language.tag()].concat());
    if let Some(cookie) = site.guard.log_out(&headers, &site.base) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// Leads elsewhere, by GET.
pub(super) fn see(target: &str) -> Response {
    plain::lead(StatusCode::SEE_OTHER, target, headers::NO_STORE)
}

fn show(
    site: &Site,
    guard: &Guard,
    form: &Form,
    headers: &HeaderMap,
    status: StatusCode,
    said: Option<&str>,
) -> Response {
    let (base, language) = (&site.base, form.language);
    let t = |text: &Text| text.get(language).to_owned();
    let inside = guard.is_logged_in(headers);
    let body = html! {
        main class="fault" {
            h1 { "Keiki" }
            @if inside {
                p { (t(&INSIDE)) }
                form method="post" action={ (base) "/logout?lang=" (language.tag()) } { button class="button" { (t(&LEAVE)) } }
                a class="button" href=(home(base)) { "Keiki" }
            } @else if guard.has_password() {
                form method="post" action={ (base) "/login" } {
                    input type="hidden" name="next" value=(form.next);
                    input type="hidden" name="lang" value=(language.tag());
                    // For password managers, which look for a name.
                    input type="text" name="username" value="keiki" autocomplete="username" hidden;
                    label { (t(&PASSWORD))
                        input name="password" type="password" autocomplete="current-password" required autofocus;
                    }
                    button class="button" { (t(&ENTER)) }
                }
                @if let Some(said) = said { p class="wrong" role="alert" { (said) } }
            } @else {
                p { (t(&NO_PASSWORD)) }
            }
        }
    };
    let title = [TITLE.get(language), " – Keiki"].concat();
    let document = plain::document(base, language.tag(), &title, &html! {}, &body);
    plain::page(status, document, PAGE_POLICY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_stays_here() {
        for own in ["/", "/groups/api?window=1m", "/ops/"] {
            assert!(is_own(own), "{own}");
        }
        for foreign in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\r\nb",
            "javascript:alert(1)",
        ] {
            assert!(!is_own(foreign), "{foreign}");
        }
    }
}

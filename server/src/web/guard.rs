//! Who is let in. Looked at before anything else of a request: what is not named here as open needs a login, a trusted proxy's
//! word, or a token that opens just this address.
//!
//! Without a password, a proxy and tokens Keiki listens on loopback only, and nobody is asked. With one of them everyone is,
//! who comes from this machine too: a reverse proxy beside Keiki makes nobody trusted. Tokens come and go while Keiki runs,
//! and what they alone demand begins and ends with them.

mod given;
mod sender;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Version, header};
use axum::response::Response;
use futures::StreamExt as _;
use keiki_instrument::{Counter, Recorder};
use keiki_model::time::Millis;
use keiki_model::view::percent_encode;
use tokio::sync::{Semaphore, watch};

use self::given::{bearer, cookies, in_query};
use self::sender::{DATA, is_of_elsewhere};
use super::fault::Fault;
use super::router::Site;
use crate::access::network::Network;
use crate::access::session::{Session, Sessions};
use crate::access::throttle::Throttle;
use crate::access::token::{LOOK, TokenFile, Tokens};
use crate::access::{Access, Asks, password};
use crate::clock::{Clock as _, SystemClock};

pub(super) use self::sender::is_from_here;

/// What anyone may ask for: whether Keiki lives, the files of the site, which hold nothing of its data, and the login.
const OPEN: [&str; 6] = ["/healthz", "/readyz", "/favicon.svg", "/embed.js", "/login", "/logout"];
/// A folder of those.
const OPEN_FOLDER: &str = "/assets/";
/// The name of the login's cookie.
pub(super) const COOKIE: &str = "keiki_session";
/// How often an open stream is asked whether it still may be.
const RECHECK: Duration = Duration::from_secs(2);
/// Passwords that are looked at side by side: each takes memory and a core.
const VERIFIERS: usize = 2;

/// What proxies add to what they forward.
const FORWARDED: [&str; 6] = [
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "forwarded",
    "via",
];

/// Where a request comes from: put into its extensions by the connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) SocketAddr);

/// What let a request in.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Grant {
    /// It needs nothing.
    Open,
    /// A trusted proxy names a user.
    Proxy,
    /// A login.
    Session(Session),
    /// A token, by its text.
    Token(String, Shown),
}

/// The token that let a request in: put into its extensions by the entrance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shown {
    /// Empty where it was none.
    pub(super) name: String,
    /// Whether it opens some paths only.
    pub(super) is_limited: bool,
}

/// Why it is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It shows nothing.
    Missing,
    /// Its token is not known, expired or revoked.
    Token,
    /// Its token opens other addresses.
    Path,
    /// A password was wrong.
    Password,
    /// Too many failed.
    Throttled,
    /// A page of another site sent it.
    Foreign,
    /// A proxy forwards it, or a page of another server asks for data, while nobody is asked.
    Proxied,
}

impl Refusal {
    const ALL: [(Self, &str); 7] = [
        (Self::Missing, "missing"),
        (Self::Token, "token"),
        (Self::Path, "path"),
        (Self::Password, "password"),
        (Self::Throttled, "throttled"),
        (Self::Foreign, "foreign"),
        (Self::Proxied, "proxied"),
    ];
}

/// The guard.
pub(super) struct Guard {
    /// Whether everybody is asked now.
    asking: watch::Sender<bool>,
    /// Whether that depends on the file of tokens.
    follows: bool,
    password: Option<(String, Sessions)>,
    proxy_header: Option<header::HeaderName>,
    proxies: Vec<Network>,
    open_proxy: bool,
    tokens: Tokens,
    throttle: Throttle,
    verifiers: Arc<Semaphore>,
    /// Whether the connections are encrypted by Keiki itself.
    tls: bool,
    refused: Vec<(Refusal, Counter)>,
}

impl Guard {
    /// The guard of a configuration.
    pub(super) fn new(access: &Access, tls: bool, recorder: &Recorder) -> Self {
        let counter = |reason: &str| recorder.counter("keiki_access_refused_total", &[("reason", reason)]);
        let password = access.password_hash.clone();
        let follows = access.asks == Asks::WhileTokens;
        let guard = Self {
            asking: watch::Sender::new(!follows),
            follows,
            password: password.map(|hash| (hash.clone(), Sessions::new(&hash, access.session))),
            proxy_header: access.proxy_header.clone(),
            proxies: access.proxy_addresses.clone(),
            open_proxy: access.open_proxy,
            tokens: Tokens::new(TokenFile::new(access.tokens.clone())),
            throttle: Throttle::default(),
            verifiers: Arc::new(Semaphore::new(VERIFIERS)),
            tls,
            refused: Refusal::ALL
                .iter()
                .map(|(refusal, name)| (*refusal, counter(name)))
                .collect(),
        };
        guard.look_for_tokens();
        guard
    }

    /// Whether everybody is asked now; else only this machine comes here.
    pub(super) fn asks(&self) -> bool {
        *self.asking.borrow()
    }

    /// Why a request is refused while nobody is asked: all that comes to loopback is taken to be from this machine, and what
    /// a proxy forwards is not. One that names nothing is known by the old HTTP that it speaks unless it is told otherwise, or
    /// by the page that browsers name.
    pub(super) fn refuse_proxied<B>(&self, request: &Request<B>, site: &Site) -> Option<Response> {
        let headers = request.headers();
        let path = below_base(request, site);
        let names = || FORWARDED.iter().any(|name| headers.contains_key(*name));
        let is_forwarded = || names() || request.version() < Version::HTTP_11 || is_of_elsewhere(path, headers);
        let is_open = OPEN.contains(&path) || path.starts_with(OPEN_FOLDER);
        if self.open_proxy || is_open || !is_forwarded() {
            return None;
        }
        self.count(Refusal::Proxied);
        Some(refuse(self, Refusal::Proxied, request, path, site))
    }

    /// Keeps to the file of tokens, for as long as the server runs.
    pub(super) async fn follow(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK).await;
            self.look_for_tokens();
        }
    }

    fn look_for_tokens(&self) {
        if !self.follows {
            return;
        }
        let now = self.tokens.are_there();
        if !self.asking.send_if_modified(|asks| std::mem::replace(asks, now) != now) {
            return;
        }
        if now {
            tracing::warn!("there are tokens and no password: everybody is asked, and only tokens open Keiki");
        } else {
            tracing::warn!("there are no tokens any more and no password: nobody on this machine is asked");
        }
    }

    /// A stream that nobody was asked for ends when everybody is.
    pub(super) fn until_asked(&self, response: Response) -> Response {
        let mut asking = self.asking.subscribe();
        let ended = async move {
            // Without the guard there is no server either.
            let _ = asking.wait_for(|asks| *asks).await;
        };
        let (parts, body) = response.into_parts();
        let stream = body.into_data_stream().take_until(Box::pin(ended));
        Response::from_parts(parts, Body::from_stream(stream))
    }

    /// Whether there is a password to log in with.
    pub(super) fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// Whether nothing but tokens opens Keiki.
    fn has_only_tokens(&self) -> bool {
        self.password.is_none() && self.proxy_header.is_none()
    }

    pub(super) fn count(&self, refusal: Refusal) {
        if let Some((_, counter)) = self.refused.iter().find(|(counted, _)| *counted == refusal) {
            counter.inc();
        }
    }

    /// Whether a request shows a login that holds.
    pub(super) fn is_logged_in(&self, headers: &HeaderMap) -> bool {
        self.session(headers, SystemClock.now()).is_some()
    }

    fn session(&self, headers: &HeaderMap, now: Millis) -> Option<Session> {
        let (_, sessions) = self.password.as_ref()?;
        cookies(headers).find_map(|cookie| sessions.check(cookie, now))
    }

    fn is_proxy(&self, peer: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.contains(peer))
    }

    fn is_vouched_for(&self, headers: &HeaderMap, peer: IpAddr) -> bool {
        let Some(name) = &self.proxy_header else {
            return false;
        };
        let mut users = headers.get_all(name).iter();
        // Two of them: one could be the reader's own.
        let user = users.next().filter(|user| !user.is_empty() && users.next().is_none());
        user.is_some() && self.is_proxy(peer)
    }

    /// The address of who asks: behind a trusted proxy the one that it names last.
    pub(super) fn subject(&self, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
        let named = || {
            let last = headers.get_all("x-forwarded-for").iter().next_back()?;
            last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
        };
        if self.is_proxy(peer) {
            named().unwrap_or(peer)
        } else {
            peer
        }
    }

    fn look<B>(&self, request: &Request<B>, path: &str, peer: IpAddr) -> Result<Grant, Refusal> {
        if OPEN.contains(&path) || path.starts_with(OPEN_FOLDER) {
            return Ok(Grant::Open);
        }
        let (headers, now) = (request.headers(), SystemClock.now());
        if self.is_vouched_for(headers, peer) {
            return Ok(Grant::Proxy);
        }
        if let Some(session) = self.session(headers, now) {
            return Ok(Grant::Session(session));
        }
        let query = request.uri().query().unwrap_or_default();
        let text = bearer(headers)
            .or_else(|| in_query(request.method(), query))
            .ok_or(Refusal::Missing)?;
        let is_reading = matches!(*request.method(), Method::GET | Method::HEAD);
        match self.tokens.find(&text, now) {
            None => Err(Refusal::Token),
            Some(token) if token.opens(path, query) && (is_reading || token.changes(path)) => {
                let is_limited = token.is_limited();
                let name = token.name;
                Ok(Grant::Token(text, Shown { name, is_limited }))
            }
            Some(_) => Err(Refusal::Path),
        }
    }

    fn still(&self, grant: &Grant) -> bool {
        let now = SystemClock.now();
        match grant {
            Grant::Open | Grant::Proxy => true,
            Grant::Session(session) => {
                let sessions = self.password.as_ref().map(|(_, sessions)| sessions);
                sessions.is_some_and(|sessions| sessions.holds(*session, now))
            }
            Grant::Token(text, _) => self.tokens.find(text, now).is_some(),
        }
    }

    /// Lets a request in or answers it. What is returned is finished by [`Pass::stamp`].
    pub(super) fn admit<B>(
        self: &Arc<Self>,
        request: &Request<B>,
        site: &Site,
        peer: IpAddr,
    ) -> Result<Pass, Box<Response>> {
        let path = below_base(request, site);
        let grant = self.look(request, path, peer).map_err(|refusal| {
            self.count(refusal);
            Box::new(refuse(self, refusal, request, path, site))
        })?;
        Ok(Pass {
            guard: Arc::clone(self),
            is_stream: path == super::live::ROUTE,
            grant,
        })
    }

    /// Looks at a password; the cookie of the login, if it is right.
    ///
    /// # Errors
    /// It is wrong, or this address has to wait before it is looked at: then with the wait.
    pub(super) async fn log_in(
        &self,
        given: String,
        headers: &HeaderMap,
        subject: IpAddr,
        base: &str,
    ) -> Result<HeaderValue, (Refusal, Option<Duration>)> {
        let Some((hash, sessions)) = &self.password else {
            return Err((Refusal::Password, None));
        };
        if let Some(wait) = self.throttle.wait(subject) {
            return Err((Refusal::Throttled, Some(wait)));
        }
        // Failed until the contrary is shown: attempts that come at once wait for one another, too.
        self.throttle.failed(subject);
        let Ok(place) = Arc::clone(&self.verifiers).acquire_owned().await else {
            return Err((Refusal::Throttled, None));
        };
        let hash = hash.clone();
        let right = tokio::task::spawn_blocking(move || {
            let _place = place;
            password::verify(&given, &hash)
        });
        if !right.await.unwrap_or(false) {
            return Err((Refusal::Password, None));
        }
        self.throttle.succeeded(subject);
        let cookie = sessions.issue(SystemClock.now());
        self.cookie(&cookie, sessions.length(), headers, base)
            .ok_or((Refusal::Password, None))
    }

    /// Ends the login that a request shows; the cookie that removes it from the browser.
    pub(super) fn log_out(&self, headers: &HeaderMap, base: &str) -> Option<HeaderValue> {
        if let Some((_, sessions)) = &self.password {
            let now = SystemClock.now();
            cookies(headers).for_each(|cookie| sessions.end(cookie, now));
        }
        self.cookie("", Duration::ZERO, headers, base)
    }

    fn cookie(&self, value: &str, length: Duration, headers: &HeaderMap, base: &str) -> Option<HeaderValue> {
        let forwarded = headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
        let secure = if self.tls || forwarded { "; Secure" } else { "" };
        let path = if base.is_empty() { "/" } else { base };
        let cookie = format!(
            "{COOKIE}={value}; Path={path}; Max-Age={}; HttpOnly; SameSite=Lax{secure}",
            length.as_secs()
        );
        HeaderValue::from_str(&cookie).ok()
    }
}

/// What a request was let in by; watches over the response.
pub(super) struct Pass {
    guard: Arc<Guard>,
    grant: Grant,
    is_stream: bool,
}

impl Pass {
    /// The token, if it was one.
    pub(super) fn shown(&self) -> Shown {
        match &self.grant {
            Grant::Token(_, shown) => shown.clone(),
            _ => Shown::default(),
        }
    }

    /// A stream ends when its login or token does.
    pub(super) fn stamp(self, response: Response) -> Response {
        let bounded = matches!(self.grant, Grant::Token(..) | Grant::Session(_));
        if !self.is_stream || !bounded || response.status() != StatusCode::OK {
            return response;
        }
        let (parts, body) = response.into_parts();
        let ended = async move {
            loop {
                tokio::time::sleep(RECHECK).await;
                if !self.guard.still(&self.grant) {
                    return;
                }
            }
        };
        let stream = body.into_data_stream().take_until(Box::pin(ended));
        Response::from_parts(parts, Body::from_stream(stream))
    }
}

/// The path below the base path.
fn below_base<'r, B>(request: &'r Request<B>, site: &Site) -> &'r str {
    let path = request.uri().path();
    // The bare base path leads to the overview.
    match path.strip_prefix(site.base.as_str()) {
        Some("") => "/",
        Some(path) if path.starts_with('/') => path,
        _ => path,
    }
}

/// Whether a request is for the stream.
pub(super) fn is_stream<B>(request: &Request<B>, site: &Site) -> bool {
    below_base(request, site) == super::live::ROUTE
}

/// An address with a token in it is told to no other site, whatever the answer is.
pub(super) fn keep_quiet(query: Option<&str>, response: &mut Response) {
    if query.is_some_and(|query| query.contains("token=")) {
        response
            .headers_mut()
            .insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    }
}

/// Says why; leads people to the login where that helps.
fn refuse<B>(guard: &Guard, refusal: Refusal, request: &Request<B>, path: &str, site: &Site) -> Response {
    let fault = match refusal {
        Refusal::Path => Fault::Forbidden,
        Refusal::Proxied => Fault::Proxied,
        _ => Fault::Unauthorised {
            only_tokens: guard.has_only_tokens(),
        },
    };
    let language = site.language_of(request.uri().query());
    let accepts = request
        .headers()
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .unwrap_or_default();
    let for_people = *request.method() == Method::GET && accepts.contains("text/html");
    if path.starts_with("/embed/") {
        return fault.framed(site, language);
    }
    // A wall tries again by itself: the refusal may be a proxy's or a moment's.
    if path == "/kiosk" && (refusal != Refusal::Missing || !guard.has_password()) {
        return fault.again(&site.base, language);
    }
    if !for_people {
        return if path.starts_with(DATA) {
            fault.json()
        } else {
            fault.text()
        };
    }
    if refusal == Refusal::Missing && guard.has_password() {
        let wanted = request.uri().path_and_query().map_or("/", |wanted| wanted.as_str());
        let target = [site.base.as_str(), "/login?next=", &percent_encode(wanted)].concat();
        return super::login::see(&target);
    }
    fault.html(&site.base, language)
}

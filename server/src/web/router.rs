//! Which address leads where.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request, State as Extract};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use bytes::Bytes;
use keiki_app::PageRequest;
use keiki_app::surface::{Surface, Wall};
use keiki_instrument::RequestLayer;
use keiki_model::frame::Snapshot;
use keiki_model::text::Language;
use keiki_model::view::{Scope, View};
use tokio::sync::Semaphore;

use crate::config::origin::Origin;

use super::assets::{self, negotiate};
use super::cache::{self, Cache, Made};
use super::fault::Fault;
use super::guard::Guard;
use super::panel::PanelRequest;
use super::state::{State, ViewsError};
use super::{
    Options, annotation, embed, explore, headers, health, ingest, live, login, metrics, page, panel, plain, sources,
};

/// The overview, below the base path.
pub(super) const HOME: &str = "/";
/// The page of a group, likewise.
pub(super) const GROUP: &str = "/groups/{group}";

/// How often bodies that nobody asks for any more are dropped.
const SWEEP: Duration = Duration::from_secs(10);

/// What is kept in the cache.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// A page.
    Page(PageRequest),
    /// A single panel as picture, data or badge.
    Panel(PanelRequest),
}

impl cache::Key for Key {
    fn is_common(&self) -> bool {
        match self {
            // Languages, themes and windows are few; the rest of an address is not.
            Self::Page(request) => {
                let usual = request.wall.as_ref().is_none_or(|wall| *wall == Wall::default());
                usual && request.scope == Scope::default() && request.sort.is_none()
            }
            Self::Panel(request) => request.is_common(),
        }
    }
}

/// What all handlers share.
pub(super) struct Site {
    pub(super) state: State,
    /// Empty, or a path with a leading and without a final slash.
    pub(super) base: String,
    pub(super) language: Language,
    /// Who is let in.
    pub(super) guard: Arc<Guard>,
    /// Whether Keiki itself encrypts.
    pub(super) tls: bool,
    /// Whose pages may frame a panel.
    pub(super) embed_origins: Vec<Origin>,
    /// Places for requests that bring measurements.
    pub(super) readers: Arc<Semaphore>,
    /// Places for searches of what there is.
    pub(super) searches: Arc<Semaphore>,
    cache: Arc<Cache<Key>>,
}

pub(super) type Shared = Arc<Site>;

/// All routes.
pub(super) fn router(options: &Options, site: &Shared) -> Router {
    let base = options.base_path.clone();
    let at = |path: &str| [&base, path].concat();
    let files = Router::new()
        .route(&at("/assets/{name}"), get(assets::serve))
        .route(&at("/favicon.svg"), get(favicon))
        .route(&at("/embed.js"), get(embed::script))
        .layer(map_response(|mut response: Response| async move {
            headers::secure(response.headers_mut());
            response
        }));
    let layer = RequestLayer::new(&site.state.recorder)
        .route({
            let base = base.clone();
            move |extensions| {
                let route = extensions.get::<MatchedPath>()?.as_str();
                Some(route.strip_prefix(&base).unwrap_or(route))
            }
        })
        .exclude(|route| route == live::ROUTE);
    Router::new()
        .route(&at(HOME), get(page::overview))
        .route(&at(GROUP), get(page::group))
        .route(&at("/login"), get(login::page).post(login::enter))
        .route(&at("/logout"), post(login::leave))
        .route(&at("/kiosk"), get(page::kiosk))
        .route(&at("/embed/{panel}"), get(page::embed))
        .route(&at("/embed"), get(embed::builder))
        .route(&at("/panels/{file}"), get(panel::file))
        .route(&at("/badges/{file}"), get(panel::badge))
        .route(&at("/api/annotations"), get(annotation::list).post(annotation::add))
        .route(&at("/api/annotations/{id}"), delete(annotation::remove))
        .route(&at("/explore"), get(explore::page))
        .route(&at("/explore/{metric}"), get(page::explored))
        .route(&at("/sources"), get(sources::page))
        .route(&at("/api/sources"), get(sources::data))
        .route(&at("/v1/metrics"), post(ingest::metrics))
        .route(&at("/v1/traces"), post(ingest::traces))
        .route(&at(ingest::WRITE), post(ingest::remote_write))
        .route(&at("/healthz"), get(health::healthz))
        .route(&at("/readyz"), get(health::readyz))
        .route(&at("/metrics"), get(metrics::serve))
        .route(&at(live::ROUTE), site.state.live.clone().with_state(()))
        .merge(files)
        .fallback(elsewhere)
        .method_not_allowed_fallback(|| async { Fault::Method.text() })
        .with_state(Arc::clone(site))
        .layer(layer)
}

/// An address without a page: one with or without a final slash too much, or an unknown one.
async fn elsewhere(Extract(site): Extract<Shared>, request: Request) -> Response {
    let path = request.uri().path();
    let target = if path == site.base {
        Some([path, "/"].concat())
    } else {
        // Two slashes at the start would lead to another host.
        path.strip_suffix('/')
            .filter(|path| path.starts_with('/') && !path.starts_with("//"))
            .map(str::to_owned)
    };
    match target {
        Some(mut target) if matches!(*request.method(), Method::GET | Method::HEAD) => {
            if let Some(query) = request.uri().query() {
                target.push('?');
                target.push_str(query);
            }
            moved(&target)
        }
        _ => Fault::NotFound.html(&site.base, site.language_of(request.uri().query())),
    }
}

/// A base path can change: the browser must not remember for good.
fn moved(target: &str) -> Response {
    plain::lead(StatusCode::PERMANENT_REDIRECT, target, headers::NO_CACHE)
}

/// Browsers and feed readers ask for the icon by this name.
async fn favicon(request: Request) -> Response {
    match assets::named("favicon.svg") {
        Some(icon) => assets::respond(icon, request.headers(), assets::REVALIDATE),
        None => Fault::NotFound.text(),
    }
}

impl Site {
    pub(super) fn new(options: &Options, state: State) -> Self {
        let (views, render) = (Arc::clone(&state.views), Arc::clone(&state.render));
        let embed_policy = headers::embed_policy(&options.embed_origins);
        let make = move |key: &Key, there: Option<u64>| {
            let view = match key {
                Key::Page(request) => request.view(),
                Key::Panel(request) => request.view(),
            };
            let snapshot = views.snapshot(&view).map_err(|error| refused(error, &view))?;
            if there == Some(snapshot.seq) {
                return Ok(None);
            }
            let (body, mut headers) = match key {
                Key::Page(request) => {
                    let (body, mut headers) = page::make(request, &snapshot, &*render);
                    if request.surface() == Surface::Frame {
                        headers.insert(header::CONTENT_SECURITY_POLICY, embed_policy.clone());
                        headers::embeddable(&mut headers);
                    }
                    (body, headers)
                }
                Key::Panel(request) => panel::make(request, &snapshot, &*render)?,
            };
            common(&mut headers, &snapshot);
            Ok(Some(Made {
                body,
                seq: snapshot.seq,
                headers,
            }))
        };
        let cache = Cache::new(
            options.cache_entries,
            options.cache_bytes,
            &state.recorder,
            Arc::new(make),
        );
        let guard = Guard::new(&options.access, options.tls.is_some(), &state.recorder);
        let readers = Arc::new(Semaphore::new(state.inlets.limits().requests));
        Self {
            state,
            readers,
            searches: Arc::new(Semaphore::new(explore::SEARCHES)),
            guard: Arc::new(guard),
            tls: options.tls.is_some(),
            base: options.base_path.clone(),
            language: options.language,
            embed_origins: options.embed_origins.clone(),
            cache: Arc::new(cache),
        }
    }

    /// The language that a query asks for, or the site's own.
    pub(super) fn language_of(&self, query: Option<&str>) -> Language {
        let tag = query.and_then(|query| plain::value(query, "lang"));
        tag.and_then(|tag| Language::from_tag(&tag)).unwrap_or(self.language)
    }

    /// Drops what nobody asks for, for as long as the server runs.
    pub(super) async fn sweep(self: Arc<Self>) {
        loop {
            tokio::time::sleep(SWEEP).await;
            self.cache.trim(self.state.views.tick());
        }
    }

    /// Answers with a body from the cache, or 304 where the client has it.
    pub(super) async fn respond(&self, key: Key, request: &HeaderMap, patience: u64) -> Result<Response, Fault> {
        let tick = self.state.views.tick();
        let (ready, hit) = self.cache.get(key, negotiate(request), tick, patience).await?;
        let unchanged = ready
            .headers
            .get(header::ETAG)
            .is_some_and(|etag| is_known(request, etag));
        let mut response = if unchanged {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            Response::new(Bytes::clone(&ready.body).into())
        };
        *response.headers_mut() = ready.headers.clone();
        if unchanged {
            response.headers_mut().remove(header::CONTENT_TYPE);
            response.headers_mut().remove(header::CONTENT_ENCODING);
        }
        if !hit {
            response
                .headers_mut()
                .insert(headers::X_CACHE, HeaderValue::from_static("MISS"));
        }
        Ok(response)
    }
}

/// What every cached body carries.
fn common(headers: &mut HeaderMap, snapshot: &Snapshot) {
    // Weak: the encodings share it. A body is a function of its address, the run and the tick.
    if let Ok(etag) = HeaderValue::from_str(&format!("W/\"{}-{}\"", snapshot.boot, snapshot.seq)) {
        headers.insert(header::ETAG, etag);
    }
    headers.insert(header::CACHE_CONTROL, headers::NO_CACHE);
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers::secure(headers);
}

/// Whether `If-None-Match` lists the tag (weak comparison).
fn is_known(request: &HeaderMap, etag: &HeaderValue) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let Ok(etag) = etag.to_str().map(opaque) else {
        return false;
    };
    let lists = request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok());
    lists
        .flat_map(|list| list.split(','))
        .any(|tag| tag.trim() == "*" || opaque(tag) == etag)
}

fn refused(error: ViewsError, view: &View) -> Fault {
    tracing::debug!(%error, %view, "no snapshot");
    Fault::Busy
}

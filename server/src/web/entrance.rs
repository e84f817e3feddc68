//! Where requests enter. Nearly all of them are for a page that is in the cache: those go there directly. For them the
//! router, with its matching and its layers of boxed futures, would cost as much as all the rest.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::HttpBody;
use axum::extract::Request;
use axum::http::Method;
use axum::response::Response;
use bytes::Bytes;
use keiki_instrument::{RequestLayer, RequestService};
use keiki_model::group::Group;
use keiki_model::view::Subject;
use tower_layer::Layer as _;
use tower_service::Service;

use super::guard::{self, Peer};
use super::router::Shared;
use super::{Options, page, router};

/// All of the site.
pub(super) struct Entrance {
    site: Shared,
    /// The pages by their paths.
    pages: Vec<(String, RequestService<Page>)>,
    router: Router,
}

impl Entrance {
    pub(super) fn new(options: &Options, site: &Shared) -> Self {
        let layer = |route: &'static str| RequestLayer::new(&site.state.recorder).route(move |_| Some(route));
        let (home, groups) = (layer(router::HOME), layer(router::GROUP));
        let page = |subject| Page {
            site: Shared::clone(site),
            subject,
        };
        let at = |path: &str| [&options.base_path, path].concat();
        let pages = [(at(router::HOME), home.layer(page(Subject::Overview)))]
            .into_iter()
            .chain(Group::ALL.iter().map(|&group| {
                let path = router::GROUP.replace("{group}", group.id());
                (at(&path), groups.layer(page(Subject::Group(group))))
            }))
            .collect();
        Self {
            site: Shared::clone(site),
            pages,
            router: router::router(options, site),
        }
    }

    /// Whether everybody is asked who they are.
    pub(super) fn asks(&self) -> bool {
        self.site.guard.asks()
    }

    /// Answers a request.
    pub(super) async fn answer<B>(&self, mut request: Request<B>, peer: SocketAddr) -> Result<Response, Infallible>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        let guard = &self.site.guard;
        if !guard.asks() {
            if let Some(refused) = guard.refuse_proxied(&request, &self.site) {
                return Ok(refused);
            }
            let is_stream = guard::is_stream(&request, &self.site);
            let response = self.dispatch(request).await?;
            return Ok(if is_stream {
                guard.until_asked(response)
            } else {
                response
            });
        }
        let query = request.uri().query().map(str::to_owned);
        let mut response = match guard.admit(&request, &self.site, peer.ip()) {
            Ok(pass) => {
                request.extensions_mut().insert(Peer(peer));
                request.extensions_mut().insert(pass.shown());
                pass.stamp(self.dispatch(request).await?)
            }
            Err(refusal) => *refusal,
        };
        guard::keep_quiet(query.as_deref(), &mut response);
        Ok(response)
    }

    async fn dispatch<B>(&self, request: Request<B>) -> Result<Response, Infallible>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        if request.method() == Method::GET
            && let Some((_, page)) = self.pages.iter().find(|(path, _)| path == request.uri().path())
        {
            return page.clone().call(request).await;
        }
        self.router.clone().call(request).await
    }
}

/// One page as a service, so that it can be measured like everything behind the router.
#[derive(Clone)]
struct Page {
    site: Shared,
    subject: Subject,
}

impl<B> Service<Request<B>> for Page {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (request, _) = request.into_parts();
        let (site, subject) = (Shared::clone(&self.site), self.subject.clone());
        Box::pin(async move { Ok(page::answer(&site, subject, &request).await) })
    }
}

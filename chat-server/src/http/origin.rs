//! Decides which pages may use the chat.
//!
//! Browsers let any page open websockets to any server and send it requests whose answers the page cannot read. They
//! name the page's origin in `Origin`. [`OriginGuard`] stands in front of the transport and accepts requests from the
//! server's own page, from allowed pages, and from programs without a page.

mod allowed;
mod authority;
mod cors;
mod rules;

use std::convert::Infallible;
use std::future::ready;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::middleware::{Next, from_fn};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use serde_json::{Value as Json, json};
use tokio::time::Instant;
use tower::Service;

use allowed::Allowed;
pub use allowed::{AllowedHost, AllowedHostError, AllowedOrigin, AllowedOriginError};
use cors::Cors;
pub(crate) use cors::keep as keep_cors;
pub(crate) use rules::Rules;
use rules::Verdict;

use crate::http::trusted_proxy::{TrustedProxies, Way};
use crate::socketio::client_address::ClientAddress;

/// The minimum time between two log lines about refusals of one kind.
const PAUSE: Duration = Duration::from_secs(60);

/// Engine.IO's error code for "forbidden".
const FORBIDDEN: u8 = 4;

/// The methods that the transport takes.
const TRANSPORT: HeaderValue = HeaderValue::from_static("GET, POST");

/// The methods that the API takes.
const API: HeaderValue = HeaderValue::from_static("GET, POST, PATCH, DELETE");

type ResponseFuture = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// Decides which pages may use a server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Origins(Arc<Guard>);

/// Passes requests to a service only from pages that may use it.
#[derive(Clone)]
pub(crate) struct OriginGuard<S> {
    inner: S,
    origins: Origins,
}

struct Guard {
    rules: Rules,
    proxies: TrustedProxies,
    /// Whether the server listens on a loopback address.
    local: bool,
    /// When a refusal was last logged: of a page, and of a host.
    said: [Mutex<Option<Instant>>; 2],
}

impl Origins {
    /// Returns the rules of a server that listens on this address, if the address is known.
    pub(crate) fn new(rules: Rules, proxies: TrustedProxies, listening: Option<IpAddr>) -> Self {
        let local = listening.is_some_and(rules::is_local);
        Self(Arc::new(Guard { rules, proxies, local, said: Default::default() }))
    }

    /// Lets an allowed page of another origin read an answer that is given before its request reaches the
    /// [guard](OriginGuard).
    pub(crate) fn answered_early<B>(
        &self,
        request: &Request<B>,
        way: Way,
        response: Response<Body>,
    ) -> Response<Body> {
        match self.0.rules.judge(request.headers(), way, self.0.local) {
            // Only after the answer to this preflight does a browser send the request that gets the other answer.
            Verdict::Foreign(allowed) if cors::is_preflight(request) => {
                preflight(request, allowed, TRANSPORT)
            }
            Verdict::Foreign(allowed) => {
                let mut response = response;
                Cors::of(request, allowed).add_to(response.headers_mut());
                response
            }
            _ => response,
        }
    }
}

impl Origins {
    /// Lets only requests through to these routes whose page may use the server.
    pub(crate) fn guard<S: Clone + Send + Sync + 'static>(self, router: Router<S>) -> Router<S> {
        router.layer(from_fn(move |request: Request<Body>, next: Next| {
            let origins = self.clone();
            async move { origins.pass(request, |request| next.run(request)).await }
        }))
    }

    /// Passes a request on to `next` if its page may use the server.
    pub(crate) async fn pass<F: Future<Output = Response<Body>>>(
        &self,
        mut request: Request<Body>,
        next: impl FnOnce(Request<Body>) -> F,
    ) -> Response<Body> {
        let guard = &self.0;
        let way = guard.identify(&mut request);
        match guard.rules.judge(request.headers(), way, guard.local) {
            Verdict::Own => next(request).await,
            Verdict::Foreign(allowed) if cors::is_preflight(&request) => {
                preflight(&request, allowed, API)
            }
            Verdict::Foreign(allowed) => {
                let cors = Cors::of(&request, allowed);
                let mut response = next(request).await;
                cors.add_to(response.headers_mut());
                response
            }
            refused => guard.refuse(&refused, &"forbidden".into()),
        }
    }
}

impl<S> OriginGuard<S> {
    pub(crate) fn new(inner: S, origins: Origins) -> Self {
        Self { inner, origins }
    }
}

impl<S> Service<Request<Body>> for OriginGuard<S>
where
    S: Service<
            Request<Body>,
            Response = Response<Body>,
            Error = Infallible,
            Future = ResponseFuture,
        >,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> ResponseFuture {
        let guard = &self.origins.0;
        let way = guard.identify(&mut request);
        match guard.rules.judge(request.headers(), way, guard.local) {
            Verdict::Own => self.inner.call(request),
            Verdict::Foreign(allowed) => {
                if cors::is_preflight(&request) {
                    return Box::pin(ready(Ok(preflight(&request, allowed, TRANSPORT))));
                }
                let cors = Cors::of(&request, allowed);
                let response = self.inner.call(request);
                Box::pin(async move {
                    let mut response = response.await?;
                    cors.add_to(response.headers_mut());
                    Ok(response)
                })
            }
            refused => Box::pin(ready(Ok(guard.refuse(&refused, &FORBIDDEN.into())))),
        }
    }
}

/// Returns the answer to a preflight request for something that takes these methods.
fn preflight<B>(request: &Request<B>, allowed: Allowed, methods: HeaderValue) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    *response.headers_mut() = Cors::of(request, allowed).preflight(request, methods);
    response
}

impl Guard {
    /// Returns the way that the request has come. Also adds the client's address for an application that
    /// serves the router itself with axum's `ConnectInfo`.
    fn identify(&self, request: &mut Request<Body>) -> Way {
        let extensions = request.extensions();
        if extensions.get::<ClientAddress>().is_some() {
            return extensions.get().copied().unwrap_or(Way::Direct);
        }
        let Some(&ConnectInfo(peer)) = extensions.get::<ConnectInfo<SocketAddr>>() else {
            return Way::Direct;
        };
        let peer = peer.ip().to_canonical();
        let client = self.proxies.forwarded_for(peer, request.headers());
        request.extensions_mut().insert(ClientAddress(client.unwrap_or(peer)));
        if client.is_some() { Way::Proxied } else { Way::Direct }
    }

    /// Says why a page is refused, to it and in the log. `code` is the reason for programs.
    fn refuse(&self, refused: &Verdict, code: &Json) -> Response<Body> {
        let (kind, message) = match refused {
            Verdict::HostRefused(host) => {
                let name = host.as_ref().map_or("NAME", |host| &host.host);
                let message = format!(
                    "this server is not known by the name {name:?}; if it is its name, start it with \
                     --allowed-host {name}, and if a proxy asks for it, with --trusted-proxy ADDRESS"
                );
                (1, message)
            }
            Verdict::ForeignRefused(Some(origin)) => {
                let host = &origin.authority.host;
                let port = origin.authority.port.map(|port| format!(":{port}")).unwrap_or_default();
                let origin = format!("{}://{host}{port}", origin.scheme);
                let message = format!(
                    "pages of {origin} may not use this server; start it with --allowed-origin {origin} if \
                     they may, and with --trusted-proxy ADDRESS if a proxy serves it there"
                );
                (0, message)
            }
            _ => (0, "pages without an origin of their own may not use this server".to_owned()),
        };
        self.say(kind, &message);
        let body = json!({ "code": code, "message": message });
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = StatusCode::FORBIDDEN;
        let content_type = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        response
    }

    fn say(&self, kind: usize, message: &str) {
        let Some(said) = self.said.get(kind) else { return };
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_none_or(|said| said.elapsed() >= PAUSE) {
            *said = Some(Instant::now());
            tracing::warn!("refused: {message}");
        }
    }
}

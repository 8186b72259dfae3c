//! Which pages may use the chat.
//!
//! Browsers let any page open websockets to any server, and send it requests whose answers the page cannot read.
//! They say which page it is, in `Origin`. [`OriginGuard`] stands in front of the transport and lets through what
//! comes from the server's own page, from a page that is allowed, or from no page.

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

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::header::{CONTENT_TYPE, ORIGIN};
use http::{HeaderValue, Request, Response, StatusCode};
use serde_json::json;
use tokio::time::Instant;
use tower::Service;

pub use allowed::{AllowedHost, AllowedHostError, AllowedOrigin, AllowedOriginError};
use cors::Cors;
pub(crate) use rules::Rules;
use rules::Verdict;

use crate::http::trusted_proxy::{Proxied, TrustedProxies};
use crate::socketio::client_address::ClientAddress;

/// How often refusals are said in the log, at the most, each kind of them.
const PAUSE: Duration = Duration::from_secs(60);

/// What Engine.IO calls forbidden.
const FORBIDDEN: u8 = 4;

type ResponseFuture = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// Lets requests through to a service only from pages that may use it.
#[derive(Clone)]
pub(crate) struct OriginGuard<S> {
    inner: S,
    guard: Arc<Guard>,
}

struct Guard {
    rules: Rules,
    proxies: TrustedProxies,
    /// Whether the server listens on a loopback address.
    local: bool,
    /// When a refusal was last said in the log: of a page, and of a host.
    said: [Mutex<Option<Instant>>; 2],
}

impl<S> OriginGuard<S> {
    /// A guard of a server that listens on this address, where that is known.
    pub(crate) fn new(
        inner: S,
        rules: Rules,
        proxies: TrustedProxies,
        listening: Option<IpAddr>,
    ) -> Self {
        let local = listening.is_some_and(rules::is_local);
        Self { inner, guard: Arc::new(Guard { rules, proxies, local, said: Default::default() }) }
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
        let proxied = self.guard.identify(&mut request);
        match self.guard.rules.judge(request.headers(), proxied, self.guard.local) {
            Verdict::Own => self.inner.call(request),
            Verdict::Foreign(allowed) => {
                let origin = request.headers().get(ORIGIN).cloned();
                let cors = Cors::new(origin.unwrap_or(HeaderValue::from_static("null")), allowed);
                if cors::is_preflight(&request) {
                    let mut response = Response::new(Body::empty());
                    *response.status_mut() = StatusCode::NO_CONTENT;
                    *response.headers_mut() = cors.preflight(&request);
                    return Box::pin(ready(Ok(response)));
                }
                let response = self.inner.call(request);
                Box::pin(async move {
                    let mut response = response.await?;
                    cors.add_to(response.headers_mut());
                    Ok(response)
                })
            }
            refused => Box::pin(ready(Ok(self.guard.refuse(&refused)))),
        }
    }
}

impl Guard {
    /// Whether a trusted proxy has passed the request on. An application that serves the router itself with
    /// axum's `ConnectInfo` is helped to know the client as well.
    fn identify(&self, request: &mut Request<Body>) -> bool {
        let extensions = request.extensions();
        if extensions.get::<ClientAddress>().is_some() {
            return extensions.get::<Proxied>().is_some();
        }
        let Some(&ConnectInfo(peer)) = extensions.get::<ConnectInfo<SocketAddr>>() else {
            return false;
        };
        let peer = peer.ip().to_canonical();
        let client = self.proxies.forwarded_for(peer, request.headers());
        request.extensions_mut().insert(ClientAddress(client.unwrap_or(peer)));
        client.is_some()
    }

    fn refuse(&self, refused: &Verdict) -> Response<Body> {
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
        let body = json!({ "code": FORBIDDEN, "message": message });
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

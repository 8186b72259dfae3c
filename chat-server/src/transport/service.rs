use std::borrow::Cow;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use socketioxide::service::SocketIoService;
use socketioxide::socket::Sid;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;
use tungstenite::handshake::derive_accept_key;

use super::Link;
use super::registry::Registry;
use super::stream::LinkedStream;

/// Stands between the packets of a polling response.
const SEPARATOR: u8 = 0x1e;

/// The service of socketioxide, with nothing behind it.
type Inner = SocketIoService<engineioxide::service::NotFoundService>;

/// Stands in front of the service of socketioxide, and does for each connection what socketioxide does not:
/// back-pressure in both directions, an end for clients that read nothing, and what
/// [`recovery`](crate::recovery) has to add to the reply to a CONNECT.
///
/// It is mounted in the place of the other:
/// `Router::new().route_service("/socket.io/", TransportService::new(service, …))`.
#[derive(Clone)]
pub struct TransportService {
    inner: Inner,
    registry: Arc<Registry>,
    /// The websockets that are open.
    streams: TaskTracker,
    /// No connection is opened any more.
    closing: CancellationToken,
    /// How long a client may read nothing.
    patience: Duration,
}

impl TransportService {
    /// A service in front of `inner`. A client that reads nothing for `patience` while something is to
    /// be written to it is given up; take the sum of `ping_interval` and `ping_timeout`.
    pub fn new(inner: Inner, patience: Duration) -> Self {
        let closing = CancellationToken::new();
        let streams = TaskTracker::new();
        Self { inner, registry: Arc::default(), streams, closing, patience }
    }

    /// Opens no further connections: clients are told to come back later.
    pub fn refuse_new(&self) {
        self.closing.cancel();
    }

    /// Ends all connections, so that clients connect again by themselves. What was sent to them before
    /// is still written; returns when it is. A client that does not take it is given up by the caller:
    /// this is cancel safe.
    pub async fn close_all(&self) {
        self.refuse_new();
        self.registry.close_all();
        self.streams.close();
        self.streams.wait().await;
    }

    async fn respond(mut self, mut request: Request<Body>) -> Response<Body> {
        let query = Query::of(&request);
        let known = query.sid.as_deref().and_then(|sid| self.registry.find(sid));
        if query.sid.is_none() && self.closing.is_cancelled() {
            return unavailable();
        }
        if query.websocket {
            let link = known.unwrap_or_else(|| {
                let link = Arc::new(Link::websocket());
                self.registry.add_websocket(&link);
                link
            });
            return match accept(&request) {
                Some(accept) => self.upgrade(request, link, accept),
                None => self.forward(request).await,
            };
        }
        match (known, request.method().clone()) {
            (Some(link), Method::GET) => {
                let (mut parts, body) = tokio::select! {
                    // What is there is sent before the end.
                    biased;
                    response = self.forward(request) => response.into_parts(),
                    () = link.closed() => return unavailable(),
                };
                // Set anew from what is sent.
                parts.headers.remove(CONTENT_LENGTH);
                let body = whole(body).await;
                link.sent(packets(&body).count());
                link.has_drained();
                Response::from_parts(parts, completed(&link, body))
            }
            (Some(link), _) => {
                poll_fn(|context| link.poll_may_read(context)).await;
                self.forward(request).await
            }
            (None, _) => {
                let link = Arc::<Link>::default();
                request.extensions_mut().insert(Arc::clone(&link));
                let (parts, body) = self.forward(request).await.into_parts();
                let body = whole(body).await;
                if let Some(sid) = opened(&body) {
                    self.registry.add_polling(&sid, &link);
                }
                Response::from_parts(parts, Body::from(body))
            }
        }
    }

    /// Has socketioxide answer.
    async fn forward(&mut self, request: Request<Body>) -> Response<Body> {
        let Ok(response) = Service::<Request<Body>>::call(&mut self.inner, request).await;
        response.map(Body::new)
    }

    /// Answers the upgrade itself, to give socketioxide a stream that the link watches.
    fn upgrade(
        mut self,
        mut request: Request<Body>,
        link: Arc<Link>,
        accept: HeaderValue,
    ) -> Response<Body> {
        let upgraded = hyper::upgrade::on(&mut request);
        let mut request = let_go_of_buffer(request.map(|_| ()));
        request.extensions_mut().insert(Arc::clone(&link));
        tokio::spawn(async move {
            // It fails when the client has gone meanwhile.
            let Ok(upgraded) = upgraded.await else { return };
            let open = self.streams.token();
            let stream = LinkedStream::new(TokioIo::new(upgraded), link, self.patience, open);
            if let Err(error) = self.inner.call((stream, request)).await {
                tracing::debug!("a websocket was not accepted: {error}");
            }
        });
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        response
    }
}

impl Service<Request<Body>> for TransportService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move { Ok(this.respond(request).await) })
    }
}

/// What the query of an Engine.IO request says; see the
/// [protocol](https://github.com/socketio/engine.io-protocol).
struct Query {
    websocket: bool,
    sid: Option<String>,
}

impl Query {
    fn of<B>(request: &Request<B>) -> Self {
        let query = request.uri().query().unwrap_or_default();
        let value = |name: &str| {
            query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        };
        Self {
            websocket: value("transport") == Some("websocket"),
            sid: value("sid").map(ToOwned::to_owned),
        }
    }
}

/// The answer to a websocket handshake that socketioxide will take for sure. For any other, socketioxide
/// says what is wrong with it.
fn accept<B>(request: &Request<B>) -> Option<HeaderValue> {
    let headers = request.headers();
    let query = request.uri().query()?;
    let sid = query.split('&').find_map(|pair| pair.strip_prefix("sid="));
    let valid = request.method() == Method::GET
        && headers.get(UPGRADE)?.as_bytes().eq_ignore_ascii_case(b"websocket")
        && headers.get(SEC_WEBSOCKET_VERSION)?.as_bytes() == b"13"
        && query.split('&').any(|pair| pair == "EIO=4")
        && sid.is_none_or(|sid| sid.parse::<Sid>().is_ok());
    let key = headers.get(SEC_WEBSOCKET_KEY)?;
    valid.then(|| HeaderValue::try_from(derive_accept_key(key.as_bytes())).ok()).flatten()
}

/// The same request in memory of its own. What hyper has read is a part of its buffer of several KiB, and
/// socketioxide keeps the request for as long as the connection lasts.
fn let_go_of_buffer(mut request: Request<()>) -> Request<()> {
    for value in request.headers_mut().values_mut() {
        if let Ok(mut copy) = HeaderValue::from_bytes(value.as_bytes()) {
            copy.set_sensitive(value.is_sensitive());
            *value = copy;
        }
    }
    if let Ok(uri) = request.uri().to_string().parse() {
        *request.uri_mut() = uri;
    }
    request
}

/// All of a body. Those of Engine.IO are there already.
async fn whole(body: Body) -> Bytes {
    body.collect().await.map(|body| body.to_bytes()).unwrap_or_default()
}

/// The packets of a polling response, see the
/// [protocol](https://github.com/socketio/engine.io-protocol#packet-encoding).
fn packets(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    body.split(|&byte| byte == SEPARATOR)
}

/// A polling response with those packets completed that the link has something to add to.
fn completed(link: &Link, body: Bytes) -> Body {
    let mut changed = false;
    let packets: Vec<Cow<'_, [u8]>> = packets(&body)
        .map(|packet| match std::str::from_utf8(packet).ok().and_then(|text| link.complete(text)) {
            Some(completed) => {
                changed = true;
                completed.into_bytes().into()
            }
            None => packet.into(),
        })
        .collect();
    if changed { Body::from(packets.join(&SEPARATOR)) } else { Body::from(body) }
}

/// The session id in the packet with which Engine.IO opens a polling connection.
fn opened(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Open {
        sid: String,
    }
    let json = body.strip_prefix(b"0")?;
    serde_json::from_slice::<Open>(json).ok().map(|open| open.sid)
}

/// The answer while the server stops. A client tries again, here or at another node.
fn unavailable() -> Response<Body> {
    let mut response = Response::new(Body::from("the server is stopping; connect again"));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, text);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_in_memory_of_its_own_says_the_same() {
        let read = Bytes::from_static(b"/socket.io/?EIO=4&transport=websocket token");
        let mut secret = HeaderValue::from_maybe_shared(read.slice(38..)).unwrap();
        secret.set_sensitive(true);
        let request = Request::get(http::Uri::from_maybe_shared(read.slice(..37)).unwrap())
            .header("authorization", secret)
            .header("cookie", "a=1")
            .header("cookie", "b=2")
            .body(())
            .unwrap();
        let (expected, headers) = (request.uri().clone(), request.headers().clone());
        let request = let_go_of_buffer(request);
        assert_eq!((request.uri(), request.headers()), (&expected, &headers));
        assert!(request.headers()["authorization"].is_sensitive());
        let value = request.headers()["authorization"].as_bytes().as_ptr_range();
        assert!(!read.as_ptr_range().contains(&value.start), "it is a copy");
    }
}

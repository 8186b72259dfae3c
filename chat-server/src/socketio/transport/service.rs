use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::BytesMut;
use futures_util::FutureExt;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use socketioxide::service::SocketIoService;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use super::Link;
use super::admission::Admissions;
use super::body::PacedBody;
use super::budget::Budget;
use super::counters::TransportCounters;
use super::full::Full;
use super::oversize::ShrunkBody;
use super::payload;
use super::polling::{self, Refused};
use super::registry::Registry;
use super::stream::{LinkedStream, StreamLimits};
use super::upgrade::{self, UPGRADE_PATIENCE};
use super::websocket::Websocket;
use super::write_multiplexer::{Stream, WriteMultiplexer};
use crate::engine::limits::Limits;
use crate::engine::rate::Rate;
use crate::socketio::client_address::ClientAddress;

/// The number of header bytes that a connection may have without using the budget: more than browsers send.
const FREE_HEADER_BYTES: usize = 2 * 1024;

/// The first ping of a connection arrives at once. This timeout covers the case that it never does.
const PING_PATIENCE: Duration = Duration::from_secs(1);

/// The service of socketioxide, with no service behind it.
type Inner = SocketIoService<engineioxide::service::NotFoundService>;

/// Wraps the service of socketioxide and adds what it lacks: back-pressure in both directions, disconnecting clients
/// that read nothing, and the additions of [`recovery`](crate::recovery) to the reply to a CONNECT.
///
/// Mount it in place of the wrapped service: `Router::new().route_service("/socket.io/",
/// TransportService::new(service, …))`.
#[derive(Clone)]
pub struct TransportService {
    inner: Inner,
    registry: Arc<Registry>,
    admissions: Arc<Admissions>,
    /// The rate at which a client may send packets.
    rate: Option<Rate>,
    /// The open websockets.
    streams: TaskTracker,
    /// Cancelled once no more connections are opened.
    closing: CancellationToken,
    limits: StreamLimits,
}

impl TransportService {
    /// Wraps `inner`, which must use socketioxide's default parser. Clients with MessagePack work too; `inner` sees
    /// their packets as JSON. A client that reads nothing for `patience` while data waits for it is disconnected; use
    /// the sum of `ping_interval` and `ping_timeout`. The number of connections and the rate of packets follow
    /// [`Limits::default`], unless [`with_limits`](Self::with_limits) sets others.
    pub fn new(inner: Inner, patience: Duration) -> Self {
        let closing = CancellationToken::new();
        let streams = TaskTracker::new();
        let limits = Limits::default();
        let (admissions, rate) = (Arc::new(Admissions::new(&limits)), limits.event_rate());
        let limits = stream_limits(patience, &limits);
        Self { inner, registry: Arc::default(), admissions, rate, streams, closing, limits }
    }

    /// Sets other limits for connections. Call it before the service is used.
    pub fn with_limits(self, limits: &Limits) -> Self {
        let (admissions, rate) = (Arc::new(Admissions::new(limits)), limits.event_rate());
        Self { admissions, rate, limits: stream_limits(self.limits.patience, limits), ..self }
    }

    /// Stops opening connections: new clients are told to come back later.
    pub fn refuse_new(&self) {
        self.closing.cancel();
    }

    /// Returns the number of sessions: polled ones, websockets, and of both those that have not connected yet.
    pub(crate) fn sessions(&self) -> [usize; 3] {
        self.admissions.sessions()
    }

    /// Returns the maximum number of sessions, and of those that have not connected.
    pub(crate) fn max_sessions(&self) -> [usize; 2] {
        self.admissions.max_sessions()
    }

    pub(crate) fn counters(&self) -> &TransportCounters {
        self.admissions.counters()
    }

    /// Returns the memory that clients share in bytes, and how much of it they may take: that for large packets, and
    /// that for data that clients do not read.
    pub(crate) fn budgets(&self) -> [(usize, usize); 2] {
        [self.limits.budget.state(), self.limits.unsent.state()]
    }

    /// Ends all connections so that clients reconnect by themselves. Returns when everything sent before has been
    /// written. Cancel safe: drop the call to give up on clients that do not read.
    pub async fn close_all(&self) {
        self.refuse_new();
        self.registry.close_all();
        self.streams.close();
        self.streams.wait().await;
    }

    async fn respond(self, request: Request<Body>) -> Response<Body> {
        // Nothing else reaches Engine.IO, which is more lenient in places: a request that it accepted and this
        // service did not would bypass everything here.
        let query = match Query::of(&request) {
            Ok(query) => query,
            Err(refused) => return refused.response(),
        };
        let Some(sid) = query.sid else {
            return self.open(request, query.websocket).await;
        };
        let link = match self.registry.find(&sid) {
            Some(link) if !link.is_closed() => link,
            _ => return self.gone(),
        };
        match (query.websocket, request.method()) {
            _ if !link.stage.is_polled() => Refused::Request.response(),
            (true, _) => self.upgrade(request, link, &sid),
            (false, &Method::GET) => self.poll(request, &link).await,
            (false, &Method::POST) => {
                let service = self.clone();
                let response = self.post(request, &link).await;
                if link.is_closed() { service.gone() } else { response }
            }
            _ => Refused::Method.response(),
        }
    }

    /// Opens a connection, if there is a slot for it.
    async fn open(self, request: Request<Body>, websocket: bool) -> Response<Body> {
        if self.closing.is_cancelled() {
            return polling::unavailable();
        }
        if request.method() != Method::GET {
            return Refused::Method.response();
        }
        let response = if websocket { upgrade::accept(&request) } else { None };
        if websocket && response.is_none() {
            return Refused::Request.response();
        }
        let admission = match self.admissions.admit(ClientAddress::of(request.extensions())) {
            Ok(admission) => admission,
            Err(full) => return polling::full(full),
        };
        let link = if websocket { Link::websocket() } else { Link::default() };
        let unsent = Some(Arc::clone(&self.limits.unsent));
        let link = link.with_rate(self.rate).with_max_attachments(self.limits.max_attachments);
        let link = link.admitted(admission, unsent);
        let link = Arc::new(link.polled_by(request.headers()));
        if link.is_closed() {
            return polling::unavailable();
        }
        let bytes = header_bytes(&request);
        if bytes > FREE_HEADER_BYTES {
            match self.limits.budget.take(link.address(), bytes) {
                Some(room) => link.keep(room),
                None => {
                    self.admissions.counters().refused(Full::Headers);
                    return polling::full(Full::Headers);
                }
            }
        }
        self.admissions.opened(&link);
        let Some(response) = response else {
            return self.open_polling(request, &link).await;
        };
        self.registry.add_websocket(&link);
        self.with_stream(request, link, None);
        response
    }

    async fn open_polling(self, request: Request<Body>, link: &Arc<Link>) -> Response<Body> {
        let mut request = let_go_of_buffer(request.map(|_| Body::empty()));
        request.extensions_mut().insert(Arc::clone(link));
        let (path, service) = (request.uri().path().to_owned(), self.clone());
        let (mut parts, body) = self.forward(request).await.into_parts();
        // Set again from what is sent.
        parts.headers.remove(CONTENT_LENGTH);
        let body = polling::whole(body).await;
        let (body, sid) = polling::opened(body, service.limits.max_packet_bytes);
        if let Some(sid) = sid {
            service.registry.add_polling(&sid, link);
            let uri = polling_uri(&path, &sid);
            service.clone().answer_first_ping(&uri).await;
            link.on_packet(move |packet| service.insert(&uri, packet));
        }
        Response::from_parts(parts, Body::from(body))
    }

    /// Takes the first ping of a polled connection and answers it: Engine.IO sends it at once, but by the protocol it
    /// is due after one ping interval.
    async fn answer_first_ping(self, uri: &str) {
        const PONG: &str = "3";
        let poll = Request::get(uri).body(Body::empty());
        let pong = Request::post(uri).body(Body::from(PONG));
        let (Ok(poll), Ok(pong)) = (poll, pong) else { return };
        // Nothing else can be there: the client does not know yet where to send anything.
        let pinged = async { polling::whole(self.clone().forward(poll).await.into_body()).await };
        if timeout(PING_PATIENCE, pinged).await.is_ok() {
            self.forward(pong).await;
        }
    }

    /// Gives Engine.IO a packet as if the polled client had sent it.
    fn insert(&self, uri: &str, packet: Vec<u8>) {
        let request = Request::post(uri).body(Body::from(packet));
        // Without a runtime nothing is served any more.
        if let (Ok(request), Ok(runtime)) = (request, Handle::try_current()) {
            runtime.spawn(self.clone().forward(request));
        }
    }

    /// Waits for packets for the client.
    async fn poll(self, request: Request<Body>, link: &Arc<Link>) -> Response<Body> {
        let service = self.clone();
        let poll = link.begin_poll();
        let (mut parts, body) = tokio::select! {
            // Pending packets are sent before the end.
            biased;
            response = self.forward(request) => response.into_parts(),
            () = link.closed() => return service.gone(),
            () = link.stage.poll_is_over() => {
                poll.end();
                return polling::noop();
            }
        };
        // Set again from what is sent.
        parts.headers.remove(CONTENT_LENGTH);
        let body = polling::whole(body).await;
        if !parts.status.is_success() || (body.is_empty() && link.is_closed()) {
            return service.gone();
        }
        link.outgoing.sent(payload::packets(&body).count());
        link.outgoing.note_drained(true);
        parts.extensions.insert(poll.answered());
        Response::from_parts(parts, Body::from(polling::completed(link, body)))
    }

    /// Receives packets from a client.
    async fn post(self, request: Request<Body>, link: &Arc<Link>) -> Response<Body> {
        let StreamLimits { patience, max_packet_bytes, budget, .. } = self.limits.clone();
        let request = request.map(|body| {
            let body = ShrunkBody::new(body, max_packet_bytes, budget, Arc::clone(link));
            Body::new(PacedBody::new(Body::new(body), link, patience))
        });
        let response = self.forward(request).await;
        // Engine.IO says less, or the code as a text.
        if response.status() == StatusCode::BAD_REQUEST {
            return Refused::Request.response();
        }
        response
    }

    /// Returns the answer to a request for a connection that is gone.
    fn gone(&self) -> Response<Body> {
        if self.closing.is_cancelled() {
            return polling::unavailable();
        }
        Refused::Session.response()
    }

    /// Passes a request to socketioxide.
    async fn forward(mut self, request: Request<Body>) -> Response<Body> {
        let Ok(response) = Service::<Request<Body>>::call(&mut self.inner, request).await;
        response.map(Body::new)
    }

    /// Lets a polled client try a websocket, and moves it there when that works. Engine.IO is told only then: a
    /// websocket that breaks before, as behind some proxies, changes nothing.
    fn upgrade(self, request: Request<Body>, link: Arc<Link>, sid: &str) -> Response<Body> {
        match upgrade::accept(&request).filter(|_| link.stage.begin_probe()) {
            Some(response) => {
                let uri = polling_uri(request.uri().path(), sid);
                self.with_stream(request, link, Some(uri));
                response
            }
            None => Refused::Request.response(),
        }
    }

    /// Returns the stream that the polled client has moved its connection to, if it has. The client polls `uri` until
    /// then.
    async fn moved(
        &self,
        stream: Option<impl Stream>,
        link: &Link,
        uri: &str,
    ) -> Option<WriteMultiplexer> {
        let probe = async {
            let mut stream = stream?;
            upgrade::probe(&mut stream, link).await.ok()?;
            Some(stream)
        };
        let stream = tokio::select! {
            probed = timeout(UPGRADE_PATIENCE, probe) => probed.ok().flatten(),
            () = link.closed() => None,
        };
        link.end_probe(stream.is_some());
        let stream = stream?;
        // Engine.IO ends a session for two polls at once. All of them end soon; this is for one that does not.
        let _ = timeout(UPGRADE_PATIENCE, link.stage.polls_have_ended()).await;
        let ahead = self.left_for_next_poll(link, uri);
        Some(WriteMultiplexer::upgraded(stream, upgrade::SENT, upgrade::ANSWERED, ahead))
    }

    /// Returns the frames of packets that the next poll would get.
    ///
    /// If Engine.IO's packets are too large for one poll, it takes one from its queue that it then keeps for the
    /// next, and forgets when the connection moves to a websocket.
    fn left_for_next_poll(&self, link: &Link, uri: &str) -> BytesMut {
        let mut frames = BytesMut::new();
        while let Ok(request) = Request::get(uri).body(Body::empty())
            // It waits only if nothing is kept.
            && let Some(response) = self.clone().forward(request).now_or_never()
            && response.status().is_success()
            && let Some(body) = polling::whole(response.into_body()).now_or_never()
            && !body.is_empty()
        {
            link.outgoing.sent(payload::packets(&body).count());
            polling::put_frames(&polling::completed(link, body), &mut frames);
        }
        frames
    }

    /// Gives socketioxide the stream of a request that is answered with an upgrade, watched by the link. A client that
    /// is polled at a URI has to move to it first.
    fn with_stream(mut self, mut request: Request<Body>, link: Arc<Link>, polled: Option<String>) {
        let upgraded = hyper::upgrade::on(&mut request);
        let mut request = let_go_of_buffer(request.map(|_| ()));
        let websocket = Websocket::of(Arc::clone(&link));
        request.extensions_mut().insert(Arc::clone(&link));
        request.extensions_mut().insert(Arc::clone(&websocket));
        tokio::spawn(async move {
            let open = self.streams.token();
            // It fails if the client is gone meanwhile.
            let stream = upgraded.await.ok().map(TokioIo::new);
            // Boxed, because this lives as long as the connection and socketioxide reserves space for the stream in
            // several places.
            let multiplexer = match polled {
                Some(uri) => Box::pin(self.moved(stream, &link, &uri)).await,
                None => stream.map(WriteMultiplexer::opened),
            };
            let Some(multiplexer) = multiplexer else { return };
            let stream =
                Box::new(LinkedStream::new(multiplexer, websocket, self.limits.clone(), open));
            if let Err(error) = self.inner.call((stream, request)).await {
                tracing::debug!("a websocket was not accepted: {error}");
            }
        });
    }
}

fn stream_limits(patience: Duration, limits: &Limits) -> StreamLimits {
    let &Limits { max_packet_bytes, max_attachments, .. } = limits;
    let what = "large packets that are not whole yet";
    let budget = Arc::new(Budget::new(what, limits.max_large_packets_bytes));
    let what = "what clients do not read";
    let unsent = Arc::new(Budget::new(what, limits.max_unsent_bytes));
    StreamLimits { patience, max_packet_bytes, max_attachments, budget, unsent }
}

/// Returns where Engine.IO is polled.
fn polling_uri(path: &str, sid: &str) -> String {
    format!("{path}?EIO=4&transport=polling&sid={sid}")
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
        Box::pin(async move {
            let mut response = this.respond(request).await;
            if response.status() != StatusCode::SWITCHING_PROTOCOLS {
                // Each answer is for one moment of one connection.
                let headers = response.headers_mut();
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            }
            Ok(response)
        })
    }
}

/// The query of an Engine.IO request; see the [protocol](https://github.com/socketio/engine.io-protocol).
#[derive(Debug, PartialEq, Eq)]
struct Query {
    websocket: bool,
    sid: Option<String>,
}

impl Query {
    fn of<B>(request: &Request<B>) -> Result<Self, Refused> {
        let query = request.uri().query().unwrap_or_default();
        let value = |name: &str| {
            query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        };
        let websocket = match value("transport") {
            Some("polling") => false,
            Some("websocket") => true,
            _ => return Err(Refused::Transport),
        };
        match value("EIO") {
            Some("4") => Ok(Self { websocket, sid: value("sid").map(ToOwned::to_owned) }),
            version => {
                tell_of_version(version);
                Err(Refused::Version)
            }
        }
    }
}

/// Returns the number of header bytes that socketioxide keeps for as long as it knows the connection.
fn header_bytes<B>(request: &Request<B>) -> usize {
    request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

/// Warns once about clients of another protocol version: people look for that in the log.
fn tell_of_version(version: Option<&str>) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    let version = version.filter(|version| version.len() <= 8).unwrap_or("unknown");
    if TOLD.swap(true, Ordering::Relaxed) {
        tracing::debug!(client.eio = version, "a client speaks another version of Engine.IO");
    } else {
        tracing::warn!(
            client.eio = version,
            "a client speaks another version of Engine.IO than 4 and was refused: it needs Socket.IO 3 or later, as \
             socket.io-client 3, or socket.io-client-java 2"
        );
    }
}

/// Copies the request into memory of its own. What hyper has read is part of its buffer of several KiB, and
/// socketioxide keeps the request for as long as the connection lasts.
fn let_go_of_buffer<B>(mut request: Request<B>) -> Request<B> {
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn what_engine_io_might_read_in_another_way_is_refused() {
        let query = |query: &str| Query::of(&Request::get(format!("/?{query}")).body(()).unwrap());
        let polling = Query { websocket: false, sid: Some("a".into()) };
        assert_eq!(query("EIO=4&transport=polling&sid=a&sid=b").ok(), Some(polling));
        assert!(query("EIO=4&transport=websocket").is_ok_and(|query| query.websocket));
        for text in ["", "EIO=4", "EIO=4&transport=websocket=", "EIO=4&transport=web%73ocket"] {
            assert!(matches!(query(text), Err(Refused::Transport)), "{text}");
        }
        for text in
            ["transport=polling", "EIO=4=&transport=polling", "EIO=3&EIO=4&transport=polling"]
        {
            assert!(matches!(query(text), Err(Refused::Version)), "{text}");
        }
    }

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

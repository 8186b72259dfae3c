use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
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
use super::admission::{Admissions, Full};
use super::body::PacedBody;
use super::budget::Budget;
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

/// So many bytes of headers a connection may have without room in the budget: more than browsers send.
const FREE_HEADER_BYTES: usize = 2 * 1024;

/// The first ping of a connection comes at once. This is for the case that it never does.
const PING_PATIENCE: Duration = Duration::from_secs(1);

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
    admissions: Arc<Admissions>,
    /// How often a client may send something.
    rate: Option<Rate>,
    /// The websockets that are open.
    streams: TaskTracker,
    /// No connection is opened any more.
    closing: CancellationToken,
    limits: StreamLimits,
}

impl TransportService {
    /// A service in front of `inner`, which has the parser that socketioxide comes with: clients with MessagePack are
    /// served too, and `inner` sees their packets as JSON. A client that reads nothing for `patience` while something
    /// is to be written to it is given up; take the sum of `ping_interval` and `ping_timeout`. How many connections there
    /// may be and how often each may send something says [`Limits::default`], unless it is
    /// [said otherwise](Self::with_limits).
    pub fn new(inner: Inner, patience: Duration) -> Self {
        let closing = CancellationToken::new();
        let streams = TaskTracker::new();
        let limits = Limits::default();
        let (admissions, rate) = (Arc::new(Admissions::new(&limits)), limits.event_rate());
        let limits = stream_limits(patience, &limits);
        Self { inner, registry: Arc::default(), admissions, rate, streams, closing, limits }
    }

    /// The same service with other limits for connections. To be called before it is used.
    pub fn with_limits(self, limits: &Limits) -> Self {
        let (admissions, rate) = (Arc::new(Admissions::new(limits)), limits.event_rate());
        Self { admissions, rate, limits: stream_limits(self.limits.patience, limits), ..self }
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

    async fn respond(self, request: Request<Body>) -> Response<Body> {
        // Nothing else reaches Engine.IO, which is more lenient in places: what it took and this did not would get
        // past all that is done here.
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
            _ if !link.is_polled() => Refused::Request.response(),
            (true, _) => self.upgrade(request, link),
            (false, &Method::GET) => self.poll(request, &link).await,
            (false, &Method::POST) => {
                let service = self.clone();
                let response = self.post(request, &link).await;
                if link.is_closed() { service.gone() } else { response }
            }
            _ => Refused::Method.response(),
        }
    }

    /// Opens a connection, if there is a place for it.
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
        let link = if websocket { Link::websocket() } else { Link::default() };
        let link = link.with_rate(self.rate).with_budget(Arc::clone(&self.limits.unsent));
        let link = Arc::new(link);
        match self.admissions.admit(ClientAddress::of(request.extensions())) {
            Ok(admission) => link.admit(admission),
            Err(full) => return polling::full(full),
        }
        if link.is_closed() {
            return polling::unavailable();
        }
        let bytes = header_bytes(&request);
        if bytes > FREE_HEADER_BYTES {
            match self.limits.budget.take(link.address(), bytes) {
                Some(room) => link.keep(room),
                None => return polling::full(Full::Headers),
            }
        }
        self.admissions.opened(&link);
        let Some(response) = response else {
            return self.open_polling(request, &link).await;
        };
        self.registry.add_websocket(&link);
        self.with_stream(request, link);
        response
    }

    async fn open_polling(self, request: Request<Body>, link: &Arc<Link>) -> Response<Body> {
        let mut request = let_go_of_buffer(request.map(|_| Body::empty()));
        request.extensions_mut().insert(Arc::clone(link));
        let (path, service) = (request.uri().path().to_owned(), self.clone());
        let (parts, body) = self.forward(request).await.into_parts();
        let body = polling::whole(body).await;
        let (body, sid) = polling::opened(body, service.limits.max_packet_bytes);
        if let Some(sid) = sid {
            service.registry.add_polling(&sid, link);
            let uri = format!("{path}?EIO=4&transport=polling&sid={sid}");
            service.clone().answer_first_ping(&uri).await;
            link.on_close(move || service.end(&uri));
        }
        Response::from_parts(parts, Body::from(body))
    }

    /// Takes the first ping of a connection that is polled, and answers it: Engine.IO sends it at once, and by the
    /// protocol it comes after the time between two of them.
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

    /// Has Engine.IO end a connection that is polled, as if the client had said so.
    fn end(&self, uri: &str) {
        const CLOSE: &str = "1";
        let request = Request::post(uri).body(Body::from(CLOSE));
        // Without a runtime nothing is served any more.
        if let (Ok(request), Ok(runtime)) = (request, Handle::try_current()) {
            runtime.spawn(self.clone().forward(request));
        }
    }

    /// Waits for something to tell the client.
    async fn poll(self, request: Request<Body>, link: &Arc<Link>) -> Response<Body> {
        let service = self.clone();
        let poll = link.begin_poll();
        let (mut parts, body) = tokio::select! {
            // What is there is sent before the end.
            biased;
            response = self.forward(request) => response.into_parts(),
            () = link.closed() => return service.gone(),
            () = link.poll_is_over() => {
                poll.end();
                return polling::noop();
            }
        };
        // Set anew from what is sent.
        parts.headers.remove(CONTENT_LENGTH);
        let body = polling::whole(body).await;
        if body.is_empty() && link.is_closed() {
            return service.gone();
        }
        link.sent(payload::packets(&body).count());
        link.has_drained(true);
        parts.extensions.insert(poll.answered());
        Response::from_parts(parts, polling::completed(link, body))
    }

    /// Takes the packets of a client.
    async fn post(self, request: Request<Body>, link: &Arc<Link>) -> Response<Body> {
        let StreamLimits { patience, max_packet_bytes, budget, .. } = self.limits.clone();
        let request = request.map(|body| {
            let body = ShrunkBody::new(
                body,
                max_packet_bytes,
                budget,
                link.address(),
                Arc::clone(link.encoding()),
                Arc::clone(link.namespaces()),
            );
            Body::new(PacedBody::new(Body::new(body), link, patience))
        });
        self.forward(request).await
    }

    /// The answer to a request for a connection that is gone.
    fn gone(&self) -> Response<Body> {
        if self.closing.is_cancelled() {
            return polling::unavailable();
        }
        Refused::Session.response()
    }

    /// Has socketioxide answer.
    async fn forward(mut self, request: Request<Body>) -> Response<Body> {
        let Ok(response) = Service::<Request<Body>>::call(&mut self.inner, request).await;
        response.map(Body::new)
    }

    /// Lets a client that is polled try a websocket, and has it move there when that works. Engine.IO is told when
    /// it has: a websocket that breaks before, as behind many a proxy, changes nothing.
    fn upgrade(self, request: Request<Body>, link: Arc<Link>) -> Response<Body> {
        match upgrade::accept(&request).filter(|_| link.begin_probe()) {
            Some(response) => {
                self.with_stream(request, link);
                response
            }
            None => Refused::Request.response(),
        }
    }

    /// Gives socketioxide the stream of a request that is answered with an upgrade. The link watches it.
    fn with_stream(mut self, mut request: Request<Body>, link: Arc<Link>) {
        let upgraded = hyper::upgrade::on(&mut request);
        let mut request = let_go_of_buffer(request.map(|_| ()));
        let websocket = Websocket::of(Arc::clone(&link));
        request.extensions_mut().insert(Arc::clone(&link));
        request.extensions_mut().insert(Arc::clone(&websocket));
        tokio::spawn(async move {
            let open = self.streams.token();
            // It fails when the client has gone meanwhile.
            let stream = upgraded.await.ok().map(TokioIo::new);
            // In boxes, for this is there as long as the connection, and socketioxide has room for the stream in
            // several places.
            let multiplexer = if link.is_polled() {
                Box::pin(moved(stream, &link)).await
            } else {
                stream.map(WriteMultiplexer::opened)
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
    let max_packet_bytes = limits.max_packet_bytes;
    let what = "large packets that are not whole yet";
    let budget = Arc::new(Budget::new(what, limits.max_large_packets_bytes));
    let what = "what clients do not read";
    let unsent = Arc::new(Budget::new(what, limits.max_unsent_bytes));
    StreamLimits { patience, max_packet_bytes, budget, unsent }
}

/// A stream to which the client has moved the connection that it polled before, if it has.
async fn moved(stream: Option<impl Stream>, link: &Link) -> Option<WriteMultiplexer> {
    let probe = async {
        let mut stream = stream?;
        upgrade::probe(&mut stream, link).await.ok()?;
        Some(WriteMultiplexer::upgraded(stream, upgrade::SENT, upgrade::ANSWERED))
    };
    let multiplexer = tokio::select! {
        probed = timeout(UPGRADE_PATIENCE, probe) => probed.ok().flatten(),
        () = link.closed() => None,
    };
    link.end_probe(multiplexer.is_some());
    multiplexer
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

/// What the query of an Engine.IO request says; see the
/// [protocol](https://github.com/socketio/engine.io-protocol).
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

/// How many bytes of headers socketioxide keeps, as long as it knows the connection.
fn header_bytes<B>(request: &Request<B>) -> usize {
    request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

/// Says once at the level of warnings that there are clients of another version: people look for that in the log.
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

/// The same request in memory of its own. What hyper has read is a part of its buffer of several KiB, and
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

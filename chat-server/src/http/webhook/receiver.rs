use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, USER_AGENT};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_util::task::AbortOnDropHandle;

use super::url::WebhookUrl;

/// How much of the body of an answer is read, to use the connection again.
const MAX_ANSWER: usize = 64 * 1024;

/// How long the body of an answer may take: whether it succeeded is known by then.
const ANSWER_PATIENCE: Duration = Duration::from_secs(1);

/// Who the receiver is told that asks.
const AGENT: &str = concat!("chat-server/", env!("CARGO_PKG_VERSION"));

/// Where a webhook sends to, with the connection that is open.
pub(super) struct Receiver {
    url: WebhookUrl,
    /// None for plain HTTP.
    tls: Option<Arc<ClientConfig>>,
    /// None while it is used, and if there is none.
    idle: Mutex<Option<ReceiverConnection>>,
}

/// The beginning of an answer.
pub(super) struct ReceiverAnswer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub(super) enum NoAnswer {
    #[error("the receiver cannot be reached")]
    Connect(#[source] io::Error),
    #[error("the TLS of the receiver is not accepted")]
    Tls(#[source] io::Error),
    #[error("the receiver breaks off")]
    Http(#[from] hyper::Error),
    #[error("the request cannot be made")]
    Request(#[from] http::Error),
}

struct ReceiverConnection {
    sender: SendRequest<Full<Bytes>>,
    /// Ends with it.
    _task: AbortOnDropHandle<()>,
}

impl Receiver {
    pub(super) fn new(url: WebhookUrl, tls: Option<Arc<ClientConfig>>) -> Self {
        Self { url, tls, idle: Mutex::new(None) }
    }

    pub(super) fn url(&self) -> &WebhookUrl {
        &self.url
    }

    /// Sends a body. Cancel safe: the connection is closed then.
    pub(super) async fn post(
        &self,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<ReceiverAnswer, NoAnswer> {
        if let Some(mut connection) = self.take_idle()
            && connection.sender.ready().await.is_ok()
        {
            let request = self.request(headers.clone(), body.clone())?;
            // Otherwise the receiver has closed it at the same time: a new one shows.
            if let Ok(answer) = connection.sender.send_request(request).await {
                return Ok(self.read(connection, answer).await);
            }
        }
        let mut connection = self.connect().await?;
        let request = self.request(headers, body)?;
        let answer = connection.sender.send_request(request).await?;
        Ok(self.read(connection, answer).await)
    }

    fn request(&self, headers: HeaderMap, body: Bytes) -> Result<Request<Full<Bytes>>, NoAnswer> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(self.url.path())
            .header(HOST, self.url.authority())
            .header(USER_AGENT, AGENT)
            .body(Full::new(body))?;
        request.headers_mut().extend(headers);
        Ok(request)
    }

    async fn connect(&self) -> Result<ReceiverConnection, NoAnswer> {
        let address = (self.url.host(), self.url.port());
        let stream = TcpStream::connect(address).await.map_err(NoAnswer::Connect)?;
        stream.set_nodelay(true).map_err(NoAnswer::Connect)?;
        let Some(tls) = &self.tls else {
            return ReceiverConnection::over(TokioIo::new(stream)).await;
        };
        let name = ServerName::try_from(self.url.host().to_owned());
        let name = name.map_err(|error| NoAnswer::Tls(io::Error::other(error)))?;
        let connector = TlsConnector::from(Arc::clone(tls));
        let stream = connector.connect(name, stream).await.map_err(NoAnswer::Tls)?;
        ReceiverConnection::over(TokioIo::new(stream)).await
    }

    /// Reads an answer to its end, and keeps the connection if it has one soon.
    async fn read(
        &self,
        connection: ReceiverConnection,
        answer: Response<Incoming>,
    ) -> ReceiverAnswer {
        let (head, body) = answer.into_parts();
        let read = timeout(ANSWER_PATIENCE, Limited::new(body, MAX_ANSWER).collect()).await;
        if matches!(read, Ok(Ok(_))) {
            *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
        }
        ReceiverAnswer { status: head.status, headers: head.headers }
    }

    fn take_idle(&self) -> Option<ReceiverConnection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ReceiverConnection {
    async fn over(stream: impl Read + Write + Unpin + Send + 'static) -> Result<Self, NoAnswer> {
        let (sender, connection) = http1::handshake(stream).await?;
        let task = tokio::spawn(async move {
            // Whoever sends on it learns of it.
            let _ = connection.await;
        });
        Ok(Self { sender, _task: AbortOnDropHandle::new(task) })
    }
}

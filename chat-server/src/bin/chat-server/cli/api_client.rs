//! A small client of the API: a connection for each request.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value as Json;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::api_tls::secure;

/// How long the server may take to accept a connection, and to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest answer in bytes: a page of history has less.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ServerUrl {
    /// `http://HOST:PORT` or `https://HOST:PORT` with its base path.
    Http {
        /// Whether it is HTTPS.
        is_secure: bool,
        /// Host and port.
        authority: String,
        /// Without a slash at the end.
        base_path: String,
    },
    /// `unix:PATH`
    Unix(PathBuf),
}

/// Asks a server in the name of a token.
#[derive(Clone)]
pub(super) struct ApiClient {
    url: ServerUrl,
    authorization: HeaderValue,
}

/// A request to a path below `/api/v1`.
pub(super) struct ApiRequest {
    method: Method,
    path: String,
    query: String,
    body: Option<Json>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// Why a request failed that may succeed when it is sent again.
#[derive(Debug, Error)]
#[error("{message}")]
pub(crate) struct TryAgain {
    message: String,
}

/// A refusal.
#[derive(Deserialize)]
struct Refused {
    code: String,
    message: String,
}

impl ApiRequest {
    /// Creates a request for a path of these parts.
    pub(super) fn new(method: Method, path: &[&str]) -> Self {
        let path = path.iter().map(|part| format!("/{}", encoded(part))).collect();
        Self { method, path, query: String::new(), body: None, headers: Vec::new() }
    }

    /// Adds a value to the query.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        let separator = if self.query.is_empty() { '?' } else { '&' };
        self.query += &format!("{separator}{name}={}", encoded(value));
        self
    }

    /// Adds a value to the query, if there is one.
    pub(super) fn with_some(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, &value.to_string()),
            None => self,
        }
    }

    pub(super) fn with_body(self, body: Json) -> Self {
        Self { body: Some(body), ..self }
    }

    /// Adds a header.
    ///
    /// # Errors
    /// When the value has control characters.
    pub(super) fn with_header(mut self, name: &'static str, value: &str) -> anyhow::Result<Self> {
        let value = HeaderValue::from_bytes(value.as_bytes());
        let value = value.with_context(|| format!("{name} must not have control characters"))?;
        self.headers.push((HeaderName::from_static(name), value));
        Ok(self)
    }
}

impl ApiClient {
    /// Creates a client with this token.
    ///
    /// # Errors
    /// When the token has characters that no token has.
    pub(super) fn new(url: ServerUrl, token: &str) -> anyhow::Result<Self> {
        let authorization = HeaderValue::from_str(&format!("Bearer {token}"));
        let mut authorization = authorization.context("the token is one line of text")?;
        authorization.set_sensitive(true);
        Ok(Self { url, authorization })
    }

    /// Sends a request, and returns the JSON of its answer.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub(super) async fn ask(&self, request: &ApiRequest) -> anyhow::Result<Json> {
        let answer = self.send(request).await?;
        let body = timeout(PATIENCE, Limited::new(answer.into_body(), MAX_ANSWER).collect()).await;
        let body = match body {
            Ok(Ok(body)) => body.to_bytes(),
            _ => return Err(self.try_again("broke off").into()),
        };
        serde_json::from_slice(&body).with_context(|| self.is_no_api())
    }

    /// Sends a request, and returns its answer if it is carried out.
    ///
    /// # Errors
    /// When it is not: [`TryAgain`] if it may be later.
    pub(super) async fn send(&self, request: &ApiRequest) -> anyhow::Result<Response<Incoming>> {
        let answered = timeout(PATIENCE, self.exchange(request)).await;
        let answer = match answered {
            Ok(answer) => answer?,
            Err(_) => return Err(self.try_again("does not answer").into()),
        };
        if answer.status().is_success() { Ok(answer) } else { Err(self.refusal(answer).await) }
    }

    async fn exchange(&self, request: &ApiRequest) -> anyhow::Result<Response<Incoming>> {
        let ApiRequest { method, path, query, body, headers } = request;
        let (authority, base_path) = match &self.url {
            ServerUrl::Http { authority, base_path, .. } => {
                (authority.as_str(), base_path.as_str())
            }
            ServerUrl::Unix(_) => ("localhost", ""),
        };
        let mut wire = Request::builder()
            .method(method)
            .uri(format!("{base_path}/api/v1{path}{query}"))
            .header(HOST, authority)
            .header(AUTHORIZATION, &self.authorization);
        for (name, value) in headers {
            wire = wire.header(name, value);
        }
        let body = body.as_ref().map(Json::to_string);
        if body.is_some() {
            wire = wire.header(CONTENT_TYPE, "application/json");
        }
        let wire = wire.body(Full::<Bytes>::from(body.unwrap_or_default()))?;
        match &self.url {
            ServerUrl::Http { is_secure, .. } => {
                let stream = self.reached(TcpStream::connect(authority).await)?;
                if !is_secure {
                    return self.over(stream, wire).await;
                }
                let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
                self.over(secure(host, stream).await?, wire).await
            }
            ServerUrl::Unix(path) => {
                self.over(self.reached(UnixStream::connect(path).await)?, wire).await
            }
        }
    }

    fn reached<S>(&self, stream: io::Result<S>) -> Result<S, TryAgain> {
        stream.map_err(|error| {
            let what = format!("cannot be reached ({error}); is it running, and --url right?");
            self.try_again(&what)
        })
    }

    /// Sends a request over a connection.
    async fn over(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        request: Request<Full<Bytes>>,
    ) -> anyhow::Result<Response<Incoming>> {
        let lost = |_| self.try_again("broke off");
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
        tokio::spawn(connection);
        Ok(sender.send_request(request).await.map_err(lost)?)
    }

    /// Returns the error that an answer tells of.
    async fn refusal(&self, answer: Response<Incoming>) -> anyhow::Error {
        let status = answer.status();
        let body = timeout(PATIENCE, Limited::new(answer.into_body(), MAX_ANSWER).collect()).await;
        let body = body.ok().and_then(Result::ok).map(http_body_util::Collected::to_bytes);
        let refused = body.and_then(|body| serde_json::from_slice::<Refused>(&body).ok());
        let message = match refused {
            Some(Refused { code, message }) => format!("{message} ({code})"),
            None if status == StatusCode::NOT_FOUND => self.is_no_api(),
            None => format!("the server at {} answers with status {status}", self.url),
        };
        match status {
            StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => TryAgain { message }.into(),
            _ => anyhow!(message),
        }
    }

    /// Returns the error of a server that does something wrong, for the moment.
    pub(super) fn try_again(&self, what: &str) -> TryAgain {
        TryAgain { message: format!("the server at {} {what}", self.url) }
    }

    fn is_no_api(&self) -> String {
        format!("there is no API at {}; start the server with --api-tokens FILE", self.url)
    }
}

/// Encodes a part of a path, or a value of a query.
fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

impl FromStr for ServerUrl {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::Unix(path.into()));
        }
        let (is_secure, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://"))
        {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => bail!("give http://HOST:PORT, https://HOST or unix:PATH"),
        };
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let is_host = !host.is_empty() && host.parse::<http::uri::Authority>().is_ok();
        if !is_host || host.contains('@') || path.contains(['?', '#']) {
            bail!("give http://HOST:PORT, and the base path if the server has one");
        }
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let port = if is_secure { 443 } else { 80 };
        let authority = if has_port { host.to_owned() } else { format!("{host}:{port}") };
        Ok(Self::Http { is_secure, authority, base_path: path.trim_end_matches('/').to_owned() })
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http { is_secure, authority, base_path } => {
                let scheme = if *is_secure { "https" } else { "http" };
                write!(f, "{scheme}://{authority}{base_path}")
            }
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_those_of_the_server_itself() {
        for (text, expected) in [
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("http://[::1]:3000/", "http://[::1]:3000"),
            ("unix:/run/chat.sock", "unix:/run/chat.sock"),
            ("https://chat.example.org/", "https://chat.example.org:443"),
            ("https://[::1]:8443/chat", "https://[::1]:8443/chat"),
            ("http://chat.example.org/team/chat/", "http://chat.example.org:80/team/chat"),
        ] {
            assert_eq!(text.parse::<ServerUrl>().unwrap().to_string(), expected);
        }
        for text in [
            "",
            "127.0.0.1:3000",
            "https://",
            "ftp://a",
            "http://",
            "http:///x",
            "http://a?b",
            "http://u@a",
            "http://a b",
        ] {
            assert!(text.parse::<ServerUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn parts_of_a_path_stay_parts() {
        let request =
            ApiRequest::new(Method::GET, &["rooms", "a/b c?é", "messages"]).with("after", "x&y=z");
        assert_eq!(
            request.path + &request.query,
            "/rooms/a%2Fb%20c%3F%C3%A9/messages?after=x%26y%3Dz"
        );
    }
}

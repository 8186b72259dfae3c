//! The requests and answers of polled connections, see the
//! [protocol](https://github.com/socketio/engine.io-protocol#http-long-polling-1).

use std::borrow::Cow;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::json;

use super::Link;
use super::admission;
use super::frames::{put_binary_frame, put_text_frame};
use super::full::Full;
use super::msgpack::polled::{self, BINARY};
use super::payload::{NOOP, SEPARATOR, packets};

/// Why a request is refused, with the codes of Engine.IO.
#[derive(Debug, Clone, Copy)]
pub(super) enum Refused {
    Transport,
    Session,
    Method,
    Request,
    Version,
}

impl Refused {
    pub(super) fn response(self) -> Response<Body> {
        let (code, message) = match self {
            Self::Transport => (0, "Transport unknown"),
            Self::Session => (1, "Session ID unknown"),
            Self::Method => (2, "Bad handshake method"),
            Self::Request => (3, "Bad request"),
            Self::Version => (5, "Unsupported protocol version"),
        };
        json(StatusCode::BAD_REQUEST, &json!({ "code": code, "message": message }))
    }
}

/// Returns the answer to a client for which there is no slot.
pub(super) fn full(full: Full) -> Response<Body> {
    let status = match full {
        Full::Sessions | Full::Handshakes | Full::Headers => StatusCode::SERVICE_UNAVAILABLE,
        Full::SessionsOfAddress | Full::HandshakesOfAddress => StatusCode::TOO_MANY_REQUESTS,
    };
    let wait = admission::RETRY_AFTER;
    let body = json!({
        "code": "too_many_connections",
        "message": full.to_string(),
        "retryAfter": wait.as_millis() as u64,
    });
    let mut response = json(status, &body);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
    response
}

/// Returns the answer while the server stops. A client tries again, here or on another node.
pub(super) fn unavailable() -> Response<Body> {
    text(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping; connect again")
}

/// Returns the answer to a poll that has to end without packets.
pub(super) fn noop() -> Response<Body> {
    text(StatusCode::OK, NOOP)
}

fn text(status: StatusCode, body: &'static str) -> Response<Body> {
    with_type("text/plain; charset=utf-8", status, Body::from(body))
}

fn json(status: StatusCode, body: &serde_json::Value) -> Response<Body> {
    with_type("application/json", status, Body::from(body.to_string()))
}

fn with_type(content_type: &'static str, status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Returns the whole body. Those of Engine.IO are complete already.
pub(super) async fn whole(body: Body) -> Bytes {
    body.collect().await.map(|body| body.to_bytes()).unwrap_or_default()
}

/// Returns a body in which the packets that the link adds something to are completed.
pub(super) fn completed(link: &Link, body: Bytes) -> Bytes {
    if link.encoding.is_msgpack() && !body.is_empty() {
        return polled::from_server(link, &body).into();
    }
    let mut changed = false;
    let packets: Vec<Cow<'_, [u8]>> = packets(&body)
        .map(|packet| link.complete(packet))
        .inspect(|packet| changed |= matches!(packet, Cow::Owned(_)))
        .collect();
    if changed { packets.join(&SEPARATOR).into() } else { body }
}

/// Appends the packets of a completed body in the form in which a websocket has them.
pub(super) fn put_frames(body: &[u8], frames: &mut BytesMut) {
    for packet in packets(body) {
        match packet.strip_prefix(&[BINARY]) {
            // It is Engine.IO's own Base64, or that of `polled`.
            Some(base64) => put_binary_frame(frames, &STANDARD.decode(base64).unwrap_or_default()),
            None if packet == NOOP.as_bytes() => {}
            None => put_text_frame(frames, &[packet]),
        }
    }
}

/// Returns the packet with which Engine.IO opens a connection, with the maximum number of bytes that a client may
/// send at once, and the session id in it; none if it is no such packet.
pub(super) fn opened(body: Bytes, max_payload: usize) -> (Bytes, Option<String>) {
    let open = body.strip_prefix(b"0").and_then(|json| serde_json::from_slice(json).ok());
    let Some(serde_json::Value::Object(mut open)) = open else { return (body, None) };
    open.insert("maxPayload".to_owned(), max_payload.into());
    let sid = open.get("sid").and_then(|sid| sid.as_str()).map(ToOwned::to_owned);
    (format!("0{}", serde_json::Value::Object(open)).into(), sid)
}

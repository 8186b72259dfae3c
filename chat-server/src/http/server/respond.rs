use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use axum::body::Body;
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::{Body as _, Incoming};
use tower::Service;

use super::admission::Refused;
use super::body::{ResponseBody, TimedBody};
use super::context::Server;
use super::state::State;
use crate::http::origin::keep_cors;
use crate::http::trusted_proxy::Way;
use crate::socketio::client_address::ClientAddress;

/// How long a refused client should wait before it retries, in seconds.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("10");

/// The paths that a full server still answers.
const HEALTH: [&str; 2] = ["/healthz", "/readyz"];

/// Answers one request of a connection.
pub(super) async fn respond(
    server: Arc<Server>,
    state: Arc<State>,
    mut request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Infallible> {
    let proxied = server.proxies.forwarded_for(state.peer, request.headers());
    let way = match proxied {
        Some(_) => Way::Proxied,
        None if server.has_tls() => Way::Tls,
        None => Way::Direct,
    };
    let place = proxied.map(|client| server.admission.enter(client)).transpose();
    let refused = state.refused().or(place.as_ref().err().copied());
    state.requested(place.ok().flatten());
    let response = match refused {
        Some(refused) if !HEALTH.contains(&request.uri().path()) => {
            let refusal = server.origins.answered_early(&request, way, refusal(refused));
            if state.refused().is_some() { closed(refusal) } else { refusal }
        }
        _ => {
            let extensions = request.extensions_mut();
            extensions.insert(ClientAddress(proxied.unwrap_or(state.peer)));
            extensions.insert(way);
            let response = serve(&server, request).await;
            if state.refused().is_some() { closed(response) } else { response }
        }
    };
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        state.activity.upgraded();
    }
    state.set_unconfirmed(response.extensions().get().cloned());
    Ok(response.map(|body| ResponseBody::new(body, state)))
}

/// Passes the request to the router; answers itself if the body arrives too late.
async fn serve(server: &Server, request: Request<Incoming>) -> Response<Body> {
    let mut router = server.router.clone();
    if request.body().is_end_stream() {
        let Ok(response) = router.call(request).await;
        return response;
    }
    let (parts, body) = request.into_parts();
    let (body, late) = TimedBody::new(body, server.limits.body_timeout);
    let Ok(response) = router.call(Request::from_parts(parts, body)).await;
    if !late.load(Relaxed) {
        return response;
    }
    let late = "the body of the request did not arrive in time\n";
    let mut timeout = text(StatusCode::REQUEST_TIMEOUT, late);
    keep_cors(response.headers(), timeout.headers_mut());
    closed(timeout)
}

fn refusal(refused: Refused) -> Response<Body> {
    let mut response = text(refused.status(), refused.message());
    response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
    response
}

fn text(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

/// Marks the response as the last one of its connection.
fn closed(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

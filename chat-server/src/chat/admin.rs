use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use chat_core::Nickname;
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{Method, StatusCode, Uri};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Chat, ChatError};
use crate::engine::limits::Limits;
#[cfg(feature = "api")]
use crate::http::api::{self, Api};
use crate::http::exposition;
use crate::http::operator_token::OperatorToken;
use crate::http::origin::{Origins, Rules};
use crate::http::server::{self, Listener, Room, Served};
use crate::http::trusted_proxy::TrustedProxies;

/// Maximum number of connections of operators and their programs.
const MAX_CONNECTIONS: usize = 64;

/// The number of connections that are listed by default.
const LISTED: usize = 100;

/// The time that moving all clients takes by default, and at most.
const DRAIN_SECONDS: u64 = 30;
const MAX_DRAIN_SECONDS: u64 = 3600;

impl Chat {
    /// Returns a router for the operator, to serve where only the operator gets in:
    ///
    /// - `GET /metrics`, [what this node has counted](Self::metrics), for Prometheus
    /// - `GET /healthz` and `GET /readyz`, as in [`router`](Self::router)
    /// - `GET /admin/connections`, the clients of this node, and `DELETE /admin/connections/ID`, which ends a connection and its
    ///   session; the client may come back in a new one
    /// - `POST /admin/drain?seconds=30`, which [moves all clients away](Self::drain); `GET` answers how far that is
    pub fn admin_router(&self) -> Router {
        let (chat, asked, drained) = (self.clone(), self.clone(), self.clone());
        let metrics =
            get(async move || ([(CONTENT_TYPE, exposition::CONTENT_TYPE)], chat.metrics()));
        let drain = get(async move || (StatusCode::OK, asked.drain_state()))
            .post(async move |uri: Uri| drained.begin_drain(&uri));
        let (listed, ended) = (self.clone(), self.clone());
        let list = get(async move |uri: Uri| listed.list_connections(&uri));
        let end = delete(async move |Path(id): Path<String>| ended.end_connection(&id));
        self.health()
            .route("/metrics", metrics)
            .route("/admin/drain", drain)
            .route("/admin/connections", list)
            .route("/admin/connections/{id}", end)
    }

    /// Serves [`admin_router`](Self::admin_router) on a listener of its own until `stop` is ready. When all connections for
    /// clients are taken, it still answers.
    ///
    /// With a token, all requests but those for `/healthz` and `/readyz` need it, and the API is there too, at `/api/v1`, where
    /// the operator may read, write and moderate everything. Without one, requests change something
    /// only on a loopback address or a Unix domain socket. Pages of other origins are refused. On a loopback address,
    /// requests must use a name of this machine or an IP address.
    ///
    /// Not cancel safe: end it with `stop`.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve_admin(
        &self,
        listener: impl Into<Listener>,
        token: Option<OperatorToken>,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), ChatError> {
        let listener = listener.into();
        let address = listener.address();
        let is_local = address.is_none_or(|address| address.to_canonical().is_loopback());
        let origins = Origins::new(Rules::default(), TrustedProxies::default(), address);
        let router = self.admin_router();
        #[cfg(feature = "api")]
        let router = match token.as_ref().and_then(OperatorToken::for_api) {
            Some(tokens) => {
                let api = Api::new(self.connections.clone(), tokens, self.listening.clone());
                router.nest("/api/v1", api::router(api, origins.clone()))
            }
            None => router,
        };
        let pages = origins.clone();
        let guard = move |request: Request, next: Next| {
            let (pages, refused) = (pages.clone(), refused(&request, token.as_ref(), is_local));
            async move {
                match refused {
                    Some(refused) => refused,
                    None => pages.pass(request, |request| next.run(request)).await,
                }
            }
        };
        let stopping = CancellationToken::new();
        let served = Served {
            router: router.layer(from_fn(guard)),
            limits: Limits::default(),
            room: Room::now(MAX_CONNECTIONS),
            proxies: TrustedProxies::default(),
            origins,
        };
        let serve = server::serve(listener, served, stopping.clone());
        tokio::pin!(serve);
        let ended = tokio::select! {
            ended = &mut serve => ended,
            () = stop => {
                stopping.cancel();
                serve.await
            }
        };
        ended.map_err(ChatError::Serve)
    }

    fn begin_drain(&self, uri: &Uri) -> (StatusCode, String) {
        let Some(seconds) = drain_seconds(uri.query().unwrap_or_default()) else {
            let message = format!("seconds is a number up to {MAX_DRAIN_SECONDS}\n");
            return (StatusCode::BAD_REQUEST, message);
        };
        // Before the answer says so.
        self.draining.cancel();
        let chat = self.clone();
        tokio::spawn(async move { chat.drain(Duration::from_secs(seconds)).await });
        (StatusCode::ACCEPTED, self.drain_state())
    }

    fn list_connections(&self, uri: &Uri) -> Response {
        let Some((nickname, limit)) = listing(uri.query().unwrap_or_default()) else {
            return (StatusCode::BAD_REQUEST, "there are user=NICKNAME and limit=N\n")
                .into_response();
        };
        let listed = self.connections.list(nickname.as_ref(), limit);
        match serde_json::to_string(&listed) {
            Ok(text) => ([(CONTENT_TYPE, "application/json")], text).into_response(),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }

    fn end_connection(&self, id: &str) -> StatusCode {
        if self.connections.disconnect(id) {
            tracing::info!(socket.id = id, "the operator has ended a connection");
            return StatusCode::NO_CONTENT;
        }
        StatusCode::NOT_FOUND
    }

    /// Returns how far a drain is, as JSON.
    fn drain_state(&self) -> String {
        let [polling, websocket, _] = self.transport.sessions();
        let state = json!({
            "draining": self.draining.is_cancelled(),
            "connections": polling + websocket,
        });
        format!("{state}\n")
    }
}

/// Reads whose connections are to be listed, and how many; none if that cannot be.
fn listing(query: &str) -> Option<(Option<Nickname>, usize)> {
    let (mut user, mut limit) = (None, LISTED);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "user" => user = Some(value.parse().ok()?),
            "limit" => limit = value.parse().ok()?,
            _ => return None,
        }
    }
    Some((user, limit))
}

/// Reads how many seconds a drain takes; none if that cannot be.
fn drain_seconds(query: &str) -> Option<u64> {
    match query {
        "" => Some(DRAIN_SECONDS),
        query => query.strip_prefix("seconds=")?.parse().ok(),
    }
    .filter(|seconds| *seconds <= MAX_DRAIN_SECONDS)
}

/// Returns the answer to a request that may not be made; none if it may.
fn refused(request: &Request, token: Option<&OperatorToken>, is_local: bool) -> Option<Response> {
    let is_health = ["/healthz", "/readyz"].contains(&request.uri().path());
    match token {
        _ if is_health => None,
        Some(token) if token.is_in(request.headers()) => None,
        Some(_) => {
            let header = [(WWW_AUTHENTICATE, "Bearer")];
            Some(
                (StatusCode::UNAUTHORIZED, header, "the operator's token is missing\n")
                    .into_response(),
            )
        }
        None if is_local || request.method() == Method::GET => None,
        None => {
            let message = "changes need a token here, see --admin-token-file\n";
            Some((StatusCode::FORBIDDEN, message).into_response())
        }
    }
}

use axum::Router;
use axum::extract::{Path, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use chat_core::Nickname;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{StatusCode, Uri};
use tokio_util::sync::CancellationToken;

use super::nodes::{Commanded, MAX_DRAIN_SECONDS, Nodes};
use super::{Chat, ChatError};
use crate::engine::limits::Limits;
#[cfg(feature = "api")]
use crate::http::api::{self, Api};
use crate::http::exposition;
use crate::http::operator_token::OperatorToken;
use crate::http::origin::{Origins, Rules};
use crate::http::server::{self, Headroom, Listener, Served};
use crate::http::trusted_proxy::TrustedProxies;
use crate::http::web;

/// Maximum number of connections of operators and their programs.
const MAX_CONNECTIONS: usize = 64;

/// The number of connections that are listed by default.
const LISTED: usize = 100;

/// The time that moving all clients takes by default.
const DRAIN_SECONDS: u64 = 30;

impl Chat {
    /// Returns a router for the operator, to serve where only the operator gets in:
    ///
    /// - `GET /metrics`, [what this node has counted](Self::metrics), for Prometheus
    /// - `GET /healthz` and `GET /readyz`, as in [`router`](Self::router)
    /// - `GET /admin/`, a page with all of this
    /// - `GET /admin/nodes`, all nodes, with what they have counted
    /// - `GET /admin/connections`, the clients of this node, and `DELETE /admin/connections/ID`, which ends a connection and its
    ///   session; the client may come back in a new one
    /// - `POST /admin/drain?seconds=30`, which [moves all clients away](Self::drain); `GET` answers how far that is
    ///
    /// With `?node=` and the id of a node, requests for connections and drains concern that node, and with `?node=all` those for
    /// connections concern all nodes. These obey only if frames between nodes are
    /// [authenticated](chat_adapter::Broadcast::is_authenticated). If a node that is asked to do something does not answer, the
    /// status is 504: it may have obeyed.
    pub fn admin_router(&self) -> Router {
        let (chat, asked, drained) = (self.clone(), self.clone(), self.clone());
        let all = self.clone();
        let nodes = get(async move || json_response(all.list_nodes().await));
        let metrics =
            get(async move || ([(CONTENT_TYPE, exposition::CONTENT_TYPE)], chat.metrics()));
        let drain = get(async move || asked.drain_state() + "\n")
            .post(async move |uri: Uri| drained.drain_as_asked(&uri).await);
        let (listed, ended) = (self.clone(), self.clone());
        let list = get(async move |uri: Uri| listed.list_as_asked(&uri).await);
        let end = delete(async move |Path(id): Path<String>, uri: Uri| {
            ended.end_as_asked(&id, &uri).await
        });
        self.health()
            .merge(web::admin_router())
            .route("/metrics", metrics)
            .route("/admin/nodes", nodes)
            .route("/admin/drain", drain)
            .route("/admin/connections", list)
            .route("/admin/connections/{id}", end)
    }

    /// Serves [`admin_router`](Self::admin_router) on a listener of its own until `stop` is ready. When all connections for
    /// clients are taken, it still answers.
    ///
    /// With a token, all requests but those for `/healthz`, `/readyz` and the files of the page need it, and the API is there too,
    /// at `/api/v1`, where the operator may read, write and moderate everything. Without one, only a listener on a loopback
    /// address or a Unix domain socket serves all of the router: elsewhere there are just `/metrics`, `/healthz`, `/readyz` and
    /// the files of the page. Pages of other origins are refused. On a loopback address, requests must use a name of this machine
    /// or an IP address.
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
            room: Headroom::now(MAX_CONNECTIONS),
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

    async fn drain_as_asked(&self, uri: &Uri) -> Response {
        let Some(OperatorQuery { nodes, seconds, .. }) =
            OperatorQuery::read(uri, &["node", "seconds"])
        else {
            let message =
                format!("there are seconds=N, up to {MAX_DRAIN_SECONDS}, and node=, its id\n");
            return (StatusCode::BAD_REQUEST, message).into_response();
        };
        let of = match nodes {
            Nodes::This => None,
            Nodes::One(node) => Some(node),
            Nodes::All => {
                let message = "drain one node after the other: clients have to go somewhere\n";
                return (StatusCode::BAD_REQUEST, message).into_response();
            }
        };
        let drained = self.begin_drain(of, seconds).await;
        answered(drained, |state| (StatusCode::ACCEPTED, state + "\n").into_response())
    }

    async fn list_as_asked(&self, uri: &Uri) -> Response {
        let Some(OperatorQuery { nodes, user, limit, .. }) =
            OperatorQuery::read(uri, &["node", "user", "limit"])
        else {
            let message = "there are user=NICKNAME, limit=N, and node=all or its id\n";
            return (StatusCode::BAD_REQUEST, message).into_response();
        };
        json_response(self.list_connections(nodes, user, limit).await)
    }

    async fn end_as_asked(&self, id: &str, uri: &Uri) -> Response {
        let Some(OperatorQuery { nodes, .. }) = OperatorQuery::read(uri, &["node"]) else {
            return (StatusCode::BAD_REQUEST, "there is node=all or its id\n").into_response();
        };
        let ended = self.end_connection(nodes, id).await;
        answered(ended, |_| StatusCode::NO_CONTENT.into_response())
    }
}

/// What the query of a request says.
struct OperatorQuery {
    nodes: Nodes,
    user: Option<Nickname>,
    limit: usize,
    seconds: u64,
}

impl OperatorQuery {
    /// Reads a query with some of these names; none if that cannot be.
    fn read(uri: &Uri, names: &[&str]) -> Option<Self> {
        let mut asked =
            Self { nodes: Nodes::This, user: None, limit: LISTED, seconds: DRAIN_SECONDS };
        for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            match &*name {
                name if !names.contains(&name) => return None,
                "node" if value == "all" => asked.nodes = Nodes::All,
                "node" => asked.nodes = Nodes::One(value.parse().ok()?),
                "user" => asked.user = Some(value.parse().ok()?),
                "limit" => asked.limit = value.parse().ok()?,
                "seconds" => asked.seconds = value.parse().ok()?,
                _ => return None,
            }
        }
        (asked.seconds <= MAX_DRAIN_SECONDS).then_some(asked)
    }
}

fn json_response(text: String) -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    (headers, text).into_response()
}

/// Returns the answer to a command: `done`, or why it is not certain that it was obeyed.
fn answered(commanded: Commanded, done: impl FnOnce(String) -> Response) -> Response {
    let (status, message) = match commanded {
        Commanded::Done(state) => return done(state),
        Commanded::NotFound => (StatusCode::NOT_FOUND, "there is no such node or connection\n"),
        Commanded::NoAnswer => (StatusCode::GATEWAY_TIMEOUT, "no answer; it may have been done\n"),
        Commanded::NotBelieved => (
            StatusCode::FORBIDDEN,
            "the other nodes cannot know who asks, see --cluster-secret-file\n",
        ),
    };
    (status, message).into_response()
}

/// Returns the answer to a request that may not be made; none if it may.
fn refused(request: &Request, token: Option<&OperatorToken>, is_local: bool) -> Option<Response> {
    let path = request.uri().path();
    let is_open = ["/healthz", "/readyz"].contains(&path) || web::is_of_admin_page(path);
    match token {
        _ if is_open => None,
        Some(token) if token.is_in(request.headers()) => None,
        Some(_) => {
            let header = [(WWW_AUTHENTICATE, "Bearer")];
            Some(
                (StatusCode::UNAUTHORIZED, header, "the operator's token is missing\n")
                    .into_response(),
            )
        }
        None if is_local || path == "/metrics" => None,
        None => {
            let message = "all but the metrics needs a token here, see --admin-token-file\n";
            Some((StatusCode::FORBIDDEN, message).into_response())
        }
    }
}

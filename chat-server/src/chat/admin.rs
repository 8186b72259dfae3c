use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::routing::get;
use http::header::CONTENT_TYPE;
use tokio_util::sync::CancellationToken;

use super::{Chat, ChatError};
use crate::engine::limits::Limits;
use crate::http::exposition;
use crate::http::origin::{Origins, Rules};
use crate::http::server::{self, Listener, Room, Served};
use crate::http::trusted_proxy::TrustedProxies;

/// Maximum number of connections of operators and their programs.
const MAX_CONNECTIONS: usize = 64;

impl Chat {
    /// Returns a router for the operator, to serve where only the operator gets in:
    ///
    /// - `/metrics`, [what this node has counted](Self::metrics), for Prometheus
    /// - `/healthz` and `/readyz`, as in [`router`](Self::router)
    pub fn admin_router(&self) -> Router {
        let chat = self.clone();
        let metrics =
            get(async move || ([(CONTENT_TYPE, exposition::CONTENT_TYPE)], chat.metrics()));
        self.health().route("/metrics", metrics)
    }

    /// Serves [`admin_router`](Self::admin_router) on a listener of its own until `stop` is ready. When all connections for
    /// clients are taken, it still answers.
    ///
    /// Pages of other origins are refused. On a loopback address, requests must use a name of this machine or an IP address.
    ///
    /// Not cancel safe: end it with `stop`.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve_admin(
        &self,
        listener: impl Into<Listener>,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), ChatError> {
        let listener = listener.into();
        let origins = Origins::new(Rules::default(), TrustedProxies::default(), listener.address());
        let pages = origins.clone();
        let guard = move |request: Request, next: Next| {
            let pages = pages.clone();
            async move { pages.pass(request, |request| next.run(request)).await }
        };
        let stopping = CancellationToken::new();
        let served = Served {
            router: self.admin_router().layer(from_fn(guard)),
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
}

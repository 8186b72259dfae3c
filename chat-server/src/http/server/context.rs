use std::sync::Arc;

use axum::Router;
use hyper::server::conn::http1;
use tokio_util::sync::CancellationToken;

use super::admission::Admission;
use crate::engine::limits::Limits;
#[cfg(feature = "tls")]
use crate::http::certificate::TlsCertificate;
use crate::http::origin::Origins;
use crate::http::trusted_proxy::TrustedProxies;

/// What all connections of a server share.
pub(super) struct Server {
    pub(super) router: Router,
    pub(super) limits: Limits,
    pub(super) proxies: TrustedProxies,
    pub(super) origins: Origins,
    pub(super) admission: Arc<Admission>,
    pub(super) http: http1::Builder,
    /// None if clients use no TLS.
    #[cfg(feature = "tls")]
    pub(super) tls: Option<TlsCertificate>,
    /// Once cancelled, current requests are answered and no new ones are read.
    pub(super) stopping: CancellationToken,
}

impl Server {
    /// Returns whether clients use TLS.
    pub(super) fn has_tls(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        return false;
    }
}

use axum::Router;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};

use super::asset::{Asset, Encoded};
use super::headers::{hash, header};

/// Allows only content from this server: no inline script or style, and no strings as markup. What users write stays
/// text, even if a later change to the page makes a mistake. The page may say which service worker keeps it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data:; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types worker";

/// A file of the page, which is compiled into the program.
pub(super) struct File {
    pub(super) path: &'static str,
    content_type: &'static str,
    /// Whether its name changes with its content.
    is_immutable: bool,
    pub(super) body: &'static [u8],
    gzip: Option<&'static [u8]>,
    pub(super) brotli: Option<&'static [u8]>,
}

// `BUNDLE`, which is empty if npm was not there to make it, and `SOURCES`, the page as it is in `web`.
include!(concat!(env!("OUT_DIR"), "/page_files.rs"));

/// Returns the routes of the chat page.
pub(super) fn router() -> Router {
    if cfg!(has_bundle) { router_of(BUNDLE) } else { router_of(SOURCES) }
}

pub(super) fn router_of(files: &'static [File]) -> Router {
    let is_library =
        |file: &&File| file.path == "/chat/client.js" || file.path.starts_with("/client/");
    let add = |router, file: &File| file.asset().route(router, file.path);
    // Pages of other origins may import the library. Whether they may use the chat is another question.
    let library = files
        .iter()
        .filter(is_library)
        .fold(Router::new(), add)
        .layer(header(ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
    files
        .iter()
        .filter(|file| !is_library(file))
        .fold(Router::new(), add)
        .merge(library)
        .layer(header(CONTENT_SECURITY_POLICY, POLICY))
        .layer(header(X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(REFERRER_POLICY, "no-referrer"))
}

impl File {
    fn asset(&self) -> Asset {
        Asset {
            content_type: self.content_type,
            is_immutable: self.is_immutable,
            tag: hash(self.body),
            body: self.body,
            encoded: Encoded { gzip: self.gzip, brotli: self.brotli },
        }
    }
}

use axum::Router;
use axum::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::response::Redirect;
use axum::routing::get;

use super::asset::{Asset, Encoded};
use super::headers::{hash, header};

/// Allows only content from this server: no inline script or style, and no strings as markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

/// Where the page is, and below which its files are.
const PAGE: &str = "/admin/";
const FILES_BELOW: &str = "/admin/page/";

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! file {
    ($name:literal, $content_type:expr) => {
        ($name, $content_type, include_bytes!(concat!("../../../admin/", $name)).as_slice())
    };
}

/// The files of the page: name, content type and content.
const FILES: [(&str, &str, &[u8]); 11] = [
    file!("admin.css", "text/css; charset=utf-8"),
    file!("admin.js", JAVASCRIPT),
    file!("api.js", JAVASCRIPT),
    file!("charts.js", JAVASCRIPT),
    file!("connections.js", JAVASCRIPT),
    file!("dom.js", JAVASCRIPT),
    file!("metrics.js", JAVASCRIPT),
    file!("names.js", JAVASCRIPT),
    file!("overview.js", JAVASCRIPT),
    file!("people.js", JAVASCRIPT),
    file!("rooms.js", JAVASCRIPT),
];

/// Returns the routes of the operator's page. It has no secrets: what it shows needs the operator's token.
pub(super) fn router() -> Router {
    let index = include_bytes!("../../../admin/index.html");
    let to_page = get(async || Redirect::temporary(PAGE));
    let mut router = asset("text/html; charset=utf-8", index).route(Router::new(), PAGE);
    for (name, content_type, body) in FILES {
        router = asset(content_type, body).route(router, &format!("{FILES_BELOW}{name}"));
    }
    router
        .route("/admin", to_page.clone())
        .route("/", to_page)
        .layer(header(CONTENT_SECURITY_POLICY, POLICY))
        .layer(header(X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(REFERRER_POLICY, "no-referrer"))
}

/// Returns whether a path is that of the page or one of its files.
pub(super) fn has(path: &str) -> bool {
    [PAGE, "/admin", "/"].contains(&path) || path.starts_with(FILES_BELOW)
}

fn asset(content_type: &'static str, body: &'static [u8]) -> Asset {
    let tag = hash(body);
    Asset { content_type, is_immutable: false, tag, body, encoded: Encoded::default() }
}

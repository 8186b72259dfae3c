use std::hash::{DefaultHasher, Hash, Hasher};

use axum::Router;
use axum::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue};
use tower_http::set_header::SetResponseHeaderLayer;

use super::asset::{Asset, JAVASCRIPT};

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Nothing but what this server itself serves, no inline script or style, and no use of strings as
/// markup: what people write to each other stays text, whatever a later change to the page gets wrong.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

macro_rules! files {
    ($($path:literal: $content_type:ident = $file:literal),+ $(,)?) => {
        &[$(($path, $content_type, include_bytes!(concat!("../../web/", $file)))),+]
    };
}

pub(super) const FILES: &[(&str, &str, &[u8])] = files! {
    "/": HTML = "index.html",
    "/chat.css": CSS = "chat.css",
    "/favicon.svg": SVG = "favicon.svg",
    "/chat.js": JAVASCRIPT = "chat.js",
    "/chat/bubble.js": JAVASCRIPT = "chat/bubble.js",
    "/chat/composer.js": JAVASCRIPT = "chat/composer.js",
    "/chat/connection.js": JAVASCRIPT = "chat/connection.js",
    "/chat/history.js": JAVASCRIPT = "chat/history.js",
    "/chat/key.js": JAVASCRIPT = "chat/key.js",
    "/chat/links.js": JAVASCRIPT = "chat/links.js",
    "/chat/message_list.js": JAVASCRIPT = "chat/message_list.js",
    "/chat/outbox.js": JAVASCRIPT = "chat/outbox.js",
    "/chat/pending_list.js": JAVASCRIPT = "chat/pending_list.js",
    "/chat/status.js": JAVASCRIPT = "chat/status.js",
    "/chat/times.js": JAVASCRIPT = "chat/times.js",
    "/chat/unread_title.js": JAVASCRIPT = "chat/unread_title.js",
    "/chat/viewport.js": JAVASCRIPT = "chat/viewport.js",
};

/// The chat page.
pub(super) fn router() -> Router {
    let files = FILES.iter().fold(Router::new(), |router, &(path, content_type, body)| {
        Asset { content_type, etag: hash(body), body }.route(router, path)
    });
    files
        .layer(header(CONTENT_SECURITY_POLICY, POLICY))
        .layer(header(X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(REFERRER_POLICY, "no-referrer"))
}

fn header(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value))
}

fn hash(body: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::Router;
use axum::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue};
use tower_http::set_header::SetResponseHeaderLayer;

use super::asset::{Asset, JAVASCRIPT};

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Allows only content from this server: no inline script or style, and no strings as markup. What users write stays
/// text, even if a later change to the page makes a mistake.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

macro_rules! files {
    ($($path:literal: $content_type:ident = $file:literal),+ $(,)?) => {
        &[$(($path, $content_type, include_bytes!(concat!("../../../web/", $file)))),+]
    };
}

pub(super) const FILES: &[(&str, &str, &[u8])] = files! {
    "/": HTML = "index.html",
    "/chat.css": CSS = "chat.css",
    "/favicon.svg": SVG = "favicon.svg",
    "/chat.js": JAVASCRIPT = "chat.js",
    "/chat/model/catch_up.js": JAVASCRIPT = "chat/model/catch_up.js",
    "/chat/model/changes.js": JAVASCRIPT = "chat/model/changes.js",
    "/chat/model/chat.js": JAVASCRIPT = "chat/model/chat.js",
    "/chat/model/connection.js": JAVASCRIPT = "chat/model/connection.js",
    "/chat/model/conversation.js": JAVASCRIPT = "chat/model/conversation.js",
    "/chat/model/conversations.js": JAVASCRIPT = "chat/model/conversations.js",
    "/chat/model/cursor.js": JAVASCRIPT = "chat/model/cursor.js",
    "/chat/model/history.js": JAVASCRIPT = "chat/model/history.js",
    "/chat/model/identity.js": JAVASCRIPT = "chat/model/identity.js",
    "/chat/model/key.js": JAVASCRIPT = "chat/model/key.js",
    "/chat/model/memory.js": JAVASCRIPT = "chat/model/memory.js",
    "/chat/model/messages.js": JAVASCRIPT = "chat/model/messages.js",
    "/chat/model/names.js": JAVASCRIPT = "chat/model/names.js",
    "/chat/model/outbox.js": JAVASCRIPT = "chat/model/outbox.js",
    "/chat/model/presence.js": JAVASCRIPT = "chat/model/presence.js",
    "/chat/model/refusals.js": JAVASCRIPT = "chat/model/refusals.js",
    "/chat/model/typing.js": JAVASCRIPT = "chat/model/typing.js",
    "/chat/view/actions.js": JAVASCRIPT = "chat/view/actions.js",
    "/chat/view/avatar.js": JAVASCRIPT = "chat/view/avatar.js",
    "/chat/view/composer.js": JAVASCRIPT = "chat/view/composer.js",
    "/chat/view/drawers.js": JAVASCRIPT = "chat/view/drawers.js",
    "/chat/view/header.js": JAVASCRIPT = "chat/view/header.js",
    "/chat/view/keyed_list.js": JAVASCRIPT = "chat/view/keyed_list.js",
    "/chat/view/links.js": JAVASCRIPT = "chat/view/links.js",
    "/chat/view/members.js": JAVASCRIPT = "chat/view/members.js",
    "/chat/view/message_list.js": JAVASCRIPT = "chat/view/message_list.js",
    "/chat/view/once_a_frame.js": JAVASCRIPT = "chat/view/once_a_frame.js",
    "/chat/view/prompt.js": JAVASCRIPT = "chat/view/prompt.js",
    "/chat/view/reader.js": JAVASCRIPT = "chat/view/reader.js",
    "/chat/view/row.js": JAVASCRIPT = "chat/view/row.js",
    "/chat/view/shortcuts.js": JAVASCRIPT = "chat/view/shortcuts.js",
    "/chat/view/side_bar.js": JAVASCRIPT = "chat/view/side_bar.js",
    "/chat/view/status.js": JAVASCRIPT = "chat/view/status.js",
    "/chat/view/times.js": JAVASCRIPT = "chat/view/times.js",
    "/chat/view/title.js": JAVASCRIPT = "chat/view/title.js",
    "/chat/view/typing_line.js": JAVASCRIPT = "chat/view/typing_line.js",
    "/chat/view/viewport.js": JAVASCRIPT = "chat/view/viewport.js",
    "/chat/view/window.js": JAVASCRIPT = "chat/view/window.js",
    "/chat/style/composer.css": CSS = "chat/style/composer.css",
    "/chat/style/dialog.css": CSS = "chat/style/dialog.css",
    "/chat/style/layout.css": CSS = "chat/style/layout.css",
    "/chat/style/messages.css": CSS = "chat/style/messages.css",
    "/chat/style/side.css": CSS = "chat/style/side.css",
};

/// Returns the routes of the chat page.
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

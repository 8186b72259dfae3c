use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;

use super::asset::{Asset, Encoded};

const JAVASCRIPT: &str = "application/javascript; charset=utf-8";
const JSON: &str = "application/json; charset=utf-8";

// `VERSION` and `FILES` (name, content); both are empty if npm was not available to fetch the client.
include!(concat!(env!("OUT_DIR"), "/socket_io_client.rs"));

/// Returns the routes of the official browser client, at the same paths as the Node.js server.
pub(super) fn router() -> Router {
    router_of(VERSION, FILES)
}

pub(super) fn router_of(version: &str, files: &[(&str, &'static [u8])]) -> Router {
    if files.is_empty() {
        // Even without the files these paths do not fall through to the endpoint, whose protocol error would help
        // nobody.
        return Router::new().route("/socket.io/{file}", get(missing));
    }
    files.iter().fold(Router::new(), |router, (name, body)| {
        let content_type = if name.ends_with(".map") { JSON } else { JAVASCRIPT };
        let asset = Asset {
            content_type,
            is_immutable: false,
            tag: version.to_owned(),
            body,
            encoded: Encoded::default(),
        };
        asset.route(router, &format!("/socket.io/{name}"))
    })
}

async fn missing() -> (StatusCode, &'static str) {
    (
        StatusCode::NOT_FOUND,
        "The Socket.IO browser client is not part of this server: when it was built, npm was missing or \
         could not download it. Install Node.js with npm and build the server again.\n",
    )
}

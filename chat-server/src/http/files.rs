//! Files over HTTP: their bytes come in with a token, and go out with a signature. Both are given over Socket.IO, so that no
//! cookie is needed, and no other page can act for a user.

mod answer;
mod download;
mod range;
mod upload;

use axum::Router;
use axum::routing::get;

use crate::engine::files::Files;
use crate::http::origin::Origins;

/// Returns the routes of files, for pages that may use the chat and for programs.
pub(crate) fn router(files: Files, origins: Origins) -> Router {
    let router = Router::new()
        .route("/files/{id}", get(upload::state).patch(upload::append).delete(upload::cancel))
        .route("/files/{id}/{name}", get(download::fetch));
    origins.guard(router).with_state(files)
}

use axum::body::Body;
use chat_store::FileError;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response, StatusCode};

use crate::engine::files::FilesError;

/// Answers with a status and one line of text.
pub(super) fn text(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Answers what failed.
pub(super) fn failed(error: impl Into<FilesError>) -> Response<Body> {
    let error = error.into();
    match error {
        FilesError::Files(FileError::Unknown) => text(StatusCode::NOT_FOUND, "no such file\n"),
        FilesError::Files(FileError::Full(_)) => {
            tracing::warn!("a file is not stored: {error}");
            text(StatusCode::INSUFFICIENT_STORAGE, "there is no space left; try again later\n")
        }
        _ => {
            tracing::warn!("a file is not read or stored: {error}");
            text(StatusCode::SERVICE_UNAVAILABLE, "try again later\n")
        }
    }
}

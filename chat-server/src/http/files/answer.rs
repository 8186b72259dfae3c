use std::time::Duration;

use axum::body::Body;
use chat_core::RefusalCode;
use chat_store::FileError;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;

use crate::engine::files::{FilesError, Full};

/// When to try again.
const FULL_TIME: Duration = Duration::from_secs(2);

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

/// Answers an upload for which there is no room now. The client tries again.
pub(super) fn full(full: Full) -> Response<Body> {
    let (status, message) = match full {
        Full::OfSource => {
            (StatusCode::TOO_MANY_REQUESTS, "your address uploads many files at once")
        }
        Full::All => (StatusCode::SERVICE_UNAVAILABLE, "many files are uploaded at this moment"),
    };
    let wait = FULL_TIME.as_millis() as u64;
    let code = RefusalCode::SlowDown;
    let body = json!({ "code": code, "message": message, "retryAfter": wait });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(RETRY_AFTER, HeaderValue::from(FULL_TIME.as_secs()));
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

use axum::body::Body;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use super::error::ApiError;

/// Answers with JSON.
pub(super) fn json(status: StatusCode, answer: &impl Serialize) -> Response {
    match serde_json::to_vec(answer) {
        Ok(json) => json_bytes(status, json),
        Err(error) => {
            tracing::error!("an answer of the API cannot be serialised: {error}");
            axum::response::IntoResponse::into_response(ApiError::unavailable())
        }
    }
}

/// Answers with JSON that is serialised already.
pub(super) fn json_bytes(status: StatusCode, json: impl Into<Body>) -> Response {
    let mut response = Response::new(json.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

use std::time::Duration;

use axum::body::Body;
use axum::response::IntoResponse;
use chat_core::{Offset, Refusal, RefusalCode};
use chat_store::StoreError;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::engine::users::IdentityError;

/// When to try again what the store could not do.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// The answer to a request that is not carried out: a status, and JSON with the reason.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    code: Code,
    message: String,
    retry_after: Option<Duration>,
    offset: Option<Offset>,
}

/// The reason for programs: that of a refusal, as clients get it, or one that only HTTP has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Code {
    Refused(RefusalCode),
    Http(HttpCode),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum HttpCode {
    /// There is no such path.
    NotFound,
    /// The path takes other methods.
    MethodNotAllowed,
    /// The body is no JSON.
    UnsupportedMediaType,
    /// The offset to go on from is not in this log.
    OtherLog,
}

/// [`ApiError`] as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorBody<'a> {
    code: Code,
    message: &'a str,
    /// When to send the same request again, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    /// Where the message is that was sent with the key first.
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<Offset>,
}

impl ApiError {
    pub(super) fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Refusal::new(code, message).into()
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(RefusalCode::InvalidArguments, message)
    }

    pub(super) fn http(code: HttpCode) -> Self {
        let (status, message) = match code {
            HttpCode::NotFound => {
                (StatusCode::NOT_FOUND, "there is no such path; openapi.json lists those there are")
            }
            HttpCode::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "this path takes other methods")
            }
            HttpCode::UnsupportedMediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body has to be JSON, with `content-type: application/json`",
            ),
            HttpCode::OtherLog => (
                StatusCode::CONFLICT,
                "this offset is not in the log, which may be another one or a copy; begin again, with `after=0` for all",
            ),
        };
        let (code, message) = (Code::Http(code), message.to_owned());
        Self { status, code, message, retry_after: None, offset: None }
    }

    /// The store has failed: nobody knows whether it is done, and with a key it can be sent again.
    pub(super) fn unavailable() -> Self {
        let message = "the store fails; send it again";
        Refusal::new(RefusalCode::Unavailable, message).with_retry_after(STORE_PAUSE).into()
    }

    /// The chat has no rules of rooms.
    pub(super) fn no_rooms() -> Self {
        let message = "this server keeps neither rooms nor bans; its operator can turn that on";
        Self::new(RefusalCode::UnknownEvent, message)
    }

    pub(super) fn conflict(offset: Offset) -> Self {
        let message = format!("the key was used for another message, at offset {offset}");
        let refused = Self::new(RefusalCode::ClientOffsetConflict, message);
        Self { offset: Some(offset), ..refused }
    }
}

/// Returns the status for a reason.
fn status(code: RefusalCode) -> StatusCode {
    match code {
        RefusalCode::InvalidToken | RefusalCode::ExpiredToken => StatusCode::UNAUTHORIZED,
        RefusalCode::Forbidden => StatusCode::FORBIDDEN,
        RefusalCode::UnknownNickname
        | RefusalCode::SearchOff
        | RefusalCode::UnknownRoom
        | RefusalCode::UnknownMessage
        | RefusalCode::UnknownDevice
        | RefusalCode::UnknownEvent => StatusCode::NOT_FOUND,
        RefusalCode::ClientOffsetConflict | RefusalCode::RoomExists | RefusalCode::LastOwner => {
            StatusCode::CONFLICT
        }
        RefusalCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        RefusalCode::SlowDown | RefusalCode::QuotaExceeded => StatusCode::TOO_MANY_REQUESTS,
        RefusalCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let Refusal { code, message, retry_after, .. } = refusal;
        let (status, code) = (status(code), Code::Refused(code));
        Self { status, code, message, retry_after, offset: None }
    }
}

/// The log, or who has called the store, has reported it.
impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::debug!("a request to the API failed: {error}");
        Self::unavailable()
    }
}

impl From<IdentityError> for ApiError {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::Refused(refusal) => refusal.into(),
            IdentityError::Store(error) => error.into(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response<Body> {
        let Self { status, code, message, retry_after, offset } = self;
        let millis = |wait: Duration| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let body =
            ErrorBody { code, message: &message, retry_after: retry_after.map(millis), offset };
        // It cannot fail: there are only texts and numbers.
        let json = serde_json::to_string(&body).unwrap_or_default();
        let mut response = Response::new(Body::from(json));
        *response.status_mut() = status;
        // For the counters.
        response.extensions_mut().insert(code);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(wait) = retry_after {
            let seconds = wait.as_millis().div_ceil(1000).max(1);
            headers
                .insert(RETRY_AFTER, HeaderValue::from(u64::try_from(seconds).unwrap_or(u64::MAX)));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"chat\""));
        }
        response
    }
}

use axum::body::Body;
use axum::extract::{Path, State};
use chat_core::{FileId, RefusalCode, UserId};
use chat_store::{FileError, FileState, KeptFile};
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::json;

use super::answer::{self, failed, text};
use crate::engine::files::Files;
use crate::engine::source::Source;
use crate::socketio::client_address::ClientAddress;

const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");

/// Answers how much of a file has arrived.
pub(super) async fn state(
    State(files): State<Files>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response<Body> {
    match uploaded(&files, &id, &headers).await {
        Ok(file) => arrived(StatusCode::OK, &file.state, file.record.bytes),
        Err(response) => response,
    }
}

/// Removes a file that is in no message.
pub(super) async fn cancel(
    State(files): State<Files>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response<Body> {
    let file = match uploaded(&files, &id, &headers).await {
        Ok(file) => file,
        Err(response) => return response,
    };
    match files.cancel(&file).await {
        Ok(()) => text(StatusCode::OK, ""),
        Err(error) => failed(error),
    }
}

/// Appends the body to a file, as it comes. What has come before the body breaks stays.
pub(super) async fn append(
    State(files): State<Files>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Response<Body> {
    let file = match uploaded(&files, &id, request.headers()).await {
        Ok(file) => file,
        Err(response) => return response,
    };
    let from = request.headers().get(UPLOAD_OFFSET);
    let from = from.and_then(|value| value.to_str().ok()?.parse().ok());
    let Some(from) = from else {
        return text(StatusCode::BAD_REQUEST, "`upload-offset` has to be a number of bytes\n");
    };
    // Only now: whoever has no token takes nobody's place.
    let _open = match files.open(source_of(&request, file.record.owner)) {
        Ok(open) => open,
        Err(full) => {
            files.refused(RefusalCode::SlowDown);
            return answer::full(full);
        }
    };
    let bytes = file.record.bytes;
    let mut writer = match files.append(file.record.id, from).await {
        Ok(writer) => writer,
        Err(FileError::Elsewhere { received }) => {
            return arrived(StatusCode::CONFLICT, &FileState::Incomplete { received }, bytes);
        }
        // The connection before has not ended for this server yet.
        Err(FileError::Busy) => return text(StatusCode::LOCKED, "the file is being written\n"),
        Err(error) => return failed(error),
    };
    let mut body = request.into_body();
    let (mut broken, mut came) = (None, 0);
    while let Some(frame) = body.frame().await {
        // Its end is the client's, or the server's for one that is too slow.
        let Ok(frame) = frame else {
            broken = Some(text(StatusCode::BAD_REQUEST, "the body did not arrive\n"));
            break;
        };
        let Ok(data) = frame.into_data() else { continue };
        let length = data.len() as u64;
        match writer.write(data).await {
            Ok(()) => came += length,
            Err(FileError::TooLong) => {
                let message = "the file would be longer than was said\n";
                broken = Some(text(StatusCode::PAYLOAD_TOO_LARGE, message));
                break;
            }
            Err(error) => {
                broken = Some(failed(error));
                break;
            }
        }
    }
    let finished = writer.finish().await;
    if let Ok(state) = &finished {
        files.received(came, state);
    }
    match (finished, broken) {
        (_, Some(response)) => response,
        (Ok(state), None) => arrived(StatusCode::OK, &state, bytes),
        (Err(error), None) => failed(error),
    }
}

/// Returns what uploads are counted by.
fn source_of(request: &Request<Body>, owner: UserId) -> Source {
    match ClientAddress::of(request.extensions()) {
        Some(address) => Source::Address(address.group()),
        None => Source::Connection(owner.as_i64().cast_unsigned()),
    }
}

/// Returns the file that this request's token is for.
async fn uploaded(
    files: &Files,
    id: &str,
    headers: &HeaderMap,
) -> Result<KeptFile, Response<Body>> {
    let refused =
        || text(StatusCode::FORBIDDEN, "the token is not for this file, or has expired\n");
    let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = token.and_then(|value| value.split_once(' '));
    let (Some((scheme, token)), Ok(id)) = (token, id.parse::<FileId>()) else {
        return Err(refused());
    };
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(refused());
    }
    files.uploaded(id, token.trim()).await.map_err(failed)?.ok_or_else(refused)
}

fn arrived(status: StatusCode, state: &FileState, bytes: u64) -> Response<Body> {
    let (received, complete) = match *state {
        FileState::Incomplete { received } => (received, false),
        FileState::Complete { .. } => (bytes, true),
    };
    let body = json!({ "received": received, "bytes": bytes, "complete": complete });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(UPLOAD_OFFSET, received.into());
    headers.insert(UPLOAD_LENGTH, bytes.into());
    response
}

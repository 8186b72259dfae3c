use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

pub(super) const JAVASCRIPT: &str = "application/javascript; charset=utf-8";

/// A file that is compiled into the program.
#[derive(Clone)]
pub(super) struct Asset {
    pub(super) content_type: &'static str,
    /// The entity tag of the content, in quotes as in the header.
    pub(super) etag: String,
    pub(super) body: &'static [u8],
}

impl Asset {
    /// Adds the file to `router`, for GET and HEAD.
    pub(super) fn route(self, router: Router, path: &str) -> Router {
        router.route(path, get(async move |request: HeaderMap| self.response(&request)))
    }

    fn response(self, request: &HeaderMap) -> Response {
        let known = is_known(request, &self.etag);
        // The browser keeps the file and revalidates it each time, so that no page mixes old and new files after an
        // update.
        let headers = [(CACHE_CONTROL, "public, max-age=0".to_owned()), (ETAG, self.etag)];
        if known {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        ([(CONTENT_TYPE, self.content_type)], headers, self.body).into_response()
    }
}

/// Returns whether `If-None-Match` includes this version: `*` or a list of tags, compared without regard to `W/` (RFC
/// 9110, section 13.1.2).
fn is_known(request: &HeaderMap, etag: &str) -> bool {
    request
        .get_all(IF_NONE_MATCH)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .any(|tag| tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == etag.as_bytes())
}

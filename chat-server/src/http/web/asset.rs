use axum::Router;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// A file that is compiled into the program.
#[derive(Clone)]
pub(super) struct Asset {
    pub(super) content_type: &'static str,
    /// Whether another content would have another path.
    pub(super) is_immutable: bool,
    /// Changes with the content.
    pub(super) tag: String,
    pub(super) body: &'static [u8],
    pub(super) encoded: Encoded,
}

/// A file in other encodings.
#[derive(Clone, Copy, Default)]
pub(super) struct Encoded {
    pub(super) gzip: Option<&'static [u8]>,
    pub(super) brotli: Option<&'static [u8]>,
}

impl Asset {
    /// Adds the file to `router`, for GET and HEAD.
    pub(super) fn route(self, router: Router, path: &str) -> Router {
        router.route(path, get(async move |request: HeaderMap| self.response(&request)))
    }

    fn response(self, request: &HeaderMap) -> Response {
        let (encoding, body) = self.encoded.best(request).unwrap_or(("", self.body));
        // Each encoding is a representation of its own (RFC 9110, section 8.8.3.3).
        let separator = if encoding.is_empty() { "" } else { "-" };
        let etag = format!("\"{}{separator}{encoding}\"", self.tag);
        let known = is_known(request, &etag);
        // What keeps its name is kept, but revalidated each time, so that no page mixes old and new files after an update.
        let caching = if self.is_immutable {
            "public, max-age=31536000, immutable"
        } else {
            "public, max-age=0"
        };
        let headers = [
            (CACHE_CONTROL, caching.to_owned()),
            (ETAG, etag),
            (VARY, "accept-encoding".to_owned()),
        ];
        if known {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        let mut response = ([(CONTENT_TYPE, self.content_type)], headers, body).into_response();
        if !encoding.is_empty() {
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        response
    }
}

impl Encoded {
    /// Returns the name and the content of the smallest encoding that the client takes.
    fn best(self, request: &HeaderMap) -> Option<(&'static str, &'static [u8])> {
        [("br", self.brotli), ("gzip", self.gzip)]
            .into_iter()
            .filter_map(|(name, body)| Some((name, body?)))
            .find(|(name, _)| accepts(request, name))
    }
}

/// Returns whether `Accept-Encoding` names the encoding, with a weight that is not zero.
fn accepts(request: &HeaderMap, encoding: &str) -> bool {
    elements(request.get_all(ACCEPT_ENCODING).iter()).any(|element| {
        let mut parts = element.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
        let is_it = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding.as_bytes()));
        let is_zero = |part: &[u8]| {
            part.starts_with(b"q=0") && !part.iter().any(|byte| (b'1'..=b'9').contains(byte))
        };
        is_it && !parts.any(is_zero)
    })
}

/// Returns whether `If-None-Match` includes this version: `*` or a list of tags, compared without regard to `W/` (RFC
/// 9110, section 13.1.2).
fn is_known(request: &HeaderMap, etag: &str) -> bool {
    elements(request.get_all(IF_NONE_MATCH).iter())
        .any(|tag| tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == etag.as_bytes())
}

/// Returns the elements of a list that may be in several headers.
fn elements<'a>(values: impl Iterator<Item = &'a HeaderValue>) -> impl Iterator<Item = &'a [u8]> {
    values.flat_map(|value| value.as_bytes().split(|&byte| byte == b',')).map(<[u8]>::trim_ascii)
}

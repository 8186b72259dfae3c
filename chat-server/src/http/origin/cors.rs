use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request};

use super::allowed::Allowed;

/// How long a browser may cache a preflight answer, in seconds. Two hours is the most that all browsers accept.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// The headers that let a page of another origin read an answer; see [the
/// standard](https://fetch.spec.whatwg.org/#http-cors-protocol).
pub(super) struct Cors {
    origin: HeaderValue,
    allowed: Allowed,
}

impl Cors {
    /// Returns the headers for an answer to a page with this level of trust.
    pub(super) fn of<B>(request: &Request<B>, allowed: Allowed) -> Self {
        let origin = request.headers().get(ORIGIN).cloned();
        Self { origin: origin.unwrap_or(HeaderValue::from_static("null")), allowed }
    }

    pub(super) fn add_to(self, response: &mut HeaderMap) {
        match self.allowed {
            Allowed::WithoutCredentials => {
                response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            }
            Allowed::WithCredentials => {
                response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, self.origin);
                let credentials = HeaderValue::from_static("true");
                response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, credentials);
                response.append(VARY, HeaderValue::from_static("origin"));
            }
        }
    }

    /// Returns the headers of the answer to a preflight request for something that takes these methods.
    pub(super) fn preflight<B>(self, request: &Request<B>, methods: HeaderValue) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        if let Some(asked) = request.headers().get(ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
            headers.append(VARY, HeaderValue::from_static("access-control-request-headers"));
        }
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        self.add_to(&mut headers);
        headers
    }
}

/// Copies the CORS headers of a response to the one that replaces it.
pub(crate) fn keep(from: &HeaderMap, to: &mut HeaderMap) {
    for name in [ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_ALLOW_CREDENTIALS, VARY] {
        for value in from.get_all(&name) {
            to.append(&name, value.clone());
        }
    }
}

/// Returns whether a request is a preflight request.
pub(super) fn is_preflight<B>(request: &Request<B>) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request};

use super::allowed::Allowed;

/// For how long a browser need not ask again, in seconds; two hours are the most that all of them take.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// What lets a page of another origin read an answer, see [the standard](https://fetch.spec.whatwg.org/#http-cors-protocol).
pub(super) struct Cors {
    origin: HeaderValue,
    allowed: Allowed,
}

impl Cors {
    /// For the answer to a request of a page that is allowed so much.
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

    /// The headers of the answer to a question whether a request may be sent.
    pub(super) fn preflight<B>(self, request: &Request<B>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let methods = HeaderValue::from_static("GET, POST");
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

/// Has an answer read by whom the one in whose place it comes may be read by.
pub(crate) fn keep(from: &HeaderMap, to: &mut HeaderMap) {
    for name in [ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_ALLOW_CREDENTIALS, VARY] {
        for value in from.get_all(&name) {
            to.append(&name, value.clone());
        }
    }
}

/// Whether a browser asks if a request may be sent.
pub(super) fn is_preflight<B>(request: &Request<B>) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, VARY,
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
    pub(super) fn new(origin: HeaderValue, allowed: Allowed) -> Self {
        Self { origin, allowed }
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

/// Whether a browser asks if a request may be sent.
pub(super) fn is_preflight<B>(request: &Request<B>) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

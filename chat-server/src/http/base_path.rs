use std::fmt;
use std::str::FromStr;

use axum::Router;
use axum::response::Redirect;
use axum::routing::get;
use thiserror::Error;

/// The path below which everything is served, such as `/chat`, for a chat that shares its host with other services;
/// empty by default.
///
/// ```
/// use chat_server::BasePath;
///
/// let path: BasePath = "/team/chat/".parse()?;
/// assert_eq!(path.as_str(), "/team/chat");
/// assert_eq!("/".parse(), Ok(BasePath::default()));
/// assert!("chat".parse::<BasePath>().is_err());
/// # Ok::<_, chat_server::BasePathError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BasePath(String);

/// The error of parsing a [`BasePath`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "a base path begins with a slash and has letters, digits and -._~ between slashes, as /chat"
)]
pub struct BasePathError;

impl BasePath {
    /// Returns the path without a trailing slash; empty if there is none.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Nests the router below this path. The path without a trailing slash redirects to the one with it, because
    /// relative links on a page resolve correctly only from there.
    pub(crate) fn nest(&self, router: Router) -> Router {
        if self.0.is_empty() {
            return router;
        }
        let inside = format!("{}/", self.0);
        let redirect = Redirect::temporary(&inside);
        let lead = get(async move || redirect);
        Router::new().nest_service(&inside, router).route(&self.0, lead.clone()).route("/", lead)
    }
}

impl fmt::Display for BasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for BasePath {
    type Err = BasePathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let path = text.strip_suffix('/').unwrap_or(text);
        let is_segment = |segment: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            !["", ".", ".."].contains(&segment) && segment.bytes().all(allowed)
        };
        let is_path = path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_segment));
        let is_none = path.is_empty() && text == "/";
        if is_path || is_none { Ok(Self(path.to_owned())) } else { Err(BasePathError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_as_a_browser_would_ask_for_them() {
        for (text, path) in [("/chat", "/chat"), ("/a/b-c_d.e~f/", "/a/b-c_d.e~f"), ("/", "")] {
            assert_eq!(text.parse(), Ok(BasePath(path.to_owned())));
        }
        for text in [
            "", "chat", "//", "/chat//", "/a//b", "/a b", "/a?b", "/a#b", "/%61", "/{a}", "/../a",
            "/é",
        ] {
            assert_eq!(text.parse::<BasePath>(), Err(BasePathError), "{text}");
        }
    }
}

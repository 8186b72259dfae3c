use std::net::IpAddr;

use http::HeaderMap;
use http::header::{HOST, HeaderName, ORIGIN};

use super::allowed::{Allowed, AllowedHost, AllowedOrigin};
use super::authority::{Authority, Origin};
use crate::http::trusted_proxy::Way;

const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The rules that decide which pages may use the chat.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    pub(crate) origins: Vec<AllowedOrigin>,
    pub(crate) hosts: Vec<AllowedHost>,
}

/// The decision on a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The request comes from the server's own page, or from no page.
    Own,
    /// The request comes from another page, which is allowed.
    Foreign(Allowed),
    /// The request comes from another page, which is refused; with its origin if it has one.
    ForeignRefused(Option<Origin>),
    /// The request uses a host name that is not the server's; with the name if it is one.
    HostRefused(Option<Authority>),
}

impl Rules {
    /// Judges a request by its headers.
    ///
    /// `local`: the server listens on a loopback address, so that
    /// only browsers of this machine reach it without a proxy. In that case, and when host names are configured, the
    /// request must use one of the server's own names. Any other name may belong to a page that points its own name
    /// here, which the browser takes for the same origin. That is not possible with an IP address as the host.
    pub(super) fn judge(&self, headers: &HeaderMap, way: Way, local: bool) -> Verdict {
        let proxied = way == Way::Proxied;
        let host = host(headers, proxied);
        let checked = !self.hosts.is_empty() || (local && !proxied);
        if checked && let Some(host) = &host {
            let known = host.as_ref().is_some_and(|host| self.has_name(host));
            if !known {
                return Verdict::HostRefused(host.clone());
            }
        }
        if !headers.contains_key(ORIGIN) {
            return Verdict::Own;
        }
        let origin = single(headers, &ORIGIN).and_then(Origin::parse);
        if let (Some(origin), Some(Some(host))) = (&origin, &host)
            && is_same(origin, host, scheme(headers, way))
        {
            return Verdict::Own;
        }
        // Takes the most permissive match.
        let allowed =
            self.origins.iter().filter_map(|pattern| pattern.allows(origin.as_ref())).max();
        allowed.map_or(Verdict::ForeignRefused(origin), Verdict::Foreign)
    }

    fn has_name(&self, host: &Authority) -> bool {
        let own = host.host == "localhost" || host.host.ends_with(".localhost");
        own || host.address().is_some() || self.hosts.iter().any(|name| name.matches(host))
    }
}

/// Returns the host that the client requested: none if the header is missing, which no browser does, and `Some(None)`
/// if it cannot be parsed.
fn host(headers: &HeaderMap, proxied: bool) -> Option<Option<Authority>> {
    let forwarded = if proxied { last(headers, &X_FORWARDED_HOST) } else { None };
    if let Some(host) = forwarded.and_then(Authority::parse) {
        return Some(Some(host));
    }
    headers.contains_key(HOST).then(|| single(headers, &HOST).and_then(Authority::parse))
}

/// Returns the scheme that the client used, if known.
fn scheme(headers: &HeaderMap, way: Way) -> Option<&'static str> {
    match way {
        Way::Direct => return None,
        Way::Tls => return Some("https"),
        Way::Proxied => {}
    }
    match last(headers, &X_FORWARDED_PROTO)? {
        "http" | "ws" => Some("http"),
        "https" | "wss" => Some("https"),
        _ => None,
    }
}

/// Returns whether this host served a page of this origin. A host without a port has the default port of the page's
/// scheme.
fn is_same(origin: &Origin, host: &Authority, scheme: Option<&str>) -> bool {
    let same_scheme = match scheme {
        Some(scheme) => origin.scheme == scheme,
        // A proxy in front may have terminated TLS.
        None => matches!(&*origin.scheme, "http" | "https"),
    };
    let served = Origin { scheme: origin.scheme.clone(), authority: host.clone() };
    same_scheme && origin.authority.host == host.host && origin.port() == served.port()
}

/// Returns a header that occurs exactly once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Returns the last item of a list, which the nearest proxy added.
fn last<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    value.rsplit(',').next().map(str::trim)
}

/// Returns whether only this machine can reach the address that the server listens on.
pub(super) fn is_local(listening: IpAddr) -> bool {
    listening.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn rules(origins: &[&str], hosts: &[&str]) -> Rules {
        Rules {
            origins: origins.iter().map(|text| text.parse().unwrap()).collect(),
            hosts: hosts.iter().map(|text| text.parse().unwrap()).collect(),
        }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    /// What becomes of a request with this host and origin that comes from no proxy.
    fn direct(rules: &Rules, local: bool, host: &str, origin: &str) -> Verdict {
        rules.judge(&headers(&[("host", host), ("origin", origin)]), Way::Direct, local)
    }

    #[test]
    fn a_page_of_the_server_itself_has_its_host_and_port() {
        let rules = Rules::default();
        for (host, origin) in [
            ("127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("example.org", "http://example.org"),
            ("example.org", "https://example.org"),
            ("example.org:80", "http://example.org"),
            ("example.org:443", "https://example.org"),
            ("Example.org", "http://example.org"),
            ("[::1]:3000", "http://[::1]:3000"),
        ] {
            assert_eq!(direct(&rules, false, host, origin), Verdict::Own, "{host} {origin}");
        }
        for (host, origin) in [
            ("127.0.0.1:3000", "http://127.0.0.1:5173"),
            ("127.0.0.1:3000", "http://localhost:3000"),
            ("example.org", "http://evil.example"),
            ("example.org", "http://example.org:8080"),
            ("example.org", "https://example.org:80"),
            ("example.org", "null"),
            ("example.org", ""),
            ("example.org", "ftp://example.org"),
            ("example.org", "http://example.org, http://evil.example"),
            ("", "http://example.org"),
        ] {
            let verdict = direct(&rules, false, host, origin);
            assert!(matches!(verdict, Verdict::ForeignRefused(_)), "{host} {origin}");
        }
        let twice = [("host", "a"), ("origin", "http://a"), ("origin", "http://a")];
        assert_eq!(
            rules.judge(&headers(&twice), Way::Direct, false),
            Verdict::ForeignRefused(None)
        );
        let twice = [("host", "a"), ("host", "a"), ("origin", "http://a")];
        let verdict = rules.judge(&headers(&twice), Way::Direct, false);
        assert!(matches!(verdict, Verdict::ForeignRefused(_)));
        // Programs, and pages that ask for a file.
        assert_eq!(
            rules.judge(&headers(&[("host", "anything")]), Way::Direct, false),
            Verdict::Own
        );
        assert_eq!(rules.judge(&headers(&[]), Way::Direct, true), Verdict::Own);
    }

    #[test]
    fn with_tls_the_pages_of_the_server_itself_are_https() {
        let rules = Rules::default();
        let page = |host, origin| {
            rules.judge(&headers(&[("host", host), ("origin", origin)]), Way::Tls, false)
        };
        for host in ["example.org", "example.org:443"] {
            assert_eq!(page(host, "https://example.org"), Verdict::Own);
        }
        for (host, origin) in [
            ("example.org", "http://example.org"),
            ("example.org:443", "http://example.org:443"),
            ("example.org:8443", "http://example.org:8443"),
        ] {
            let verdict = page(host, origin);
            assert!(matches!(verdict, Verdict::ForeignRefused(_)), "{host} {origin}");
        }
    }

    #[test]
    fn the_pattern_that_allows_the_most_counts() {
        let rules = rules(&["*", "https://example.org"], &[]);
        let verdict = |origin| direct(&rules, false, "chat.example.org", origin);
        assert_eq!(verdict("https://example.org"), Verdict::Foreign(Allowed::WithCredentials));
        assert_eq!(verdict("https://other.example"), Verdict::Foreign(Allowed::WithoutCredentials));
        assert_eq!(verdict("null"), Verdict::Foreign(Allowed::WithoutCredentials));
    }

    #[test]
    fn a_name_that_was_made_to_lead_here_is_none_of_this_machines() {
        let rules = rules(&["*"], &[]);
        for host in ["localhost:3000", "a.localhost", "127.0.0.1:3000", "[::1]", "192.0.2.1"] {
            let origin = format!("http://{host}");
            assert_eq!(direct(&rules, true, host, &origin), Verdict::Own, "{host}");
        }
        for host in ["evil.example", "evil.example:3000", "localhost.evil.example", "", "a b"] {
            let origin = format!("http://{host}");
            let verdict = direct(&rules, true, host, &origin);
            assert!(matches!(verdict, Verdict::HostRefused(_)), "{host}");
        }
        let get = headers(&[("host", "evil.example")]);
        assert!(matches!(rules.judge(&get, Way::Direct, true), Verdict::HostRefused(Some(_))));
        // Elsewhere the server's name is not known.
        assert_eq!(direct(&rules, false, "a.example", "http://a.example"), Verdict::Own);
    }

    #[test]
    fn names_that_are_given_are_checked_wherever_the_server_listens() {
        let rules = rules(&[], &["chat.example.org"]);
        for (way, local) in [
            (Way::Direct, false),
            (Way::Tls, false),
            (Way::Direct, true),
            (Way::Proxied, true),
            (Way::Proxied, false),
        ] {
            let judge = |host| rules.judge(&headers(&[("host", host)]), way, local);
            for host in ["chat.example.org", "chat.example.org:8080", "localhost", "192.0.2.1"] {
                assert_eq!(judge(host), Verdict::Own, "{host}");
            }
            assert!(matches!(judge("evil.example"), Verdict::HostRefused(_)));
        }
    }

    #[test]
    fn what_a_trusted_proxy_says_was_asked_for_counts() {
        let rules = Rules::default();
        let page = |origin, more: &[(&'static str, &str)], proxied| {
            let pairs = [&[("host", "127.0.0.1:3000"), ("origin", origin)], more].concat();
            let way = if proxied { Way::Proxied } else { Way::Direct };
            rules.judge(&headers(&pairs), way, true)
        };
        let forwarded = [("x-forwarded-host", "chat.example.org"), ("x-forwarded-proto", "https")];
        assert_eq!(page("https://chat.example.org", &forwarded, true), Verdict::Own);
        let refused = |verdict| matches!(verdict, Verdict::ForeignRefused(_));
        assert!(refused(page("http://chat.example.org", &forwarded, true)), "another scheme");
        assert!(refused(page("https://chat.example.org", &forwarded, false)), "not believed");
        assert!(refused(page("http://127.0.0.1:3000", &forwarded, true)), "not what was asked for");
        // The nearest proxy comes last.
        let list = [("x-forwarded-host", "evil.example, chat.example.org")];
        assert_eq!(page("https://chat.example.org", &list, true), Verdict::Own);
        // What cannot be understood is not there.
        let malformed = [("x-forwarded-host", "a b"), ("x-forwarded-proto", "gopher")];
        assert_eq!(page("http://127.0.0.1:3000", &malformed, true), Verdict::Own);
        // The host that the proxy passes on, also to a server that only the machine itself reaches.
        let passed_on =
            headers(&[("host", "chat.example.org"), ("origin", "https://chat.example.org")]);
        assert_eq!(rules.judge(&passed_on, Way::Proxied, true), Verdict::Own);
        assert!(matches!(rules.judge(&passed_on, Way::Direct, true), Verdict::HostRefused(_)));
    }
}

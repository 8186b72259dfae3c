use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::RETRY_AFTER;

/// The longest pause that a receiver can ask for.
pub(super) const LONGEST: Duration = Duration::from_secs(5 * 60);

/// Returns the pause that an answer asks for: a number of seconds, or a date.
pub(super) fn pause(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let pause = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = httpdate::parse_http_date(value).ok()?;
            date.duration_since(SystemTime::now()).unwrap_or_default()
        }
    };
    Some(pause.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn asked(value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(value).unwrap());
        pause(&headers)
    }

    #[test]
    fn seconds_and_dates_are_understood_up_to_a_bound() {
        assert_eq!(asked("7"), Some(Duration::from_secs(7)));
        assert_eq!(asked("86400"), Some(LONGEST));
        let soon = SystemTime::now() + Duration::from_secs(60);
        let pause = asked(&httpdate::fmt_http_date(soon)).unwrap();
        assert!((50..=60).contains(&pause.as_secs()), "{pause:?}");
        assert_eq!(asked("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        for odd in ["", "soon", "-1", "1.5", "99999999999999999999999"] {
            assert_eq!(asked(odd), None, "{odd}");
        }
    }
}

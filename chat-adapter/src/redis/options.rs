use redis::{Client, RedisResult, TlsCertificates};
use tokio_rustls::rustls::crypto::ring;

use crate::BroadcastError;
use crate::broker::BrokerUrl;

/// The options in the URL.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) client: Client,
    /// The server, without a password.
    pub(super) place: String,
    pub(super) mode: Mode,
}

/// How frames travel through Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mode {
    Streams { key: String, max_len: u64 },
    PubSub { channel: String },
}

impl Mode {
    /// Returns the name of the stream or channel that all nodes of a chat share.
    pub(super) fn channel(&self) -> &str {
        match self {
            Self::Streams { key, .. } => key,
            Self::PubSub { channel } => channel,
        }
    }
}

impl Options {
    pub(super) fn parse(url: &str) -> Result<Self, BroadcastError> {
        let mut url = BrokerUrl::parse(url)?.with_host()?;
        let has_tls = url.url().scheme() == "rediss";
        let authorities = url.take_authorities(has_tls)?;
        let mode = match url.take("mode").as_deref() {
            None | Some("streams") => Mode::Streams {
                key: name(url.take("stream"), "stream")?,
                max_len: max_len(url.take("maxlen"))?,
            },
            Some("pubsub") => Mode::PubSub { channel: name(url.take("channel"), "channel")? },
            Some(_) => {
                return Err(BroadcastError::url("the mode is neither streams nor pubsub"));
            }
        };
        url.refuse_others()?;
        let place = url.place("redis", 6379);
        let client = if has_tls {
            open_with_tls(url.url().as_str(), authorities)
        } else {
            Client::open(url.url().as_str())
        };
        let client = client.map_err(|error| BroadcastError::url(error.to_string()))?;
        Ok(Self { client, place, mode })
    }
}

fn open_with_tls(url: &str, authorities: Option<Vec<u8>>) -> RedisResult<Client> {
    // The library asks the process for it. If the application has chosen one, that one stays.
    let _ = ring::default_provider().install_default();
    Client::build_with_tls(url, TlsCertificates { client_tls: None, root_cert: authorities })
}

fn name(given: Option<String>, parameter: &str) -> Result<String, BroadcastError> {
    match given {
        Some(name) if name.is_empty() => {
            Err(BroadcastError::url(format!("the parameter {parameter} is empty")))
        }
        name => Ok(name.unwrap_or_else(|| "chat".to_owned())),
    }
}

fn max_len(given: Option<String>) -> Result<u64, BroadcastError> {
    let Some(text) = given else { return Ok(10_000) };
    match text.parse() {
        Ok(max_len) if max_len > 0 => Ok(max_len),
        _ => Err(BroadcastError::url("the parameter maxlen is not a number above 0")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> String {
        Options::parse(url).expect_err("it is refused").to_string()
    }

    #[test]
    fn own_parameters_are_not_shown_to_the_client_and_have_defaults() {
        let Options { place, mode, client } =
            Options::parse("redis://ada:p%40ss@host/3").expect("a URL");
        assert_eq!(mode, Mode::Streams { key: "chat".into(), max_len: 10_000 });
        assert_eq!(place, "redis at host:6379");
        assert_eq!(client.get_connection_info().redis_settings().password(), Some("p@ss"));
        assert_eq!(client.get_connection_info().redis_settings().db(), 3);

        let options = Options::parse("redis://host:7/?maxlen=5&mode=streams&stream=a%26b");
        let mode = Mode::Streams { key: "a&b".into(), max_len: 5 };
        assert_eq!(options.expect("a URL").mode, mode);
        let options = Options::parse("redis://host?mode=pubsub&channel=c").expect("a URL");
        assert_eq!(options.mode, Mode::PubSub { channel: "c".into() });
    }

    #[test]
    fn a_wrong_url_is_refused_without_repeating_it() {
        for (url, reason) in [
            ("redis://", "the redis:// URL names no host"),
            ("redis://:secret@host:port", "invalid port number"),
            ("redis://:secret@host?mode=lists", "the mode is neither streams nor pubsub"),
            ("redis://host?maxlen=-1", "the parameter maxlen is not a number above 0"),
            ("redis://host?stream=", "the parameter stream is empty"),
            (
                "redis://host?mode=pubsub&stream=a",
                "a redis:// URL has no parameter \"stream\" here",
            ),
            ("redis://:secret@host?ca=/ca.pem", "ca is for rediss://, which has TLS"),
            ("rediss://:secret@host?ca=/missing", "the authorities in /missing cannot be read"),
        ] {
            let refusal = refusal(url);
            assert!(refusal.starts_with(reason), "{url}: {refusal}");
            assert!(!refusal.contains("secret"));
        }
    }
}

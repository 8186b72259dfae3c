use std::path::PathBuf;

use async_nats::{ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;

use crate::BroadcastError;
use crate::broker::BrokerUrl;

/// The options in the URL.
pub(super) struct Options {
    pub(super) server: ServerAddr,
    /// The server, without a password.
    pub(super) place: String,
    pub(super) subject: String,
    pub(super) login: Login,
    /// A file with certificates of authorities beside those of the system.
    pub(super) authorities: Option<PathBuf>,
}

/// How this program logs in to the server.
#[derive(PartialEq, Eq)]
pub(super) enum Login {
    Nobody,
    Token(String),
    User { name: String, password: String },
}

impl Options {
    pub(super) fn parse(url: &str) -> Result<Self, BroadcastError> {
        let mut url = BrokerUrl::parse(url)?.with_host()?;
        let subject = match (url.take("subject"), url.url().path().trim_start_matches('/')) {
            (Some(subject), "") => subject,
            (Some(_), _) => return Err(BroadcastError::url("the URL names two subjects")),
            (None, "") => "chat".to_owned(),
            (None, path) => decode(path)?,
        };
        if !is_plain_subject(&subject) {
            return Err(BroadcastError::url(format!("{subject:?} is no subject to publish to")));
        }
        let has_tls = url.url().scheme() == "tls";
        let authorities = url.take("ca").map(PathBuf::from);
        if authorities.is_some() && !has_tls {
            return Err(BroadcastError::url("ca is for tls://, which has TLS"));
        }
        url.refuse_others()?;
        let place = url.place("nats", 4222);
        let name = decode(url.url().username())?;
        let login = match url.url().password() {
            Some(password) => Login::User { name, password: decode(password)? },
            None if name.is_empty() => Login::Nobody,
            None => Login::Token(name),
        };
        let host = url.url().host_str().unwrap_or_default();
        let scheme = if has_tls { "tls" } else { "nats" };
        let server = format!("{scheme}://{host}:{}", url.url().port().unwrap_or(4222));
        let server = server.parse().map_err(|_| BroadcastError::url("no host can be named so"))?;
        Ok(Self { server, place, subject, login, authorities })
    }
}

impl Login {
    pub(super) fn apply(self, options: ConnectOptions) -> ConnectOptions {
        match self {
            Self::Nobody => options,
            Self::Token(token) => options.token(token),
            Self::User { name, password } => options.user_and_password(name, password),
        }
    }
}

fn decode(text: &str) -> Result<String, BroadcastError> {
    match percent_decode_str(text).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err(BroadcastError::url("something percent-encoded in the URL is not UTF-8")),
    }
}

/// Returns whether NATS can deliver to the subject, and it is no pattern.
fn is_plain_subject(subject: &str) -> bool {
    subject.split('.').all(|token| !token.is_empty())
        && !subject.contains(['*', '>', '/'])
        && !subject.contains(|char: char| char.is_whitespace() || char.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Options {
        Options::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    #[test]
    fn the_subject_is_in_the_path_or_a_parameter() {
        assert_eq!(parse("nats://host").subject, "chat");
        assert_eq!(parse("nats://host/").subject, "chat");
        assert_eq!(parse("nats://host/chat.frames").subject, "chat.frames");
        assert_eq!(parse("nats://host:5?subject=a.b").subject, "a.b");
        assert_eq!(parse("nats://host:5?subject=a.b").place, "nats at host:5");
    }

    #[test]
    fn who_logs_in_is_percent_decoded_and_not_part_of_the_address() {
        let user = Login::User { name: "a".into(), password: "p@s:s".into() };
        let options = parse("nats://a:p%40s%3As@host");
        assert!(options.login == user);
        assert_eq!(options.server.as_url_str(), "nats://host:4222");
        assert!(parse("nats://t%2F0@host").login == Login::Token("t/0".into()));
        assert!(parse("nats://host").login == Login::Nobody);
    }

    #[test]
    fn a_wrong_url_is_refused_without_repeating_it() {
        for (url, reason) in [
            ("nats://", "the nats:// URL names no host"),
            ("nats://secret@host/a.*", "\"a.*\" is no subject to publish to"),
            ("nats://secret@host/a..b", "\"a..b\" is no subject to publish to"),
            ("nats://secret@host?subject=", "\"\" is no subject to publish to"),
            ("nats://secret@host/a?subject=b", "the URL names two subjects"),
            ("nats://secret@host?ca=/ca.pem", "ca is for tls://, which has TLS"),
            ("nats://host?tls=1", "a nats:// URL has no parameter \"tls\" here"),
        ] {
            let refusal = Options::parse(url).err().expect("it is refused").to_string();
            assert!(refusal.starts_with(reason), "{url}: {refusal}");
            assert!(!refusal.contains("secret"));
        }
    }
}

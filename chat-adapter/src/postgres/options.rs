use std::error::Error;
use std::path::Path;

use sqlx::ConnectOptions;
use sqlx::error::DatabaseError;
use sqlx::postgres::PgConnectOptions;

use super::tls::secured;
use crate::BroadcastError;
use crate::broker::{BrokerUrl, is_this_machine};

/// The maximum length of a Postgres channel name, in bytes.
const MAX_CHANNEL: usize = 63;

/// The options in the URL.
pub(super) struct Options {
    pub(super) connect: PgConnectOptions,
    /// The server, without a password.
    pub(super) place: String,
    pub(super) channel: String,
}

impl Options {
    pub(super) fn parse(url: &str) -> Result<Self, BroadcastError> {
        let mut url = BrokerUrl::parse(url)?;
        let channel = url.take("channel").unwrap_or_else(|| "chat".to_owned());
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if channel.is_empty() || channel.len() > MAX_CHANNEL || !channel.bytes().all(plain) {
            return Err(BroadcastError::url(
                "the parameter channel is not 1 to 63 letters, digits, _, - or .",
            ));
        }
        let connect = url.url().as_str().parse::<PgConnectOptions>();
        let connect = connect.map_err(|error| BroadcastError::url(innermost(&error)))?;
        let connect = without_brackets(connect);
        let connect = secured(connect, url.url().as_str())?.disable_statement_logging();
        let connect = match connect.get_application_name() {
            None => connect.application_name(env!("CARGO_PKG_NAME")),
            Some(_) => connect,
        };
        // Parts that are missing in the URL may be in environment variables.
        let place = match connect.get_socket() {
            Some(socket) => format!("postgres at {}", socket.display()),
            None => format!("postgres at {}:{}", connect.get_host(), connect.get_port()),
        };
        Ok(Self { connect, place, channel })
    }
}

/// Returns the options with an IPv6 address as the resolver takes it: a URL has it in brackets.
fn without_brackets(options: PgConnectOptions) -> PgConnectOptions {
    let host = options.get_host();
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).map(ToOwned::to_owned) {
        Some(host) => options.host(&host),
        None => options,
    }
}

/// Returns whether a database is on this machine, or the one that `store` names.
pub(crate) fn is_own(url: &str, store: &str) -> Result<bool, BroadcastError> {
    let options = Options::parse(url)?.connect;
    let place = Place::of(&options);
    if place.socket.is_some() || is_this_machine(place.host) {
        return Ok(true);
    }
    // Its other parameters are the store's own.
    let store = match BrokerUrl::parse(store) {
        Ok(store) => store.only(&["host", "hostaddr", "port", "dbname", "user"]),
        Err(_) => return Ok(false),
    };
    let store = store.url().as_str().parse::<PgConnectOptions>();
    Ok(store.is_ok_and(|store| Place::of(&without_brackets(store)) == place))
}

/// The location of a database, and its name.
#[derive(PartialEq, Eq)]
struct Place<'a> {
    socket: Option<&'a Path>,
    host: &'a str,
    port: u16,
    database: &'a str,
}

impl<'a> Place<'a> {
    fn of(options: &'a PgConnectOptions) -> Self {
        let host = options.get_host();
        // A host that begins with a slash is the folder of a socket.
        let socket = host.starts_with('/').then(|| Path::new(host));
        let socket = options.get_socket().map(AsRef::as_ref).or(socket);
        let (port, user) = (options.get_port(), options.get_username());
        Self { socket, host, port, database: options.get_database().unwrap_or(user) }
    }
}

/// Returns the innermost cause, without its context.
fn innermost(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}

/// Explains, for whoever starts this program, why the server cannot be used.
pub(super) fn refusal(place: &str, error: sqlx::Error) -> BroadcastError {
    let place = place.to_owned();
    let state = error.as_database_error().and_then(DatabaseError::code).unwrap_or_default();
    // <https://www.postgresql.org/docs/current/errcodes-appendix.html>: the first two characters are the
    // class. 53 is too many connections, 57 a server that starts or stops.
    let class = state.get(..2).unwrap_or_default().to_owned();
    let source = Box::new(error);
    match (&*source, class.as_str()) {
        (sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut, _) | (_, "53" | "57") => {
            BroadcastError::Unreachable { place, source }
        }
        (_, "28") => BroadcastError::Authentication {
            place,
            problem: "wants a user and a password, or others",
            example: "postgres://USER:PASSWORD@HOST/DATABASE",
            source,
        },
        _ => BroadcastError::Refused { place, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_channel_is_taken_out_of_the_url() {
        for (url, place, channel) in [
            ("postgres://db/chat", "postgres at db:5432", "chat"),
            ("postgres://db/chat?channel=Room.2", "postgres at db:5432", "Room.2"),
            ("postgres://db?user=a&channel=b&port=1", "postgres at db:1", "b"),
            ("postgres://[::1]/chat", "postgres at ::1:5432", "chat"),
            ("postgres:///chat?host=/run/pg&channel=b", "postgres at /run/pg", "b"),
        ] {
            let options = Options::parse(url).expect("a URL");
            assert_eq!((&*options.place, &*options.channel), (place, channel));
        }
    }

    #[test]
    fn a_wrong_url_is_refused_without_repeating_it() {
        let long = format!("postgres://:secret@db?channel={}", "x".repeat(64));
        for (url, reason) in [
            ("postgres://:secret@db?channel=", "the parameter channel is not 1 to 63"),
            ("postgres://:secret@db?channel=a%20b", "the parameter channel is not 1 to 63"),
            ("postgres://:secret@db?channel=a%22b", "the parameter channel is not 1 to 63"),
            (&long, "the parameter channel is not 1 to 63"),
            ("postgres://:secret@db:port", "invalid port number"),
            ("postgres://:secret@db?sslmode=maybe", "unknown value \"maybe\" for `ssl_mode`"),
        ] {
            let refusal = Options::parse(url).err().expect("it is refused").to_string();
            assert!(refusal.starts_with(reason), "{url}: {refusal}");
            assert!(!refusal.contains("secret"));
        }
    }
}

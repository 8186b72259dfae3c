//! What operators write: URLs of stores and adapters, proxies, origins, hosts, the base path; and the positions that
//! clients and nodes write. The first byte chooses one.
#![no_main]
#![allow(dead_code, unused_imports, reason = "files of chat-adapter that are private there")]

#[path = "../../chat-adapter/src/broker/url.rs"]
mod broker_url;
#[path = "../../chat-adapter/src/error.rs"]
mod error;
#[path = "../../chat-adapter/src/broker/host.rs"]
mod host;
#[path = "../../chat-adapter/src/nats/options.rs"]
mod nats;
#[path = "../../chat-adapter/src/postgres/options.rs"]
mod postgres;
#[path = "../../chat-adapter/src/redis/options.rs"]
mod redis_options;
#[path = "../../chat-adapter/src/postgres/tls.rs"]
mod tls;

/// Where those files look for it.
mod broker {
    pub(crate) use crate::broker_url::BrokerUrl;
    pub(crate) use crate::host::is_this_machine;
}

use std::fmt::{Debug, Display};
use std::str::FromStr;

use chat_core::{ClientOffset, Epoch, NodeId, Offset, RecoveryOffset, RoomId};
use chat_fuzz::timed;
use chat_server::{AllowedHost, AllowedOrigin, BasePath, TrustedProxy};
use error::BroadcastError;
use futures_util::FutureExt;
use libfuzzer_sys::fuzz_target;

/// What is read is written in a way that is read as the same.
fn is_read_again<T: FromStr<Err: Debug + PartialEq> + Display + Debug + PartialEq>(text: &str) {
    let Ok(value) = text.parse::<T>() else { return };
    assert_eq!(value.to_string().parse::<T>(), Ok(value));
}

/// As [`is_read_again`], of what has exactly one text.
fn is_canonical<T: FromStr<Err: Debug + PartialEq> + Display>(text: &str) {
    let Ok(value) = text.parse::<T>() else { return };
    assert_eq!(value.to_string(), text);
}

/// Words that the messages do not have, in the place of a password.
const SECRET: &str = "hUnT3r2";

/// Reads the URL of an adapter, with a password too, which no refusal may repeat.
fn adapter(scheme: &str, rest: &str, parse: fn(&str) -> Result<(), BroadcastError>) {
    let urls = [format!("{scheme}:{rest}"), format!("{scheme}://user:{SECRET}@{rest}")];
    for url in urls {
        if let Err(error) = parse(&url) {
            assert!(!error.to_string().contains(SECRET) || rest.contains(SECRET), "{error}");
        }
    }
}

fn nats(url: &str) -> Result<(), BroadcastError> {
    let options = nats::Options::parse(url)?;
    assert!(!options.subject.is_empty() && !options.place.is_empty());
    Ok(())
}

fn postgres(url: &str) -> Result<(), BroadcastError> {
    let options = postgres::Options::parse(url)?;
    assert!((1..64).contains(&options.channel.len()));
    assert!(postgres::is_own(url, url)?, "a database is another than itself");
    Ok(())
}

fn redis(url: &str) -> Result<(), BroadcastError> {
    let options = redis_options::Options::parse(url)?;
    assert!(options.mode.channel().len() < url.len().max(5));
    Ok(())
}

/// Opens a store as far as its scheme: the stores themselves are not compiled in.
fn store(url: &str) {
    let opened = chat_store::open(url).now_or_never().expect("nothing to wait for");
    match opened {
        Ok(_) => assert!(["memory:", "memory://"].contains(&url)),
        Err(error) => {
            let message = error.to_string();
            assert!(message.len() < 300 || url.len() > 100, "{message}");
        }
    }
}

fuzz_target!(|data: &[u8]| {
    timed(data, || {
        let Some((&kind, text)) = data.split_first() else { return };
        let Ok(text) = str::from_utf8(text) else { return };
        match kind % 12 {
            0 => adapter("nats", text, nats),
            1 => adapter("postgres", text, postgres),
            2 => adapter("redis", text, redis),
            3 => store(text),
            4 => drop(text.parse::<TrustedProxy>()),
            5 => drop(text.parse::<AllowedOrigin>()),
            6 => drop(text.parse::<AllowedHost>()),
            // None at all is written as nothing, and read as a slash.
            7 if text.parse() != Ok(BasePath::default()) => is_read_again::<BasePath>(text),
            7 => {}
            8 => is_canonical::<RecoveryOffset>(text),
            9 => is_canonical::<Epoch>(text),
            10 => is_read_again::<NodeId>(text),
            _ => {
                is_read_again::<ClientOffset>(text);
                is_read_again::<RoomId>(text);
                if let Ok(offset) = serde_json::from_str::<Offset>(text) {
                    assert_eq!(Offset::new(offset.as_u64()), Ok(offset));
                }
            }
        }
    });
});

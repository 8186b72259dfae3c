use crate::BroadcastError;
#[cfg(any(feature = "nats", feature = "redis"))]
use crate::broker::{BrokerUrl, is_this_machine};

/// Returns whether others than the chat's nodes may be able to publish at the adapter that a URL names, so that the
/// nodes should use a [`ClusterSecret`](crate::ClusterSecret): a broker that is not on this machine.
///
/// A PostgreSQL database counts as one too, unless it is the database of `store`, the URL of the message store. Every
/// role of a database may notify each of its channels, but whoever owns the store's database can write the messages
/// themselves.
///
/// It looks at host names only and opens no connection: every host other than `localhost` or a loopback address
/// counts as another machine.
///
/// ```
/// use chat_adapter::needs_secret;
///
/// assert!(!needs_secret("local:", "sqlite:chat.db")?);
/// # #[cfg(feature = "redis")] {
/// assert!(!needs_secret("redis://127.0.0.1", "sqlite:chat.db")?);
/// assert!(needs_secret("redis://broker", "postgres://db/chat")?);
/// # }
/// # Ok::<(), chat_adapter::BroadcastError>(())
/// ```
///
/// # Errors
/// [`BroadcastError::Url`] for a URL that [`open`](crate::open) also refuses.
pub fn needs_secret(url: &str, store: &str) -> Result<bool, BroadcastError> {
    match url.split_once(':') {
        #[cfg(feature = "redis")]
        Some(("redis" | "rediss", _)) => broker(url),
        #[cfg(feature = "nats")]
        Some(("nats" | "tls", _)) => broker(url),
        #[cfg(feature = "postgres")]
        Some(("postgres" | "postgresql", _)) => Ok(!crate::postgres::is_own(url, store)?),
        // Adapters that stay on this machine, and URLs that cannot be opened.
        _ => {
            let _ = store;
            Ok(false)
        }
    }
}

#[cfg(any(feature = "nats", feature = "redis"))]
fn broker(url: &str) -> Result<bool, BroadcastError> {
    let url = BrokerUrl::parse(url)?.with_host()?;
    Ok(!is_this_machine(url.url().host_str().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(all(feature = "nats", feature = "postgres", feature = "redis"))]
    #[test]
    fn a_broker_elsewhere_needs_a_secret_and_the_database_of_the_messages_does_not() {
        let store = "postgres://chat:secret@db/chat?channel=x";
        for (url, needs) in [
            ("local:", false),
            ("cluster:/run/chat", false),
            ("redis://localhost:7?mode=pubsub", false),
            ("redis://:secret@broker", true),
            ("rediss://:secret@broker?ca=/ca.pem", true),
            ("tls://broker", true),
            ("nats://[::1]", false),
            ("nats://10.0.0.1/chat", true),
            ("postgres://localhost/other", false),
            ("postgres:///chat?host=/run/pg", false),
            ("postgres://%2Frun%2Fpg/chat", false),
            ("postgres://notify@db/chat?channel=frames", false),
            ("postgresql://db:5432/chat", false),
            ("postgres://db/other", true),
            ("postgres://db:5433/chat", true),
            ("postgres://other/chat", true),
            ("postgres:///chat?host=other", true),
        ] {
            assert_eq!(needs_secret(url, store).expect("a URL"), needs, "{url}");
        }
        assert!(needs_secret("postgres://db/chat", "sqlite:chat.db").expect("a URL"));
        assert!(needs_secret("redis://:secret@host:port", store).is_err());
    }
}

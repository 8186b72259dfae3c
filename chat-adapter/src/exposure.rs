use crate::BroadcastError;
#[cfg(any(feature = "nats", feature = "redis"))]
use crate::host::is_this_machine;

/// Whether others than the nodes of a chat may be able to publish at the adapter that a URL names, so that the nodes
/// should not go without a [`ClusterSecret`](crate::ClusterSecret): a broker that is not on this machine.
///
/// A PostgreSQL database is one too, unless it is that of `store`, the URL of what the messages are kept in. Every
/// role of a database may notify each of its channels, but whoever owns this one can write the messages themselves.
///
/// It looks at names only, and connects to nothing: a machine that is named by anything else than `localhost` or a
/// loopback address is another one.
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
/// [`BroadcastError::Url`] for what [`open`](crate::open) refuses too.
pub fn needs_secret(url: &str, store: &str) -> Result<bool, BroadcastError> {
    match url.split_once(':') {
        #[cfg(feature = "redis")]
        Some(("redis", _)) => broker(url),
        #[cfg(feature = "nats")]
        Some(("nats", _)) => broker(url),
        #[cfg(feature = "postgres")]
        Some(("postgres" | "postgresql", _)) => Ok(!crate::postgres::is_own(url, store)?),
        // Those that stay on the machine, and what cannot be opened.
        _ => {
            let _ = store;
            Ok(false)
        }
    }
}

#[cfg(any(feature = "nats", feature = "redis"))]
fn broker(url: &str) -> Result<bool, BroadcastError> {
    let url = crate::broker_url::BrokerUrl::parse(url)?.with_host()?;
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

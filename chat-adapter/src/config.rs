use std::sync::Arc;

use crate::{Broadcast, BroadcastError, ClusterSecret, LocalBroadcast};

/// Opens the broadcast that a URL names, and returns once it works.
///
/// | URL | broadcast |
/// |---|---|
/// | `local:` | [`LocalBroadcast`], which reaches nobody outside this process |
/// | `cluster:PATH` | `ClusterBroadcast` on the socket at a path (feature `cluster`, on Unix) |
/// | `redis://HOST`, with TLS `rediss://HOST` | `RedisBroadcast` (feature `redis`) |
/// | `nats://HOST`, with TLS `tls://HOST` | `NatsBroadcast` (feature `nats`) |
/// | `postgres://HOST` | `PostgresBroadcast` (feature `postgres`) |
///
/// For user, password, port and parameters see the types. Frames are not signed, so what arrives through a broker is
/// not [authenticated](Broadcast::is_authenticated): see [`open_with`].
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let broadcast = chat_adapter::open("local:").await?;
/// assert!(broadcast.is_connected());
/// # Ok::<_, Box<dyn std::error::Error>>(()) })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`BroadcastError::Url`] or [`BroadcastError::Feature`] for an unsuitable URL, otherwise why the broker cannot be
/// used. No error repeats the URL, which may contain a password.
pub async fn open(url: &str) -> Result<Arc<dyn Broadcast>, BroadcastError> {
    open_with(url, None).await
}

/// Opens the broadcast that a URL names like [`open`], and signs frames that travel through a broker with a secret
/// that all nodes of the chat share.
///
/// `local:` and `cluster:` stay on this machine and ignore the secret.
///
/// # Errors
/// As for [`open`].
pub async fn open_with(
    url: &str,
    secret: Option<ClusterSecret>,
) -> Result<Arc<dyn Broadcast>, BroadcastError> {
    match url.split_once(':') {
        Some(("local", "" | "//")) => Ok(Arc::new(LocalBroadcast::new())),
        Some(("local", _)) => Err(BroadcastError::url("a local: adapter takes no address")),
        Some(("cluster", path)) => open_cluster(path).await,
        Some(("redis" | "rediss", _)) => open_redis(url, secret).await,
        Some(("nats" | "tls", _)) => open_nats(url, secret).await,
        Some(("postgres" | "postgresql", _)) => open_postgres(url, secret).await,
        Some((scheme, _)) if is_scheme(scheme) => {
            Err(BroadcastError::url(format!("there is no adapter with the scheme {scheme:?}")))
        }
        _ => Err(BroadcastError::url("the URL of the adapter does not begin with a scheme")),
    }
}

#[cfg(all(feature = "cluster", unix))]
async fn open_cluster(path: &str) -> Result<Arc<dyn Broadcast>, BroadcastError> {
    if path.is_empty() {
        return Err(BroadcastError::url("a cluster: adapter needs the path of its socket"));
    }
    Ok(Arc::new(crate::ClusterBroadcast::connect(path).await?))
}

#[cfg(not(all(feature = "cluster", unix)))]
async fn open_cluster(_path: &str) -> Result<Arc<dyn Broadcast>, BroadcastError> {
    Err(BroadcastError::Feature { scheme: "cluster", feature: "cluster" })
}

#[cfg(feature = "redis")]
async fn open_redis(
    url: &str,
    secret: Option<ClusterSecret>,
) -> Result<Arc<dyn Broadcast>, BroadcastError> {
    Ok(Arc::new(crate::RedisBroadcast::connect_with(url, secret).await?))
}

#[cfg(not(feature = "redis"))]
async fn open_redis(
    _url: &str,
    _secret: Option<ClusterSecret>,
) -> Result<Arc<dyn Broadcast>, BroadcastError> {
    Err(BroadcastError::Feature { scheme: "redis", feature: "redis" })
}

#[cfg(feature = "nats")]
async fn open_nats(
    url: &str,
    secret: Option<ClusterSecret>,
) -> Result<Arc<dyn Broadcast>, BroadcastError> {
    Ok(Arc::new(crate::NatsBroadcast::connect_with(url, secret).await?))
}

#[cfg(not(feature = "nats"))]
async fn open_nats(
    _url: &str,
    _secret: Option<ClusterSecret>,
) -> Result<Arc<dyn Broadcast>, BroadcastError> {
    Err(BroadcastError::Feature { scheme: "nats", feature: "nats" })
}

#[cfg(feature = "postgres")]
async fn open_postgres(
    url: &str,
    secret: Option<ClusterSecret>,
) -> Result<Arc<dyn Broadcast>, BroadcastError> {
    Ok(Arc::new(crate::PostgresBroadcast::connect_with(url, secret).await?))
}

#[cfg(not(feature = "postgres"))]
async fn open_postgres(
    _url: &str,
    _secret: Option<ClusterSecret>,
) -> Result<Arc<dyn Broadcast>, BroadcastError> {
    Err(BroadcastError::Feature { scheme: "postgres", feature: "postgres" })
}

/// Returns whether the text is a scheme by RFC 3986. Anything else may be part of a password and must not be shown.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn refusal(url: &str) -> String {
        open(url).await.err().expect("it is refused").to_string()
    }

    #[tokio::test]
    async fn a_wrong_url_is_refused_with_what_would_be_right() {
        for (url, reason) in [
            ("kafka://me:secret@host", "there is no adapter with the scheme \"kafka\""),
            ("p@ss:word", "the URL of the adapter does not begin with a scheme"),
            ("", "the URL of the adapter does not begin with a scheme"),
            ("local:here", "a local: adapter takes no address"),
        ] {
            let expected = format!(
                "{reason}; an adapter is local:, cluster:PATH, redis://HOST, nats://HOST or postgres://HOST"
            );
            assert_eq!(refusal(url).await, expected, "{url}");
        }
    }

    #[tokio::test]
    async fn an_adapter_that_is_not_compiled_in_names_its_feature() {
        for (adapter, compiled_in) in [
            ("cluster", cfg!(all(feature = "cluster", unix))),
            ("redis", cfg!(feature = "redis")),
            ("nats", cfg!(feature = "nats")),
            ("postgres", cfg!(feature = "postgres")),
        ] {
            if !compiled_in {
                let expected = format!(
                    "this program was built without {adapter} adapters; build it with the feature \
                     {adapter:?}"
                );
                assert_eq!(refusal(&format!("{adapter}://localhost")).await, expected);
            }
        }
    }
}

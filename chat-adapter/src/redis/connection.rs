use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult};

/// How long Redis has for an answer, and a publisher to be told that there is none.
pub(super) const ANSWER: Duration = Duration::from_secs(2);

/// A connection on which an answer may take this long.
pub(super) async fn connect(
    client: &Client,
    answer: Duration,
) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(ANSWER))
        .set_response_timeout(Some(answer));
    client.get_multiplexed_async_connection_with_config(&config).await
}

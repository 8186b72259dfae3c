use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult};

/// How long Redis may take to answer before a publisher gets an error.
pub(super) const ANSWER: Duration = Duration::from_secs(2);

/// Opens a connection with a time limit for answers.
pub(super) async fn connect(
    client: &Client,
    answer: Duration,
) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(ANSWER))
        .set_response_timeout(Some(answer));
    client.get_multiplexed_async_connection_with_config(&config).await
}

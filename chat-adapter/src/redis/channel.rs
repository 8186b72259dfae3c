use std::io;
use std::time::Duration;

use futures_util::StreamExt;
use redis::aio::{PubSubSink, PubSubStream};
use redis::{Client, RedisResult, Value};
use tokio::time::{sleep, timeout};

use super::batch::Batch;
use super::connection::ANSWER;

/// The time between two checks whether the server still answers.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Listens to a pub/sub channel.
pub(super) struct ChannelReader {
    channel: String,
    messages: PubSubStream,
    /// Completes with an error when the server stops answering; never completes otherwise.
    heartbeat: futures_util::future::BoxFuture<'static, redis::RedisError>,
}

impl ChannelReader {
    pub(super) async fn start(client: &Client, channel: &str) -> RedisResult<Self> {
        let listen = async {
            let (mut sink, messages) = client.get_async_pubsub().await?.split();
            sink.subscribe(channel).await?;
            let heartbeat = Box::pin(heartbeat(sink));
            Ok(Self { channel: channel.to_owned(), messages, heartbeat })
        };
        timeout(ANSWER, listen)
            .await
            .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
    }

    /// Listens on a new connection. Frames published in between are lost.
    pub(super) async fn reconnect(&mut self, client: &Client) -> RedisResult<Batch> {
        *self = Self::start(client, &self.channel).await?;
        Ok(Batch { gap: true, payloads: Vec::new() })
    }

    pub(super) async fn read(&mut self) -> RedisResult<Batch> {
        tokio::select! {
            message = self.messages.next() => match message {
                Some(message) => {
                    Ok(Batch { gap: false, payloads: vec![message.get_payload()?] })
                }
                None => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            },
            error = &mut self.heartbeat => Err(error),
        }
    }
}

async fn heartbeat(mut sink: PubSubSink) -> redis::RedisError {
    loop {
        sleep(HEARTBEAT).await;
        match timeout(ANSWER, sink.ping::<Value>()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return error,
            Err(_) => return io::Error::from(io::ErrorKind::TimedOut).into(),
        }
    }
}

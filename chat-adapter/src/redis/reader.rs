use std::sync::Arc;

use redis::{Client, RedisResult};

use super::batch::Batch;
use super::channel::ChannelReader;
use super::options::Mode;
use super::stream::StreamReader;
use crate::Incoming;
use crate::broker::{Decoder, Link, backoff};
use crate::fanout::Fanout;

/// Where frames come from.
pub(super) enum Source {
    Stream(StreamReader),
    Channel(ChannelReader),
}

impl Source {
    pub(super) async fn start(client: &Client, mode: &Mode) -> RedisResult<Self> {
        Ok(match mode {
            Mode::Streams { key, max_len } => {
                Self::Stream(StreamReader::start(client, key, *max_len).await?)
            }
            Mode::PubSub { channel } => Self::Channel(ChannelReader::start(client, channel).await?),
        })
    }

    /// Returns what has arrived since the last call, or an error if the connection no longer works.
    async fn read(&mut self) -> RedisResult<Batch> {
        match self {
            Self::Stream(stream) => stream.read().await,
            Self::Channel(channel) => channel.read().await,
        }
    }

    async fn reconnect(&mut self, client: &Client) -> RedisResult<Batch> {
        match self {
            Self::Stream(stream) => stream.reconnect(client).await,
            Self::Channel(channel) => channel.reconnect(client).await,
        }
    }
}

/// Passes everything that arrives to the subscribers, reconnecting as needed.
pub(super) async fn run(
    client: Client,
    mut source: Source,
    mut decoder: Decoder,
    fanout: Arc<Fanout>,
    link: Arc<Link>,
) {
    let mut failures = 0;
    let mut read = source.read().await;
    loop {
        read = match read {
            Ok(batch) => {
                link.found();
                if deliver(batch, &mut decoder, &fanout).is_err() {
                    return;
                }
                source.read().await.inspect(|_| failures = 0)
            }
            Err(error) => {
                link.lost(error);
                tokio::time::sleep(backoff(failures)).await;
                failures = failures.saturating_add(1);
                source.reconnect(&client).await
            }
        };
    }
}

fn deliver(
    batch: Batch,
    decoder: &mut Decoder,
    fanout: &Fanout,
) -> Result<(), crate::BroadcastError> {
    if batch.gap {
        fanout.send(Incoming::Gap)?;
    }
    for payload in batch.payloads {
        if let Some(frame) = decoder.decode(&payload) {
            fanout.send(frame)?;
        }
    }
    Ok(())
}

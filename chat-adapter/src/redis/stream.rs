use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::streams::{StreamRangeReply, StreamReadReply};
use redis::{Client, Cmd, RedisResult, cmd, pipe};

use super::batch::Batch;
use super::connection::{ANSWER, connect};

/// The field of an entry that holds a frame.
pub(super) const FRAME: &str = "f";

/// The field of an entry that only marks where a reader began.
const MARK: &str = "m";

/// How long one read waits for new entries; a lost connection is noticed no earlier.
const BLOCK: Duration = Duration::from_secs(1);

/// The number of entries per read.
const COUNT: usize = 64;

/// Reads a stream from a known position on.
///
/// The position is an *existing entry*: the last one read, or at first a mark that the reader adds. The oldest
/// entries are trimmed first, so as long as that entry exists, all later ones do; once it is gone (trimmed, or with
/// the whole stream) some may be missing. A position such as "the end", or an id without its entry, could not tell.
/// After a gap it continues at the end: subscribers read the store anyway.
pub(super) struct StreamReader {
    connection: MultiplexedConnection,
    key: String,
    max_len: u64,
    place: String,
}

impl StreamReader {
    pub(super) async fn start(client: &Client, key: &str, max_len: u64) -> RedisResult<Self> {
        let mut connection = connect(client, BLOCK + ANSWER).await?;
        let place = mark(&mut connection, key, max_len).await?;
        Ok(Self { connection, key: key.to_owned(), max_len, place })
    }

    /// Continues from the same position on a new connection.
    pub(super) async fn reconnect(&mut self, client: &Client) -> RedisResult<Batch> {
        self.connection = connect(client, BLOCK + ANSWER).await?;
        let found: StreamRangeReply = self.find().query_async(&mut self.connection).await?;
        self.arrive(StreamReadReply::default(), &found).await
    }

    pub(super) async fn read(&mut self) -> RedisResult<Batch> {
        let mut read = cmd("XREAD");
        read.arg("COUNT").arg(COUNT).arg("BLOCK").arg(BLOCK.as_millis() as u64);
        read.arg("STREAMS").arg(&self.key).arg(&self.place);
        // Checking for the entry *after* reading proves that nothing had been trimmed before.
        let (read, found): (Option<StreamReadReply>, StreamRangeReply) = pipe()
            .add_command(read)
            .add_command(self.find())
            .query_async(&mut self.connection)
            .await?;
        self.arrive(read.unwrap_or_default(), &found).await
    }

    fn find(&self) -> Cmd {
        cmd("XRANGE").arg(&self.key).arg(&self.place).arg(&self.place).take()
    }

    async fn arrive(
        &mut self,
        read: StreamReadReply,
        found: &StreamRangeReply,
    ) -> RedisResult<Batch> {
        let mut batch = Batch { gap: found.ids.is_empty(), payloads: Vec::new() };
        let entries = read.keys.into_iter().flat_map(|stream| stream.ids);
        let mut last = None;
        for entry in entries {
            batch.payloads.extend(entry.get(FRAME));
            last = Some(entry.id);
        }
        match last {
            Some(id) => self.place = id,
            None if batch.gap => {
                self.place = mark(&mut self.connection, &self.key, self.max_len).await?;
            }
            None => {}
        }
        Ok(batch)
    }
}

/// Returns the command that appends an entry with one field.
pub(super) fn add(key: &str, max_len: u64, field: &str, value: &[u8]) -> Cmd {
    let mut add = cmd("XADD");
    add.arg(key).arg("MAXLEN").arg("~").arg(max_len).arg("*").arg(field).arg(value).take()
}

/// Appends a mark and returns its id.
async fn mark(
    connection: &mut MultiplexedConnection,
    key: &str,
    max_len: u64,
) -> RedisResult<String> {
    add(key, max_len, MARK, b"").query_async(connection).await
}

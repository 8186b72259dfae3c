use std::collections::VecDeque;

use chat_core::{Message, Offset};
use chat_store::StoreError;
use tokio::time::{Instant, sleep};

use crate::engine::log::Log;

/// The maximum number of messages of a part.
const PART: usize = 1024;

/// After each part, the pause is so many times as long as reading it took: a long log is measured after a start.
const REST: u32 = 2;

/// The sizes of the parts of the log, the first one first. Contents count as they were when they were read.
#[derive(Debug, Default)]
pub(super) struct Sizes {
    parts: VecDeque<Part>,
    bytes: u64,
    measured_upto: Offset,
}

#[derive(Debug)]
struct Part {
    upto: Offset,
    bytes: u64,
}

impl Sizes {
    /// Returns the last message before the newest ones that have at most so many bytes together.
    pub(super) async fn beyond(&mut self, most: u64, log: &Log) -> Result<Offset, StoreError> {
        self.measure(log).await?;
        let mut upto = log.horizon();
        self.drop_parts(|part| part.upto <= upto);
        while self.bytes > most
            && let Some(first) = self.parts.front()
        {
            if self.bytes - first.bytes >= most {
                upto = first.upto;
                let dropped = upto;
                self.drop_parts(|part| part.upto <= dropped);
                continue;
            }
            let (end, excess) = (first.upto, self.bytes - most);
            let page = log.read_feeds_after(None, upto, PART).await?;
            let mut gone = 0;
            for message in page.messages.iter().filter(|message| message.offset <= end) {
                if gone >= excess {
                    break;
                }
                gone += bytes(message);
                upto = message.offset;
            }
            self.bytes -= gone.min(self.bytes);
            if let Some(first) = self.parts.front_mut() {
                first.bytes -= gone.min(first.bytes);
            }
            break;
        }
        Ok(upto)
    }

    /// Reads what came since.
    async fn measure(&mut self, log: &Log) -> Result<(), StoreError> {
        loop {
            let began = Instant::now();
            let page = log.read_feeds_after(None, self.measured_upto, PART).await?;
            if let Some(last) = page.messages.last() {
                let bytes = page.messages.iter().map(bytes).sum();
                self.parts.push_back(Part { upto: last.offset, bytes });
                self.bytes += bytes;
                self.measured_upto = last.offset;
            }
            if !page.more {
                return Ok(());
            }
            sleep(began.elapsed() * REST).await;
        }
    }

    fn drop_parts(&mut self, is_dropped: impl Fn(&Part) -> bool) {
        while let Some(part) = self.parts.pop_front_if(|part| is_dropped(part)) {
            self.bytes -= part.bytes.min(self.bytes);
        }
    }
}

fn bytes(message: &Message) -> u64 {
    message.content.as_str().len() as u64
}

use async_trait::async_trait;
use chat_core::{Feed, Offset, UserId};

use super::MemoryStore;
use crate::read_position_store::{feed_from_kept, kept_feed};
use crate::{ReadPosition, ReadPositionStore, StoreError};

#[async_trait]
impl ReadPositionStore for MemoryStore {
    async fn note_read(&self, positions: &[ReadPosition]) -> Result<(), StoreError> {
        let mut contents = self.contents()?;
        for (key, offset) in ReadPosition::furthest(positions) {
            let noted = contents.read_positions.entry(key).or_insert(offset);
            *noted = offset.max(*noted);
        }
        Ok(())
    }

    async fn forget_reader(&self, user: UserId) -> Result<(), StoreError> {
        self.contents()?.read_positions.retain(|(reader, _), _| *reader != user);
        Ok(())
    }

    async fn read_positions(
        &self,
        user: UserId,
        limit: usize,
    ) -> Result<Vec<ReadPosition>, StoreError> {
        let contents = self.contents()?;
        let own = contents.read_positions.range((user, String::new())..);
        let own = own.take_while(|((of, _), _)| *of == user).filter_map(|((_, feed), &offset)| {
            Some(ReadPosition { user, feed: feed_from_kept(feed)?, offset })
        });
        Ok(own.take(limit).collect())
    }

    async fn readers_of(
        &self,
        feed: &Feed,
        limit: usize,
    ) -> Result<Vec<(UserId, Offset)>, StoreError> {
        let (contents, feed) = (self.contents()?, kept_feed(feed));
        let readers = contents.read_positions.iter().filter(|((_, of), _)| *of == feed);
        Ok(readers.take(limit).map(|((user, _), &offset)| (*user, offset)).collect())
    }
}

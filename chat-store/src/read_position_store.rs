use std::collections::BTreeMap;

use async_trait::async_trait;
use chat_core::{Feed, Offset, RoomId, UserId};

use crate::StoreError;

/// How far a user has read a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadPosition {
    /// The user.
    pub user: UserId,
    /// What was read: a room, or the messages [between](Feed::Between) the user and another one. The order of the two
    /// does not matter; stores return the smaller id first.
    pub feed: Feed,
    /// The newest message of it that the user has read.
    pub offset: Offset,
}

/// A store of how far users have read.
///
/// # Contract
///
/// - **Forwards only.** A position is the largest one noted, in whatever order, and by however many processes.
/// - **Whole.** The positions of a call are noted together or not at all.
/// - **Durable** like messages.
/// - **Cancel safe.** A dropped call has happened completely or not at all; noting again is harmless.
///
/// The store keeps a position for each feed that it is told of: the caller makes sure that users name only feeds that
/// they may read, and not too many. The module `testkit` (feature `testkit`) checks the contract. If the store is also
/// a [`MessageStore`](crate::MessageStore) and was closed, all calls fail with [`StoreError::Closed`].
#[async_trait]
pub trait ReadPositionStore: Send + Sync + 'static {
    /// Notes how far users have read. Positions that are not beyond the ones that are there change nothing.
    ///
    /// # Errors
    /// Nothing was noted; see [`StoreError::is_retryable`].
    async fn note_read(&self, positions: &[ReadPosition]) -> Result<(), StoreError>;

    /// Deletes how far a user has read.
    ///
    /// # Errors
    /// Nothing was changed; see [`StoreError::is_retryable`].
    async fn forget_reader(&self, user: UserId) -> Result<(), StoreError>;

    /// Returns how far a user has read, at most `limit` feeds, in an order that each store chooses.
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn read_positions(
        &self,
        user: UserId,
        limit: usize,
    ) -> Result<Vec<ReadPosition>, StoreError>;

    /// Returns who has read a feed, and how far, in the order of the users' ids, at most `limit`.
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn readers_of(
        &self,
        feed: &Feed,
        limit: usize,
    ) -> Result<Vec<(UserId, Offset)>, StoreError>;
}

impl ReadPosition {
    /// Returns the furthest of these positions for each user and [text](kept_feed) of a feed, for implementations of
    /// stores.
    pub(crate) fn furthest(positions: &[Self]) -> BTreeMap<(UserId, String), Offset> {
        let mut furthest = BTreeMap::new();
        for position in positions {
            let of_feed = furthest.entry((position.user, kept_feed(&position.feed)));
            let offset = of_feed.or_insert(position.offset);
            *offset = position.offset.max(*offset);
        }
        furthest
    }
}

/// Returns the text that stores keep for a feed: `room:general`, `between:3:7`, `user:3`.
pub(crate) fn kept_feed(feed: &Feed) -> String {
    match feed {
        Feed::Room(room) => format!("room:{room}"),
        Feed::User(user) => format!("user:{}", user.as_i64()),
        Feed::Between(one, other) => {
            format!("between:{}:{}", one.min(other).as_i64(), one.max(other).as_i64())
        }
    }
}

/// Reads the [text](kept_feed) of a feed; none if it is no such text.
pub(crate) fn feed_from_kept(text: &str) -> Option<Feed> {
    let user = |number: &str| number.parse().ok().map(UserId::from_stored);
    match text.split_once(':')? {
        ("room", name) => Some(Feed::Room(RoomId::from_stored(name))),
        ("user", number) => Some(Feed::User(user(number)?)),
        ("between", numbers) => {
            let (one, other) = numbers.split_once(':')?;
            Some(Feed::Between(user(one)?, user(other)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_comes_back_as_it_was() {
        let [three, seven] = [3, 7].map(UserId::from_stored);
        for feed in [
            Feed::Room(RoomId::general()),
            Feed::Room(RoomId::from_stored("user:3")),
            Feed::User(seven),
            Feed::Between(three, seven),
        ] {
            assert_eq!(feed_from_kept(&kept_feed(&feed)), Some(feed));
        }
        assert_eq!(kept_feed(&Feed::Between(seven, three)), "between:3:7");
        for text in ["", "room", "user:x", "between:3", "between:3:x", "other:3"] {
            assert_eq!(feed_from_kept(text), None, "{text}");
        }
    }
}

//! How much each user may store in a day.

use std::sync::Arc;
use std::time::Duration;

use chat_core::{Content, Refusal, RefusalCode};
use chat_store::OwnerKey;

use crate::limits::Limits;
use crate::rate::{Bucket, Buckets, Rate};
use crate::source::Source;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Whose messages are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum User {
    /// Everything that the owner of a name sends, over all connections.
    Named(OwnerKey),
    /// Everything that is sent from a place without a name.
    Anonymous(Source),
}

/// What the users of this node may still store. A quota comes back bit by bit, all of it in a day; nothing is written
/// down, so that each node counts by itself, and anew after a restart.
#[derive(Debug)]
pub(crate) struct Quotas {
    messages: Option<Buckets<User>>,
    bytes: Option<Buckets<User>>,
}

/// What a user may still store.
#[derive(Debug, Clone, Default)]
pub(crate) struct Quota {
    messages: Option<Arc<Bucket>>,
    bytes: Option<Arc<Bucket>>,
}

impl Quotas {
    pub(crate) fn new(limits: &Limits) -> Self {
        let buckets = |most| Rate::new(most, DAY).map(Buckets::new);
        let (messages, bytes) = (limits.max_messages_per_day, limits.max_bytes_per_day);
        Self { messages: buckets(messages), bytes: buckets(bytes) }
    }

    pub(crate) fn of(&self, user: User) -> Quota {
        let of = |buckets: &Option<Buckets<User>>| Some(buckets.as_ref()?.of(&user));
        Quota { messages: of(&self.messages), bytes: of(&self.bytes) }
    }
}

impl Quota {
    /// Takes what a message needs, or refuses it.
    pub(crate) fn take(&self, content: &Content) -> Result<(), Refusal> {
        if let Some(messages) = &self.messages {
            messages.take(1).map_err(|wait| exceeded("messages", wait))?;
        }
        let Some(bytes) = &self.bytes else { return Ok(()) };
        bytes.take(content.as_str().len() as u64).map_err(|wait| {
            // It is not stored, so it is none of them.
            self.messages.iter().for_each(|messages| messages.give_back(1));
            exceeded("bytes", wait)
        })
    }
}

fn exceeded(what: &str, wait: Duration) -> Refusal {
    let message =
        format!("you have sent as many {what} as you may in a day; send this again later");
    Refusal { code: RefusalCode::QuotaExceeded, ..Refusal::slow_down(message, wait) }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn quotas(messages: u64, bytes: u64) -> Quotas {
        Quotas::new(&Limits {
            max_messages_per_day: messages,
            max_bytes_per_day: bytes,
            ..Limits::default()
        })
    }

    fn from(last: u8) -> User {
        User::Anonymous(Source::Address([192, 0, 2, last].into()))
    }

    fn content(bytes: usize) -> Content {
        "x".repeat(bytes).parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_may_send_so_much_a_day_over_all_connections() {
        let quotas = quotas(24, 0);
        let tabs = [quotas.of(from(1)), quotas.of(from(1))];
        for round in 0..24 {
            assert_eq!(tabs[round % 2].take(&content(1000)), Ok(()));
        }
        let refusal = tabs[0].take(&content(1)).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::QuotaExceeded);
        assert_eq!(refusal.retry_after, Some(DAY / 24));
        assert_eq!(quotas.of(from(2)).take(&content(1)), Ok(()));
        assert_eq!(quotas.of(User::Named(OwnerKey([1; 32]))).take(&content(1)), Ok(()));
        drop(tabs);
        assert!(quotas.of(from(1)).take(&content(1)).is_err(), "who connects again is known");
        advance(DAY / 24).await;
        assert_eq!(quotas.of(from(1)).take(&content(1)), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_is_too_many_bytes_does_not_count() {
        let quota = quotas(2, 1000).of(from(1));
        assert_eq!(quota.take(&content(900)), Ok(()));
        for _ in 0..5 {
            let refusal = quota.take(&content(200)).unwrap_err();
            assert_eq!(refusal.code, RefusalCode::QuotaExceeded);
            assert_eq!(refusal.retry_after, Some(DAY / 10));
        }
        assert_eq!(quota.take(&content(100)), Ok(()));
        assert!(quota.take(&content(1)).unwrap_err().message.contains("messages"));
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let quota = quotas(0, 0).of(from(1));
        for _ in 0..10_000 {
            assert_eq!(quota.take(&content(60_000)), Ok(()));
        }
    }
}

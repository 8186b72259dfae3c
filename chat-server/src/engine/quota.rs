//! Limits on how much each user may store in a day.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use chat_core::{NewMessage, Refusal, RefusalCode};
use chat_store::{Appended, OwnerKey};

use crate::engine::episode::Episode;
use crate::engine::limits::Limits;
use crate::engine::log::Outcome;
use crate::engine::rate::{Bucket, Buckets, Rate};
use crate::engine::source::Source;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The remaining quotas of this node's users and of their addresses: a new nickname brings a new quota, and only the
/// address stays the same. A quota refills continuously, completely in a day. Nothing is stored, so each node counts
/// separately, and anew after a restart.
#[derive(Debug)]
pub(crate) struct Quotas {
    /// By the owner of a nickname: everything sent under it, over all connections.
    named: Kept<OwnerKey>,
    /// By address, for clients without a nickname.
    anonymous: Kept<Source>,
    /// By address, for all clients there.
    addresses: Kept<Source>,
}

/// Quotas of one kind.
#[derive(Debug)]
struct Kept<K> {
    messages: Option<Buckets<K>>,
    bytes: Option<Buckets<K>>,
    used_up: Arc<Episode>,
}

/// The remaining quota of one sender.
#[derive(Debug, Clone)]
pub(crate) struct Quota(Vec<Part>);

/// What a message that is on its way to the log has taken of a quota.
#[derive(Debug)]
pub(crate) enum Spent {
    /// Its part, which is given back if the message is not stored.
    Taken { quota: Quota, bytes: usize },
    /// Nothing, as there was none: the refusal, unless it is a retry.
    UsedUp(Refusal),
    /// Nothing, as it is refused for another reason, unless it is a retry.
    Refused(Refusal),
}

/// One of the counters that apply.
#[derive(Debug, Clone)]
struct Part {
    bucket: Arc<Bucket>,
    bytes: bool,
    whose: &'static str,
    used_up: Arc<Episode>,
}

impl<K: Eq + Hash + Clone> Kept<K> {
    fn new(messages: u64, bytes: u64) -> Self {
        let buckets = |most| Rate::new(most, DAY).map(Buckets::new);
        let used_up = Episode::new("messages were refused for the quota of a day");
        Self { messages: buckets(messages), bytes: buckets(bytes), used_up }
    }

    fn of(&self, key: &K, whose: &'static str) -> impl Iterator<Item = Part> {
        let part = |buckets: &Option<Buckets<K>>, bytes| {
            let bucket = buckets.as_ref()?.of(key);
            Some(Part { bucket, bytes, whose, used_up: Arc::clone(&self.used_up) })
        };
        [part(&self.messages, false), part(&self.bytes, true)].into_iter().flatten()
    }
}

impl Quotas {
    pub(crate) fn new(limits: &Limits) -> Self {
        let user = (limits.max_messages_per_day, limits.max_bytes_per_day);
        let address =
            (limits.max_messages_per_day_per_address, limits.max_bytes_per_day_per_address);
        Self {
            named: Kept::new(user.0, user.1),
            anonymous: Kept::new(user.0, user.1),
            addresses: Kept::new(address.0, address.1),
        }
    }

    /// Returns the quota of the owner of a nickname, or of a client without one, at a source.
    pub(crate) fn of(&self, owner: Option<&OwnerKey>, source: Source) -> Quota {
        let mut parts: Vec<_> = match owner {
            Some(owner) => self.named.of(owner, "you have").collect(),
            None => {
                let whose = "those without a nickname at your address have";
                self.anonymous.of(&source, whose).collect()
            }
        };
        parts.extend(self.addresses.of(&source, "everybody at your address together has"));
        Quota(parts)
    }
}

impl Quota {
    /// Takes the quota for a message. Where it is used up, a message with a key is only looked up: a retry of what is
    /// stored needs no quota.
    pub(crate) fn spend(&self, message: &mut NewMessage) -> Result<Spent, Refusal> {
        let bytes = message.content.as_str().len();
        match self.take(bytes) {
            Ok(()) => Ok(Spent::Taken { quota: self.clone(), bytes }),
            Err(refusal) if message.client_offset.is_some() => {
                message.is_only_retry = true;
                Ok(Spent::UsedUp(refusal))
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// Takes the quota for a message, or refuses it.
    fn take(&self, bytes: usize) -> Result<(), Refusal> {
        for (taken, part) in self.0.iter().enumerate() {
            part.bucket.take(part.amount(bytes)).map_err(|wait| {
                // It is not stored, so the other counters get their part back.
                self.0[..taken].iter().for_each(|part| part.give_back(bytes));
                let what = if part.bytes { "bytes" } else { "messages" };
                part.used_up.happens(|| {
                    tracing::warn!(
                        "messages are refused: a quota of {what} for a day is used up (--max-{what}-per-day, \
                         --max-{what}-per-day-per-address)"
                    );
                });
                exceeded(part.whose, what, wait)
            })?;
        }
        Ok(())
    }

    /// Gives back the quota taken for a message.
    fn give_back(&self, bytes: usize) {
        self.0.iter().for_each(|part| part.give_back(bytes));
    }
}

impl Spent {
    /// Settles a message with its outcome: one that is not stored gets its quota back. Returns the refusal to answer with if
    /// there was no quota, and it is no retry.
    pub(crate) fn settle(self, outcome: &Outcome) -> Option<Refusal> {
        match (self, outcome) {
            (Self::Taken { .. }, Outcome::Answered(Appended::New(_))) => None,
            (Self::Taken { quota, bytes }, _) => {
                quota.give_back(bytes);
                None
            }
            (Self::UsedUp(refusal), Outcome::Answered(Appended::Missing)) => Some(refusal),
            (Self::UsedUp(_), _)
            | (
                Self::Refused(_),
                Outcome::Answered(Appended::Duplicate(_)) | Outcome::Unavailable,
            ) => None,
            // What it is refused for may be why it is not the same as what is stored.
            (Self::Refused(refusal), _) => Some(refusal),
        }
    }
}

impl Part {
    fn amount(&self, bytes: usize) -> u64 {
        if self.bytes { bytes as u64 } else { 1 }
    }

    fn give_back(&self, bytes: usize) {
        self.bucket.give_back(self.amount(bytes));
    }
}

fn exceeded(whose: &str, what: &str, wait: Duration) -> Refusal {
    let message = format!("{whose} sent as many {what} as one may in a day; send this again later");
    Refusal::new(RefusalCode::QuotaExceeded, message).with_retry_after(wait)
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn quotas(messages: u64, bytes: u64) -> Quotas {
        Quotas::new(&Limits {
            max_messages_per_day: messages,
            max_bytes_per_day: bytes,
            max_messages_per_day_per_address: 0,
            max_bytes_per_day_per_address: 0,
            ..Limits::default()
        })
    }

    fn from(last: u8) -> Source {
        Source::Address([192, 0, 2, last].into())
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_may_send_so_much_a_day_over_all_connections() {
        let quotas = quotas(24, 0);
        let tabs = [quotas.of(None, from(1)), quotas.of(None, from(1))];
        for round in 0..24 {
            assert_eq!(tabs[round % 2].take(1000), Ok(()));
        }
        let refusal = tabs[0].take(1).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::QuotaExceeded);
        assert_eq!(refusal.retry_after, Some(DAY / 24));
        assert_eq!(quotas.of(None, from(2)).take(1), Ok(()));
        assert_eq!(quotas.of(Some(&OwnerKey([1; 32])), from(1)).take(1), Ok(()));
        drop(tabs);
        assert!(quotas.of(None, from(1)).take(1).is_err(), "who connects again is known");
        advance(DAY / 24).await;
        assert_eq!(quotas.of(None, from(1)).take(1), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_is_too_many_bytes_does_not_count() {
        let quota = quotas(2, 1000).of(None, from(1));
        assert_eq!(quota.take(900), Ok(()));
        for _ in 0..5 {
            let refusal = quota.take(200).unwrap_err();
            assert_eq!(refusal.code, RefusalCode::QuotaExceeded);
            assert_eq!(refusal.retry_after, Some(DAY / 10));
        }
        assert_eq!(quota.take(100), Ok(()));
        assert!(quota.take(1).unwrap_err().message.contains("messages"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_name_brings_no_more_than_its_address_may_store() {
        let limits = Limits {
            max_messages_per_day: 10,
            max_messages_per_day_per_address: 24,
            ..Limits::default()
        };
        let quotas = Quotas::new(&limits);
        let mut stored = 0;
        for name in 0..60 {
            let quota = quotas.of(Some(&OwnerKey([name; 32])), from(1));
            while quota.take(1).is_ok() {
                stored += 1;
            }
        }
        assert_eq!(stored, 24);
        let refusal = quotas.of(None, from(1)).take(1).unwrap_err();
        assert_eq!(
            (refusal.code, refusal.retry_after),
            (RefusalCode::QuotaExceeded, Some(DAY / 24))
        );
        assert!(refusal.message.starts_with("everybody at your address"), "{}", refusal.message);
        let elsewhere = quotas.of(Some(&OwnerKey([7; 32])), from(2));
        assert_eq!(elsewhere.take(1), Ok(()), "what was refused does not count");
        let used_up = quotas.of(Some(&OwnerKey([0; 32])), from(2)).take(1).unwrap_err();
        assert!(used_up.message.starts_with("you have sent"), "{}", used_up.message);
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let quota = quotas(0, 0).of(None, from(1));
        for _ in 0..10_000 {
            assert_eq!(quota.take(60_000), Ok(()));
        }
    }
}

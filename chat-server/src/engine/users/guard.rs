use std::sync::Arc;
use std::time::Duration;

use chat_core::{Nickname, NicknameKey, Refusal, RefusalCode};

use super::reserved::Reserved;
use crate::engine::episode::Episode;
use crate::engine::limits::Limits;
use crate::engine::rate::{Bucket, Buckets, Rate};
use crate::engine::source::Source;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Decides which nicknames may be claimed, how many, and how often claims may fail.
pub(super) struct Guard {
    reserved: Reserved,
    /// Claims to nicknames that were free.
    new: Option<Buckets<Source>>,
    wrong: Option<Wrong>,
    guessed: Arc<Episode>,
    collected: Arc<Episode>,
}

/// Claims that were not granted, for instance with another token than the owner's.
///
/// They are counted once they have failed, so that owners who all reconnect at once do not wait for each other.
/// Simultaneous failures overdraw a bucket and have to be paid back.
struct Wrong {
    by_source: Buckets<Source>,
    by_name: Buckets<NicknameKey>,
}

/// Permission to claim a new nickname. If dropped before the claim is granted, it does not count.
#[must_use]
pub(super) struct NewName(Option<Arc<Bucket>>);

impl Guard {
    pub(super) fn new(limits: &Limits, reserved: Reserved) -> Self {
        let new = Rate::new(limits.max_new_names_per_hour.into(), HOUR).map(Buckets::new);
        let wrong = Rate::new(limits.max_wrong_tokens_per_minute.into(), MINUTE);
        let wrong =
            wrong.map(|rate| Wrong { by_source: Buckets::new(rate), by_name: Buckets::new(rate) });
        let guessed = Episode::new("claims to nicknames were refused unseen");
        let collected = Episode::new("new nicknames were refused");
        Self { reserved, new, wrong, guessed, collected }
    }

    /// Decides whether a claim, or a code, may be checked.
    ///
    /// A source with too many failed claims has to wait. If many sources fail for one nickname, those that failed
    /// recently have to wait; its owner, who did not, does not.
    pub(super) fn admit(&self, source: Source, nickname: Option<&Nickname>) -> Result<(), Refusal> {
        let Some(wrong) = &self.wrong else { return Ok(()) };
        let Some(own) = wrong.by_source.used(&source).filter(|own| !own.is_full()) else {
            return Ok(());
        };
        let name = nickname.and_then(|nickname| wrong.by_name.used(&nickname.key()));
        let wait = own.wait(1).max(name.map_or(Duration::ZERO, |name| name.wait(1)));
        if wait.is_zero() {
            return Ok(());
        }
        self.guessed.happens(|| {
            tracing::warn!(
                "claims to nicknames are refused unseen: too many were in vain (--max-wrong-tokens-per-minute)"
            );
        });
        let reason = "too many names, tokens or codes were tried that are not yours";
        Err(Refusal::slow_down(format!("{reason}; try again {}", later(wait)), wait))
    }

    /// Decides whether a nickname may be claimed that may be new. It counts at once, because many may be claimed at
    /// the same time, and stops counting if the claim is not granted.
    pub(super) fn admit_new(
        &self,
        source: Source,
        nickname: &Nickname,
    ) -> Result<NewName, Refusal> {
        nickname
            .check_new()
            .map_err(|error| Refusal::invalid(RefusalCode::InvalidNickname, error))?;
        if self.reserved.contains(nickname) {
            let message = "this nickname is reserved; choose another one";
            return Err(Refusal::new(RefusalCode::NicknameTaken, message));
        }
        let Some(new) = &self.new else { return Ok(NewName(None)) };
        let bucket = new.of(&source);
        bucket.take(1).map_err(|wait| {
            self.collected.happens(|| {
                tracing::warn!(
                    "new nicknames are refused: one address has taken as many as it may (--max-new-names-per-hour)"
                );
            });
            let message =
                format!("many new names were taken from where you are; try again {}", later(wait));
            Refusal::slow_down(message, wait)
        })?;
        Ok(NewName(Some(bucket)))
    }

    /// Counts a claim that was not granted, or a code that was none.
    pub(super) fn refused(&self, source: Source, nickname: Option<&Nickname>) {
        let Some(wrong) = &self.wrong else { return };
        wrong.by_source.of(&source).overdraw(1);
        if let Some(nickname) = nickname {
            wrong.by_name.of(&nickname.key()).overdraw(1);
        }
    }
}

impl NewName {
    pub(super) fn granted(mut self) {
        self.0 = None;
    }
}

impl Drop for NewName {
    fn drop(&mut self) {
        if let Some(bucket) = &self.0 {
            bucket.give_back(1);
        }
    }
}

/// Formats a wait for people.
fn later(wait: Duration) -> String {
    match wait.as_secs() {
        seconds @ 0..90 => format!("in {} s", seconds + 1),
        seconds => format!("in {} minutes", seconds.div_ceil(60)),
    }
}

//! Bugs that `examples/simulation` plants, to see whether it finds them. Without the feature `simulation` there are
//! none.
#![cfg_attr(
    not(feature = "simulation"),
    expect(unreachable_pub, reason = "the simulation reaches it")
)]

/// A bug that can be planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Bug {
    /// A delivery task forgets a wake-up that came while it was reading.
    WakeForgotten = 1,
    /// The cursor moves before a message is handed over, also if it cannot be.
    CursorBeforeHandOver,
    /// A page that was read before a join is handed over after it.
    PageKeptOverJoin,
    /// After a rewind, messages of other rooms are handed over again.
    RepeatsAfterRewind,
    /// Positions do not tell of rewinds.
    RewindWithoutMarks,
    /// What an answer tells of a session is not saved before.
    AnswerBeforeSave,
    /// Messages of another node are believed to continue the known ones.
    GapIgnored,
    /// A recovered session continues at the end of the log.
    ResumeAtEnd,
    /// Who takes another nickname becomes another user.
    RenamedIsAnother,
    /// A node goes on with what it knows of who may do what.
    ChangeIgnored,
    /// A session that is recovered has all its rooms, whoever may read them by now.
    RecoveryUnasked,
    /// Owners of a room are above what holds everywhere, too.
    OwnersExempt,
    /// A node goes on with what it knows of who may write.
    WriteRemembered,
    /// A change of a room does not count for its other spellings.
    SpellingIgnored,
    /// A page of history is handed over, whoever may read it by now.
    HistoryUnasked,
    /// A change that is made on a node is not applied there.
    MadeUnapplied,
    /// A node goes on with texts in its memory that were edited or deleted.
    TextRemembered,
    /// What a consumer could not handle is not handed over again.
    FailureSkipped,
    /// A node consumes although another one has the lease.
    LeaseIgnored,
    /// Anybody may do to others what moderators may.
    ModeratorUnasked,
    /// Replies are delivered without what they answer.
    ReplyForgotten,
    /// What the application says is stored without its key.
    ApplicationUnkeyed,
    /// Edits, reactions and events of the application are stored, whoever may write.
    ChangeUnasked,
    /// A client goes on at its offset, whichever message the log has there.
    TagIgnored,
    /// A client is not told that messages it has not got may have been deleted.
    HorizonNotTold,
}

#[cfg(feature = "simulation")]
static PLANTED: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);

/// Plants a bug in all chats of this process, instead of the one before.
#[cfg(feature = "simulation")]
pub fn plant(bug: Option<Bug>) {
    let number = bug.map_or(0, |bug| bug as u8);
    PLANTED.store(number, std::sync::atomic::Ordering::Relaxed);
}

/// Returns whether a bug is planted.
#[cfg(feature = "simulation")]
pub(crate) fn is(bug: Bug) -> bool {
    PLANTED.load(std::sync::atomic::Ordering::Relaxed) == bug as u8
}

/// Returns whether a bug is planted: never.
#[cfg(not(feature = "simulation"))]
#[inline(always)]
pub(crate) const fn is(_: Bug) -> bool {
    false
}

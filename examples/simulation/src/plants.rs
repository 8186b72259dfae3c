use chat_server::planted::Bug;
use clap::ValueEnum;

use crate::faults::Fault;

/// Bugs to plant, to see whether they are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Plant {
    /// The store confirms what it has not committed.
    AckBeforeCommit,
    /// The store forgets keys: each retry is a new message.
    KeysForgotten,
    /// A key belongs to whoever uses it first.
    KeyOfAnyone,
    /// The store takes another message under a used key for a retry.
    ConflictSwallowed,
    /// A retry is answered with the end of the log.
    RetryGetsNewOffset,
    /// The store leaves out offsets.
    NotDense,
    /// The store loses the last messages at a crash of a node, although they were confirmed.
    LostByCrash,
    /// A failing append stores half of a batch and confirms it.
    BatchTorn,
    /// A read leaves out its first message.
    ReadSkipsHole,
    /// A page claims to be the last.
    ClaimsNoMore,
    /// Reads do not see the newest messages.
    StaleReads,
    /// The store claims a tail beyond the end.
    TailTooHigh,
    /// A record of an earlier owner of a session replaces one of a later owner.
    FenceIgnored,
    /// The store confirms sessions that it has not saved.
    SavesLost,
    /// Forged frames are trusted.
    ForgedTrusted,
    /// A delivery task forgets a wake-up that came while it was reading.
    WakeForgotten,
    /// The cursor moves before a message is handed over, also if it cannot be.
    CursorBeforeHandOver,
    /// A page that was read before a join is handed over after it.
    PageKeptOverJoin,
    /// After a rewind, messages of other rooms are handed over again.
    RepeatsAfterRewind,
    /// Positions do not tell of rewinds.
    RewindWithoutMarks,
    /// A join is answered before the session is saved.
    AnswerBeforeSave,
    /// A node believes that messages of another continue those it knows.
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
    /// The store confirms what is written before it is synced.
    AckBeforeSync,
    /// What a consumer could not handle is not handed over again.
    FailureSkipped,
    /// A node consumes although another one has the lease.
    LeaseIgnored,
    /// Anybody may do to others what moderators may.
    ModeratorUnasked,
    /// The store counts each time that a reaction is given, also by the same user.
    ReactionsCounted,
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
    /// The store hides that the beginning of the log was deleted.
    HorizonHidden,
}

impl Plant {
    /// Returns the faults without which the bug does nothing, and which therefore happen often in every run with it.
    pub(crate) const fn needs(self) -> &'static [Fault] {
        match self {
            Self::FenceIgnored => &[Fault::HalfOpen, Fault::FrameLost, Fault::Cut],
            Self::AckBeforeSync => &[Fault::PowerCut],
            Self::BatchTorn => &[Fault::AppendFails],
            Self::RecoveryUnasked => &[Fault::Cut],
            Self::SavesLost | Self::AnswerBeforeSave | Self::LostByCrash => &[Fault::Crash],
            _ => &[],
        }
    }

    /// Returns whether the bug does nothing without rules of who may do what.
    pub(crate) const fn needs_rules(self) -> bool {
        matches!(
            self,
            Self::ChangeIgnored
                | Self::RecoveryUnasked
                | Self::OwnersExempt
                | Self::WriteRemembered
                | Self::SpellingIgnored
                | Self::HistoryUnasked
                | Self::MadeUnapplied
                | Self::ChangeUnasked
                | Self::ModeratorUnasked
        )
    }

    /// Returns whether the bug does nothing unless the log loses its end.
    pub(crate) const fn needs_forks(self) -> bool {
        matches!(self, Self::TagIgnored)
    }

    /// Returns whether the bug does nothing unless the beginning of the log is deleted.
    pub(crate) const fn needs_retention(self) -> bool {
        matches!(self, Self::HorizonNotTold | Self::HorizonHidden)
    }

    /// Returns the bug of the server that this is; none if the simulated parts have it.
    pub(crate) const fn bug(self) -> Option<Bug> {
        Some(match self {
            Self::WakeForgotten => Bug::WakeForgotten,
            Self::CursorBeforeHandOver => Bug::CursorBeforeHandOver,
            Self::PageKeptOverJoin => Bug::PageKeptOverJoin,
            Self::RepeatsAfterRewind => Bug::RepeatsAfterRewind,
            Self::RewindWithoutMarks => Bug::RewindWithoutMarks,
            Self::AnswerBeforeSave => Bug::AnswerBeforeSave,
            Self::GapIgnored => Bug::GapIgnored,
            Self::ResumeAtEnd => Bug::ResumeAtEnd,
            Self::RenamedIsAnother => Bug::RenamedIsAnother,
            Self::ChangeIgnored => Bug::ChangeIgnored,
            Self::RecoveryUnasked => Bug::RecoveryUnasked,
            Self::OwnersExempt => Bug::OwnersExempt,
            Self::WriteRemembered => Bug::WriteRemembered,
            Self::SpellingIgnored => Bug::SpellingIgnored,
            Self::HistoryUnasked => Bug::HistoryUnasked,
            Self::MadeUnapplied => Bug::MadeUnapplied,
            Self::TextRemembered => Bug::TextRemembered,
            Self::FailureSkipped => Bug::FailureSkipped,
            Self::LeaseIgnored => Bug::LeaseIgnored,
            Self::ModeratorUnasked => Bug::ModeratorUnasked,
            Self::ReplyForgotten => Bug::ReplyForgotten,
            Self::ApplicationUnkeyed => Bug::ApplicationUnkeyed,
            Self::ChangeUnasked => Bug::ChangeUnasked,
            Self::TagIgnored => Bug::TagIgnored,
            Self::HorizonNotTold => Bug::HorizonNotTold,
            _ => return None,
        })
    }
}

use serde::{Deserialize, Serialize};

/// The kinds of faults, which happen as often as each run decides for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each has a text of its own")]
pub enum Fault {
    AppendFails,
    AppendAnswerLost,
    ReadFails,
    SaveFails,
    SaveAnswerLost,
    LookupFails,
    ClaimFails,
    StoreHangs,
    StoreOutage,
    FrameLost,
    FrameDoubled,
    FrameLate,
    FrameForged,
    Partition,
    Crash,
    PowerCut,
    Restart,
    Pause,
    Cut,
    HalfOpen,
    LinkStall,
    Restore,
    Failover,
}

impl Fault {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 23] = [
        Self::AppendFails,
        Self::AppendAnswerLost,
        Self::ReadFails,
        Self::SaveFails,
        Self::SaveAnswerLost,
        Self::LookupFails,
        Self::ClaimFails,
        Self::StoreHangs,
        Self::StoreOutage,
        Self::FrameLost,
        Self::FrameDoubled,
        Self::FrameLate,
        Self::FrameForged,
        Self::Partition,
        Self::Crash,
        Self::PowerCut,
        Self::Restart,
        Self::Pause,
        Self::Cut,
        Self::HalfOpen,
        Self::LinkStall,
        Self::Restore,
        Self::Failover,
    ];

    /// Returns what happens.
    pub const fn text(self) -> &'static str {
        match self {
            Self::AppendFails => "appends that failed",
            Self::AppendAnswerLost => "appends whose answer was lost",
            Self::ReadFails => "reads that failed",
            Self::SaveFails => "saves of sessions that failed",
            Self::SaveAnswerLost => "saves whose answer was lost",
            Self::LookupFails => "lookups of sessions that failed",
            Self::ClaimFails => "claims of names that failed",
            Self::StoreHangs => "calls of the store that hung",
            Self::StoreOutage => "outages of the store",
            Self::FrameLost => "frames lost",
            Self::FrameDoubled => "frames doubled",
            Self::FrameLate => "frames late",
            Self::FrameForged => "frames forged",
            Self::Partition => "nodes cut off from the others",
            Self::Crash => "nodes crashed",
            Self::PowerCut => "times that the power of the disk and of all nodes was cut",
            Self::Restart => "nodes shut down and started",
            Self::Pause => "nodes paused",
            Self::Cut => "connections cut",
            Self::HalfOpen => "connections cut that one end did not notice",
            Self::LinkStall => "connections stalled",
            Self::Restore => "earlier states of the disk restored as another log",
            Self::Failover => "earlier states of the disk that took over as the same log",
        }
    }

    /// Returns whether it takes the end of the log away.
    pub(crate) const fn is_fork(self) -> bool {
        matches!(self, Self::Restore | Self::Failover)
    }

    /// Returns whether one call or frame decides for itself whether this happens to it; otherwise it happens from time
    /// to time.
    pub(crate) fn is_of_a_call(self) -> bool {
        (self as usize) < Self::Partition as usize && self != Self::StoreOutage
    }
}

use std::fmt;

/// Something that does not work at the moment; see [`Chat::impairments`](crate::Chat::impairments). `Display` says it in
/// a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Impairment {
    /// The store cannot be written: messages are not acked.
    Writing,
    /// The store cannot be read: clients get no messages that are not in memory.
    Reading,
    /// The store cannot save sessions: what clients change in theirs may not survive the process.
    SavingSessions,
    /// Other nodes cannot be heard: their messages arrive up to a second late, through the store.
    OtherNodes,
}

impl fmt::Display for Impairment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Writing => "the store fails; messages are not acked",
            Self::Reading => "the store fails; messages are not read from it",
            Self::SavingSessions => "the store fails; sessions are not saved",
            Self::OtherNodes => {
                "other nodes cannot be heard; their messages arrive late, through the store"
            }
        })
    }
}

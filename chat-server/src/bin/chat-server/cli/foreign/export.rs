//! What a system has exported.

use chat_core::Timestamp;

/// What a system has exported.
pub(super) struct Export {
    /// Its name, and that of the workspace if there are several: what tells its ids from those of others.
    pub(super) source: Vec<String>,
    pub(super) users: Vec<ForeignUser>,
    pub(super) rooms: Vec<ForeignRoom>,
    /// How many posts there are, and the posts, the oldest first.
    pub(super) count: u64,
    pub(super) posts: Box<dyn Iterator<Item = anyhow::Result<Post>> + Send>,
}

pub(super) struct ForeignUser {
    pub(super) id: String,
    /// What the user may be called, the best first.
    pub(super) names: Vec<String>,
}

pub(super) struct ForeignRoom {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) topic: String,
    pub(super) is_private: bool,
    /// Those who moderate it, and all others who are in it.
    pub(super) owners: Vec<String>,
    pub(super) members: Vec<String>,
}

/// Where a message was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Room(String),
    /// To one user, or to oneself.
    Private {
        to: String,
    },
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Post {
    /// Tells it from all others of the system.
    pub(super) id: String,
    pub(super) at: Timestamp,
    pub(super) place: Place,
    /// Who wrote it; none for a program.
    pub(super) user: Option<String>,
    /// What a program is called.
    pub(super) name: Option<String>,
    pub(super) text: String,
    /// The message that it answers.
    pub(super) reply_to: Option<String>,
    /// Whether others may answer it.
    pub(super) has_replies: bool,
    pub(super) reactions: Vec<GivenReaction>,
}

/// An emoji, by its short name, and who has given it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GivenReaction {
    pub(super) emoji: String,
    pub(super) users: Vec<String>,
}

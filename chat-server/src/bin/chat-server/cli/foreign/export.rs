//! What another system has exported.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use chat_core::Timestamp;
use serde::{Deserialize, Deserializer};

/// What users and rooms are called here, by their ids there.
pub(super) type Names = HashMap<String, String>;

/// The posts, the oldest first.
pub(super) type Posts = Box<dyn Iterator<Item = anyhow::Result<Post>> + Send>;

/// What a system has exported.
pub(super) struct Export {
    /// Its name, with which the keys of its messages begin.
    pub(super) source: &'static str,
    pub(super) users: Vec<ForeignUser>,
    pub(super) rooms: Vec<ForeignRoom>,
    pub(super) ids: PostIds,
    /// Reads the posts, whose texts name users and rooms as they are called here.
    pub(super) posts: Box<dyn FnOnce(Names) -> Posts + Send>,
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
    /// The export does not say where.
    Unknown,
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
    /// What a program is called, or a user who is not in the export.
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

/// The ids of all posts, by their hashes: a million takes 16 MB.
#[derive(Debug, Default)]
pub(super) struct PostIds(HashSet<u64>, u64);

impl PostIds {
    pub(super) fn add(&mut self, id: &str) {
        self.0.insert(hash(id));
        self.1 += 1;
    }

    pub(super) fn contain(&self, id: &str) -> bool {
        self.0.contains(&hash(id))
    }

    /// Returns how many were added.
    pub(super) fn count(&self) -> u64 {
        self.1
    }
}

fn hash(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

/// Takes `null` for what is not there: for `deserialize_with`.
pub(super) fn or_nothing<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

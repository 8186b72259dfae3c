//! What other systems export, and how it becomes messages, rooms and users.
//!
//! ```text
//!   slack::read ──────┐
//!                     ├─→ Export: users, rooms, and posts in the order of time ─→ load
//!   mattermost::read ─┘
//! ```

mod load;
mod mattermost;
mod slack;
mod text;

use std::path::Path;

use chat_core::Timestamp;
use chat_store::Store;

use super::moving::Format;

/// Reads the export of another system into an empty store.
///
/// # Errors
/// When the export cannot be read, the store fails or is in use: one line that says why.
pub(super) async fn import(format: Format, from: &Path, store: &dyn Store) -> anyhow::Result<()> {
    let export = match format {
        Format::Slack => slack::read(from)?,
        Format::Mattermost => mattermost::read(from)?,
        Format::Export => anyhow::bail!("an export of this program is no other system's"),
    };
    load::load(export, store).await
}

/// What a system has exported.
struct Export {
    /// Its name, and that of the workspace if there are several: what tells its ids from those of others.
    source: Vec<String>,
    users: Vec<ForeignUser>,
    rooms: Vec<ForeignRoom>,
    /// How many posts there are, and the posts, the oldest first.
    count: u64,
    posts: Box<dyn Iterator<Item = anyhow::Result<Post>> + Send>,
}

struct ForeignUser {
    id: String,
    /// What the user may be called, the best first.
    names: Vec<String>,
}

struct ForeignRoom {
    id: String,
    name: String,
    topic: String,
    is_private: bool,
    /// Those who moderate it, and all others who are in it.
    owners: Vec<String>,
    members: Vec<String>,
}

/// Where a message was written.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Room(String),
    /// To one user, or to oneself.
    Private {
        to: String,
    },
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Post {
    /// Tells it from all others of the system.
    id: String,
    at: Timestamp,
    place: Place,
    /// Who wrote it; none for a program.
    user: Option<String>,
    /// What a program is called.
    name: Option<String>,
    text: String,
    /// The message that it answers.
    reply_to: Option<String>,
    /// Whether others may answer it.
    has_replies: bool,
    reactions: Vec<GivenReaction>,
}

/// An emoji, by its short name, and who has given it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct GivenReaction {
    emoji: String,
    users: Vec<String>,
}

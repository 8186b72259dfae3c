use chat_core::{
    Audience, FileId, FileName, Message, RecoveryOffset, RoomId, Tag, Timestamp, UserId,
};
use serde::{Deserialize, Serialize};

/// What is known of a file from its beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct FileRecord {
    /// The file.
    pub id: FileId,
    /// Its name.
    pub name: FileName,
    /// Its size in bytes, from 1 on.
    pub bytes: u64,
    /// Who uploads it.
    pub owner: UserId,
    /// For whom it is.
    pub audience: FileAudience,
    /// When it was begun.
    pub at: Timestamp,
}

impl FileRecord {
    /// Creates the record of a file that is begun now.
    pub fn new(
        id: FileId,
        name: FileName,
        bytes: u64,
        owner: UserId,
        audience: FileAudience,
    ) -> Self {
        Self { id, name, bytes, owner, audience, at: Timestamp::now() }
    }

    /// Returns whether a message of this user to this audience may have the file.
    pub fn is_for(&self, user: Option<UserId>, audience: &Audience) -> bool {
        let is_there = match (&self.audience, audience) {
            (FileAudience::Room(room), Audience::Room(other)) => room == other,
            (FileAudience::With(user), Audience::Private { to, .. }) => user == to,
            _ => false,
        };
        is_there && user == Some(self.owner)
    }
}

/// For whom a file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FileAudience {
    /// Everybody in this room.
    Room(RoomId),
    /// The owner and this user.
    With(UserId),
}

/// A file as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeptFile {
    /// What is known from its beginning.
    pub record: FileRecord,
    /// How much of it has arrived.
    pub state: FileState,
    /// The message that has it, with its tag; none if none has.
    pub message: Option<RecoveryOffset>,
}

impl KeptFile {
    /// Creates a file without a message.
    pub fn new(record: FileRecord, state: FileState) -> Self {
        Self { record, state, message: None }
    }

    /// Returns whether it is complete, and belongs to this message, or may do so.
    pub fn is_of(&self, message: &Message) -> bool {
        matches!(self.state, FileState::Complete { .. })
            && (self.message.is_none() || self.is_attached_to(message))
            && self.record.is_for(message.user, &message.audience)
    }

    /// Returns whether it belongs to this message, whether or not that still has it.
    pub fn is_attached_to(&self, message: &Message) -> bool {
        let Some(RecoveryOffset { offset, tag, .. }) = &self.message else { return false };
        *offset == message.offset && *tag == Some(Tag::of(message))
    }
}

/// How much of a file has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileState {
    /// Some of it.
    Incomplete {
        /// How many bytes.
        received: u64,
    },
    /// All of it.
    Complete {
        /// The SHA-256 of its bytes.
        hash: [u8; 32],
    },
}

/// What a user has of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UserFiles {
    /// The size of all files that the user has begun on this day, counted in UTC, whether or not they are still there.
    pub bytes_today: u64,
    /// How many these are.
    pub today: u64,
    /// How many files of this day and the day before are there, and have no message.
    pub unattached: u64,
}

/// All files together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileTotals {
    /// How many there are.
    pub files: u64,
    /// Their size when they are complete.
    pub bytes: u64,
}

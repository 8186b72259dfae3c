use serde::{Deserialize, Serialize};

use super::arguments::{Arguments, invalid};
use super::users::nickname_of;
use super::whole::Whole;
use crate::{FileId, FileName, FileReference, Nickname, Offset, Refusal, RoomId};

/// The argument of [`UPLOAD`](super::UPLOAD): a file that begins, or one that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upload {
    /// A new file: `{ name, bytes, room }`, or `to` instead of `room`.
    New {
        /// Its name.
        name: FileName,
        /// Its size in bytes.
        bytes: u64,
        /// For whom it is.
        of: UploadOf,
    },
    /// A file that was begun before: `{ file }`. The answer has another token.
    Again(FileId),
}

/// In which conversation the message will be that carries a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadOf {
    /// In this room.
    Room(RoomId),
    /// Between the client and the user with this nickname.
    With(Nickname),
}

impl Upload {
    /// Reads the argument from the JSON text of an event: an array whose first item is the event's name.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn from_event(json: &str) -> Result<Self, Refusal> {
        const OPTIONS: &str = "the first argument must be the file: { name, bytes, room or to }";
        const BYTES: &str = "`bytes` must be the size of the file, a whole number from 1 on";
        let arguments = Arguments::of(json)?;
        let options = arguments.options(1, OPTIONS)?;
        if let Some(id) = options.field("file", "`file` must be the id of a file")? {
            return Ok(Self::Again(id));
        }
        let name: Option<String> = options.field("name", "`name` must be a text")?;
        let bytes = options.whole("bytes", BYTES)?.filter(|&bytes| bytes > 0);
        let to: Option<String> = options.field("to", "`to` must be a nickname")?;
        let of = match (options.room()?, to) {
            (Some(_), Some(_)) => return Err(invalid("a file is for a room or a user, not both")),
            (None, Some(to)) => UploadOf::With(nickname_of(&to)?),
            (room, None) => UploadOf::Room(room.unwrap_or_else(RoomId::general)),
        };
        let (Some(name), Some(bytes)) = (name, bytes) else {
            return Err(invalid(if bytes.is_none() { BYTES } else { OPTIONS }));
        };
        Ok(Self::New { name: FileName::fitted(&name), bytes, of })
    }
}

/// The answer to [`UPLOAD`](super::UPLOAD): where and how to send the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UploadTicket {
    /// The file.
    pub file: FileId,
    /// Where to send it, relative to the path of the chat.
    pub url: String,
    /// What to send as `Authorization: Bearer`.
    pub token: String,
    /// How many bytes of it have arrived.
    pub received: u64,
    /// How many it has.
    pub bytes: u64,
    /// The line that refers to it in the text of a message.
    pub line: String,
}

impl UploadTicket {
    /// Creates a ticket for a file of which nothing has arrived.
    pub fn new(file: FileId, token: String, bytes: u64, line: String) -> Self {
        Self { file, url: FileReference::upload_path(file), token, received: 0, bytes, line }
    }

    /// Sets how much has arrived.
    #[must_use]
    pub fn with_received(self, received: u64) -> Self {
        Self { received, ..self }
    }
}

/// The answer to [`FILE_LIMITS`](super::FILE_LIMITS).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct FileLimits {
    /// The most bytes that a file may have.
    pub max_bytes: u64,
    /// The most files that a message may have.
    pub max_files: usize,
}

impl FileLimits {
    /// Creates an answer.
    pub fn new(max_bytes: u64) -> Self {
        Self { max_bytes, max_files: FileReference::MAX }
    }
}

/// The answer to [`FILE_LINKS`](super::FILE_LINKS): the files of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FileLinks {
    /// The files, in the order of the text. Those that are gone are missing.
    pub files: Vec<FileLink>,
}

/// A file, with a link that works for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct FileLink {
    /// The file.
    pub file: FileId,
    /// Its name.
    pub name: FileName,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its media type, by its content: `application/octet-stream` if it is to be stored and not shown.
    #[serde(rename = "type")]
    pub media_type: String,
    /// Where it is, relative to the path of the chat.
    pub url: String,
    /// When the link ends, in milliseconds since 1970.
    pub until: i64,
}

impl FileLink {
    /// Creates the description of a file with a link.
    pub fn new(
        (file, name, bytes): (FileId, FileName, u64),
        media_type: impl Into<String>,
        url: String,
        until: i64,
    ) -> Self {
        Self { file, name, bytes, media_type: media_type.into(), url, until }
    }
}

impl FileLinks {
    /// Creates an answer.
    pub fn new(files: Vec<FileLink>) -> Self {
        Self { files }
    }

    /// Reads `emit("file links", offset)` from the JSON text of an event: the offset of a message.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn from_event(json: &str) -> Result<Offset, Refusal> {
        const OF: &str =
            "the first argument must be the offset of a message, a whole number from 1 on";
        let Whole(number) = Arguments::of(json)?.required(1, OF)?;
        Offset::new(number).ok().filter(|&offset| offset > Offset::ZERO).ok_or_else(|| invalid(OF))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RefusalCode;

    #[test]
    fn a_file_is_for_a_room_or_for_a_user() {
        let read = |json: &str| Upload::from_event(&format!("[\"upload\",{json}]"));
        let upload = read(r#"{"name":"a/b.txt","bytes":3,"room":"r"}"#).unwrap();
        let of = UploadOf::Room("r".parse().unwrap());
        assert_eq!(upload, Upload::New { name: FileName::fitted("a_b.txt"), bytes: 3, of });
        let with = read(r#"{"name":"a","bytes":3,"to":"Ann"}"#).unwrap();
        assert!(matches!(with, Upload::New { of: UploadOf::With(_), .. }));
        let id = "0123456789abcdef0123456789abcdef";
        assert_eq!(read(&format!("{{\"file\":\"{id}\"}}")), Ok(Upload::Again(id.parse().unwrap())));
    }

    #[test]
    fn what_is_no_file_is_refused() {
        for json in [
            "7",
            "{}",
            r#"{"name":"a"}"#,
            r#"{"bytes":3}"#,
            r#"{"name":"a","bytes":0}"#,
            r#"{"name":"a","bytes":-1}"#,
            r#"{"name":"a","bytes":1.5}"#,
            r#"{"name":7,"bytes":3}"#,
            r#"{"name":"a","bytes":3,"room":"r","to":"Ann"}"#,
            r#"{"file":"7"}"#,
        ] {
            let refusal = Upload::from_event(&format!("[\"upload\",{json}]")).unwrap_err();
            assert_eq!(refusal.code, RefusalCode::InvalidArguments, "{json}");
        }
        for offset in ["0", "-1", "\"x\"", "null"] {
            assert!(FileLinks::from_event(&format!("[\"file links\",{offset}]")).is_err());
        }
        assert_eq!(FileLinks::from_event("[\"file links\",7]").unwrap().as_u64(), 7);
    }
}

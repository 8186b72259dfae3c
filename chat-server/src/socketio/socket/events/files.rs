use std::sync::Arc;

use chat_core::event::{FILE_LIMITS, FILE_LINKS, FileLinks, UPLOAD, Upload, UploadOf};
use chat_core::{Audience, Offset, Refusal, RefusalCode};
use chat_store::FileAudience;

use super::super::connection::{Connection, Request, TASK_BYTES};
use super::super::event::Event;
use super::answering::{Failed, after_reads, made};
use super::in_room::not_in_room;
use crate::engine::delivery::Answer;
use crate::engine::files::{Files, FilesError};
use crate::engine::log::unknown_message;
use crate::engine::policy::Action;

/// [`chat_core::event::UPLOAD`].
pub(crate) struct UploadEvent;

/// [`chat_core::event::FILE_LINKS`].
pub(crate) struct FileLinksEvent;

/// [`chat_core::event::FILE_LIMITS`].
pub(crate) struct FileLimitsEvent;

enum Asked {
    Upload(Upload),
    Links(Offset),
    Limits,
}

impl Event for UploadEvent {
    const NAME: &'static str = UPLOAD;
    const TASK_BYTES: usize = TASK_BYTES;

    type Arguments = Upload;

    fn read(json: &str) -> Result<Upload, Refusal> {
        Upload::from_event(json)
    }

    fn handle(connection: &Arc<Connection>, upload: Upload, request: Request) {
        later(connection, Asked::Upload(upload), request);
    }
}

impl Event for FileLinksEvent {
    const NAME: &'static str = FILE_LINKS;
    const TASK_BYTES: usize = TASK_BYTES;

    type Arguments = Offset;

    fn read(json: &str) -> Result<Offset, Refusal> {
        FileLinks::from_event(json)
    }

    fn handle(connection: &Arc<Connection>, of: Offset, request: Request) {
        later(connection, Asked::Links(of), request);
    }
}

impl Event for FileLimitsEvent {
    const NAME: &'static str = FILE_LIMITS;
    const TASK_BYTES: usize = TASK_BYTES;

    type Arguments = ();

    fn read(_: &str) -> Result<(), Refusal> {
        Ok(())
    }

    fn handle(connection: &Arc<Connection>, (): (), request: Request) {
        later(connection, Asked::Limits, request);
    }
}

fn later(connection: &Arc<Connection>, asked: Asked, request: Request) {
    let Some(files) = connection.services.files.clone() else {
        let message = "this server takes no files";
        return request.refuse(Refusal::new(RefusalCode::FilesOff, message));
    };
    let later = Arc::clone(connection);
    after_reads(connection, request, async move {
        match asked {
            Asked::Upload(upload) => self::upload(&later, &files, upload).await,
            Asked::Links(of) => links(&later, &files, of).await,
            Asked::Limits => made(&files.limits()),
        }
    });
}

async fn upload(connection: &Connection, files: &Files, upload: Upload) -> Result<Answer, Failed> {
    let Some(user) = connection.user() else {
        let message = "files are for users with a nickname; take one first";
        return Err(Refusal::new(RefusalCode::NicknameRequired, message).into());
    };
    let (name, bytes, of) = match upload {
        Upload::Again(id) => return made(&files.again(user.id, id).await?),
        Upload::New { name, bytes, of } => (name, bytes, of),
    };
    let (audience, action) = match of {
        UploadOf::Room(room) => {
            let room = connection.position.joined(&room).ok_or_else(not_in_room)?;
            (FileAudience::Room(room.clone()), Action::Write(room))
        }
        UploadOf::With(nickname) => {
            let (other, _) = connection.services.identities.find(&nickname).await?;
            if other == user.id {
                let message = "this is your own nickname";
                return Err(Refusal::new(RefusalCode::MessageToOneself, message).into());
            }
            (FileAudience::With(other), Action::SendPrivately(other))
        }
    };
    connection.permit(&[action]).await.map(drop)?;
    made(&files.begin(user.id, connection.source, name, bytes, audience).await?)
}

async fn links(connection: &Connection, files: &Files, of: Offset) -> Result<Answer, Failed> {
    let message = connection.services.log.message(of).await?.ok_or_else(unknown_message)?;
    // Whoever does not get the message does not learn that there is one.
    let action = match &message.audience {
        Audience::Room(room) if connection.position.is_in(room) => Action::Read(room.clone()),
        Audience::Room(_) => return Err(unknown_message().into()),
        Audience::Private { from, to, .. } => match connection.user().map(|user| user.id) {
            Some(user) if user == *from => Action::ReadPrivately(*to),
            Some(user) if user == *to => Action::ReadPrivately(*from),
            _ => return Err(unknown_message().into()),
        },
    };
    connection.permit(&[action]).await.map(drop)?;
    made(&files.links(&message).await?)
}

impl From<FilesError> for Failed {
    fn from(error: FilesError) -> Self {
        match error {
            FilesError::Refused(refusal) => Self::Refused(refusal),
            error => {
                tracing::warn!("what was asked of a file could not be done: {error}");
                Self::Store
            }
        }
    }
}

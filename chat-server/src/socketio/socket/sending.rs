//! Messages of a connection on their way to the log.

use chat_core::{FileReference, Kind, NewMessage, Refusal, RefusalCode};

use super::connection::{Connection, Request};
use crate::engine::files::FilesError;
use crate::engine::log::Outcome;
use crate::engine::planted::{self, Bug};
use crate::engine::policy::{Action, Identity};
use crate::engine::turns::Turn;

impl Connection {
    /// Sends a message to its room if the client is there and may write there.
    pub(crate) async fn send_to_room(&self, mut message: NewMessage, request: Request) {
        if let Err(refusal) = self.services.limits.admit(&message.content) {
            return request.refuse_unless_stored(message, refusal);
        }
        let joined = message.audience.room().and_then(|room| self.position.joined(room));
        let Some(room) = joined else {
            return request.refuse_unless_stored(message, not_in_room());
        };
        message.audience = room.clone().into();
        self.sign(&mut message);
        self.submit(message, &[Action::Write(room)], request, None).await;
    }

    /// Submits a message to the log, which answers, if the policy allows these actions, and as the application's interceptor
    /// returns it. A turn is held until it is stored.
    pub(crate) async fn submit(
        &self,
        mut message: NewMessage,
        actions: &[Action],
        mut request: Request,
        turn: Option<Turn>,
    ) {
        if let Err(refusal) = self.intercept(&mut message, actions).await {
            return request.refuse_unless_stored(message, refusal);
        }
        match self.check_files(&message).await {
            Ok(()) => {}
            Err(FilesError::Refused(refusal)) => {
                return request.refuse_unless_stored(message, refusal);
            }
            Err(error) => {
                tracing::warn!("the files of a message cannot be checked: {error}");
                // Silence makes the client retry.
                return request.finish(Outcome::Unavailable);
            }
        }
        let actions = if planted::is(Bug::ChangeUnasked) { &[] } else { actions };
        // Asked last, so that it is done while it is allowed.
        let _grant = match self.permit(actions).await {
            Ok(grant) => grant,
            Err(denied) => return request.refuse_unless_stored(message, denied.into()),
        };
        if let Err(refusal) = request.spend(&mut message) {
            return request.refuse(refusal);
        }
        let log = &self.services.log;
        log.submit(self.reader, message, self.origin(), move |outcome| {
            drop(turn);
            request.finish(outcome);
        });
    }

    /// Checks that the files of a message are there and the client's own.
    async fn check_files(&self, message: &NewMessage) -> Result<(), FilesError> {
        match &self.services.files {
            Some(files) if FileReference::is_any_in(&message.content) => files.check(message).await,
            _ => Ok(()),
        }
    }

    /// Sets the author of a message.
    pub(crate) fn sign(&self, message: &mut NewMessage) {
        message.author = Some(self.authorship.writes());
        if let Some(user) = self.user() {
            (message.from, message.user) = (Some(user.nickname.clone()), Some(user.id));
        }
    }

    /// Lets the application's interceptor look at a text, an event or an edit, and change it.
    async fn intercept(&self, message: &mut NewMessage, actions: &[Action]) -> Result<(), Refusal> {
        let Some(interception) = &self.services.interception else { return Ok(()) };
        if matches!(message.kind, Kind::Deletion(_) | Kind::Reaction { .. }) {
            return Ok(());
        }
        // Nobody but those who may write takes the interceptor's time.
        self.permit(actions).await.map(drop)?;
        let who = match (&self.access, self.user()) {
            (Some(access), _) => access.identity(),
            (None, Some(user)) => Identity::anonymous().of_user(&user).into(),
            (None, None) => Identity::anonymous().into(),
        };
        interception.apply(&who, message).await?;
        self.services.limits.admit(&message.content)
    }
}

pub(crate) fn not_in_room() -> Refusal {
    Refusal::new(RefusalCode::NotInRoom, "you are not in this room; join it first")
}

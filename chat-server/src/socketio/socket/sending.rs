//! Messages of a connection on their way to the log, where the application wants to see them first.

use chat_core::{NewMessage, Refusal, RefusalCode};

use super::connection::{Connection, Request};
use crate::engine::policy::{Action, Identity};

impl Connection {
    /// Sends a message to its room if the client is there and may write there, after the application's interceptor.
    pub(crate) async fn send_to_room(&self, mut message: NewMessage, mut request: Request) {
        match self.intercepted(&mut message).await {
            Ok(()) => {}
            Err(refusal) => return request.refuse(refusal),
        }
        // Asked again: it may have taken a while.
        let write = message.audience.room().cloned().map(Action::Write);
        let _grant = match self.permit(write.as_slice()).await {
            Ok(grant) => grant,
            Err(denied) => return request.refuse(denied.into()),
        };
        if let Err(refusal) = request.spend(&message.content) {
            return request.refuse(refusal);
        }
        let log = &self.services.log;
        log.submit(self.reader, message, self.origin(), move |outcome| request.finish(outcome));
    }

    async fn intercepted(&self, message: &mut NewMessage) -> Result<(), Refusal> {
        self.services.limits.admit(&message.content)?;
        let joined = message.audience.room().and_then(|room| self.position.joined(room));
        let room = joined.ok_or_else(not_in_room)?;
        message.audience = room.clone().into();
        self.sign(message);
        // Nobody but those who may write takes the interceptor's time.
        self.permit(&[Action::Write(room)]).await.map(drop).map_err(Refusal::from)?;
        self.intercept(message).await
    }

    /// Sets the author of a message.
    pub(crate) fn sign(&self, message: &mut NewMessage) {
        message.author = Some(self.authorship.writes());
        if let Some(user) = self.user() {
            (message.from, message.user) = (Some(user.nickname.clone()), Some(user.id));
        }
    }

    /// Lets the application's interceptor look at a message, and change it. Cancel safe.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub(crate) async fn intercept(&self, message: &mut NewMessage) -> Result<(), Refusal> {
        let Some(interception) = &self.services.interception else { return Ok(()) };
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

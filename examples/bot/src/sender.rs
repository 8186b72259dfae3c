use std::pin::Pin;
use std::task::{Context, Poll, ready};

use chat_core::client::{Done, Request, TypedEventError};
use chat_core::event::{Joined, Left};
use chat_core::{Ack, Refusal, RoomId, TypedEvent};
use tokio::sync::{mpsc, oneshot};

use crate::error::SendError;

pub(crate) type Answer = Result<Done, Refusal>;

/// What the bot's task is asked for.
#[derive(Debug)]
pub(crate) enum Command {
    Send(Request, oneshot::Sender<Answer>),
    /// To stop when everything is answered.
    Stop,
}

/// Sends for a bot, from any task. Clones send for the same bot.
#[derive(Debug, Clone)]
pub struct Sender(mpsc::UnboundedSender<Command>);

/// What becomes of something that is sent. It is sent anyhow, and again after each reconnect until there is an answer;
/// await this to know that it is stored.
#[derive(Debug)]
pub struct Sending(oneshot::Receiver<Answer>);

impl Sender {
    pub(crate) fn new(commands: mpsc::UnboundedSender<Command>) -> Self {
        Self(commands)
    }

    /// Sends a text, or a change of an earlier message. What is sent first is stored first.
    ///
    /// It waits in memory while there is no connection. To bound that, await an answer now and then.
    pub fn send(&self, request: impl Into<Request>) -> Sending {
        let (answer, sending) = oneshot::channel();
        // If the task has ended, the answer is dropped, and says so.
        self.0.send(Command::Send(request.into(), answer)).ok();
        Sending(sending)
    }

    /// Sends an event of the application to a room.
    ///
    /// # Errors
    /// When its name is none that an event can have, or its payload cannot be serialised or is too long.
    pub fn emit<E: TypedEvent>(&self, room: RoomId, event: &E) -> Result<Sending, TypedEventError> {
        Ok(self.send(Request::event(room, event)?))
    }

    /// Joins a room: what is sent to it from now on arrives, also after a reconnect.
    ///
    /// # Errors
    /// When the server refuses it, or the bot has stopped.
    pub async fn join(&self, room: RoomId) -> Result<Joined, SendError> {
        match self.send(Request::Join(room)).answer().await? {
            Done::Joined(joined) => Ok(joined),
            _ => Err(SendError::Stopped),
        }
    }

    /// Leaves a room.
    ///
    /// # Errors
    /// When the server refuses it, or the bot has stopped.
    pub async fn leave(&self, room: RoomId) -> Result<Left, SendError> {
        match self.send(Request::Leave(room)).answer().await? {
            Done::Left(left) => Ok(left),
            _ => Err(SendError::Stopped),
        }
    }

    pub(crate) fn stop(&self) {
        self.0.send(Command::Stop).ok();
    }
}

impl Sending {
    async fn answer(self) -> Result<Done, SendError> {
        self.0.await.map_err(|_| SendError::Stopped)?.map_err(SendError::Refused)
    }
}

impl Future for Sending {
    type Output = Result<Ack, SendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(match answer {
            Ok(Ok(Done::Stored(ack))) => Ok(ack),
            Ok(Err(refusal)) => Err(SendError::Refused(refusal)),
            Ok(Ok(_)) | Err(_) => Err(SendError::Stopped),
        })
    }
}

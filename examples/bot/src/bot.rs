use chat_core::client::{Received, Request, TypedEventError};
use chat_core::{RecoveryOffset, RoomId, TypedEvent};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::builder::BotBuilder;
use crate::error::ConnectError;
use crate::sender::{Sender, Sending};

/// A connected bot. A task of its own holds the connection, and opens another one when it breaks. It ends when the bot
/// and all its [`Sender`]s are dropped; use [`stop`](Self::stop) if something was sent and not awaited.
#[derive(Debug)]
pub struct Bot {
    sender: Sender,
    received: mpsc::Receiver<Result<Received, ConnectError>>,
    position: Option<RecoveryOffset>,
    task: JoinHandle<()>,
}

impl Bot {
    /// Creates a bot with this nickname.
    pub fn named(nickname: &str) -> BotBuilder {
        BotBuilder::new(Some(nickname.to_owned()))
    }

    /// Creates a bot without a name.
    pub fn anonymous() -> BotBuilder {
        BotBuilder::new(None)
    }

    pub(crate) fn new(
        sender: Sender,
        received: mpsc::Receiver<Result<Received, ConnectError>>,
        position: Option<RecoveryOffset>,
        task: JoinHandle<()>,
    ) -> Self {
        Self { sender, received, position, task }
    }

    /// Waits for the next event: everything in the bot's rooms, and everything private, once and in order.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    /// When the server does not let the bot in any more. It does not connect again.
    pub async fn next(&mut self) -> Result<Received, ConnectError> {
        let received = self.received.recv().await.unwrap_or(Err(ConnectError::Stopped))?;
        if let Some(position) = received.position() {
            self.position = Some(position.clone());
        }
        Ok(received)
    }

    /// Returns the position of the last message that [`next`](Self::next) has returned; none before the first one.
    ///
    /// Save it when you have handled the message, and [go on from there](BotBuilder::resume) in the next run. A bot that
    /// ends in between handles that message again. If its answer has a key that depends on the message alone, such as
    /// its offset, the answer is still stored once.
    pub fn position(&self) -> Option<&RecoveryOffset> {
        self.position.as_ref()
    }

    /// Returns what other tasks send with.
    pub fn sender(&self) -> &Sender {
        &self.sender
    }

    /// Sends a text, or a change of an earlier message: see [`Sender::send`].
    pub fn send(&self, request: impl Into<Request>) -> Sending {
        self.sender.send(request)
    }

    /// Sends an event of the application to a room.
    ///
    /// # Errors
    /// When its name is none that an event can have, or its payload cannot be serialised or is too long.
    pub fn emit<E: TypedEvent>(&self, room: RoomId, event: &E) -> Result<Sending, TypedEventError> {
        self.sender.emit(room, event)
    }

    /// Waits until everything that was sent before is answered, and disconnects.
    pub async fn stop(self) {
        self.sender.stop();
        // Nobody takes what still arrives.
        drop(self.received);
        self.task.await.ok();
    }
}

use chat_core::client::Session;
use chat_core::event::{Handshake, Token};
use chat_core::{ParseError, RecoveryOffset};
use data_encoding::HEXLOWER;
use tokio::sync::{mpsc, oneshot};

use crate::bot::Bot;
use crate::driver::Driver;
use crate::error::ConnectError;
use crate::sender::Sender;
use crate::socket::address;

/// How a bot connects. Unless you say otherwise, it gets what is sent to the room `general` from now on, and not what its
/// own user sends.
#[derive(Debug, Clone)]
#[must_use]
pub struct BotBuilder {
    handshake: Handshake,
    window: usize,
}

impl BotBuilder {
    /// Events on their way from the task to the bot; more of them wait in the session.
    const HANDED_OVER: usize = 16;

    pub(crate) fn new(nickname: Option<String>) -> Self {
        let handshake = Handshake::default().with_history(0).with_echo(false);
        let handshake = match nickname {
            Some(nickname) => handshake.with_nickname(nickname),
            None => handshake,
        };
        Self { handshake, window: Session::WINDOW }
    }

    /// Sets the secret that keeps the nickname, or the token that says who the bot is. Without one the server makes one,
    /// which lasts as long as this run.
    ///
    /// # Errors
    /// When it is empty or too long.
    pub fn token(self, token: &str) -> Result<Self, ParseError> {
        let token = Token::try_from(token.to_owned())?;
        Ok(Self { handshake: self.handshake.with_token(token), ..self })
    }

    /// Adds a room to be in; `general` if there is none.
    ///
    /// # Errors
    /// When it is no name of a room.
    pub fn room(mut self, room: &str) -> Result<Self, ParseError> {
        self.handshake.rooms.push(room.parse()?);
        Ok(self)
    }

    /// Goes on after a message that an earlier run has handled: see [`Bot::position`].
    pub fn resume(mut self, position: RecoveryOffset) -> Self {
        self.handshake.server_offset = position.offset;
        self.handshake.offset = Some(position);
        self
    }

    /// Begins with the last messages of each room, and the last private ones: so many of them.
    pub fn history(self, messages: usize) -> Self {
        Self { handshake: self.handshake.with_history(messages), ..self }
    }

    /// Begins with the first message in the log.
    pub fn from_beginning(mut self) -> Self {
        self.handshake.history = None;
        self
    }

    /// Gets what the bot's user sends, too.
    pub fn with_echo(self) -> Self {
        Self { handshake: self.handshake.with_echo(true), ..self }
    }

    /// Sets how many requests are in flight at most: see [`Session::set_window`].
    pub fn window(self, requests: usize) -> Self {
        Self { window: requests, ..self }
    }

    /// Connects to the server at an address such as `ws://127.0.0.1:3000`. While the server is not there, tries again.
    ///
    /// What is sent after this has returned arrives.
    ///
    /// # Errors
    /// When the address is none, or the server does not let the bot in.
    pub async fn connect(self, url: &str) -> Result<Bot, ConnectError> {
        let url = address(url)?;
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        let position = self.handshake.offset.clone();
        let mut session = Session::new(self.handshake, &HEXLOWER.encode(&random))?;
        session.set_window(self.window);
        let (commands, asked) = mpsc::unbounded_channel();
        let (events, received) = mpsc::channel(Self::HANDED_OVER);
        let (connected, is_connected) = oneshot::channel();
        let driver = Driver::new(url, session, asked, events, connected);
        let task = tokio::spawn(driver.run());
        let mut bot = Bot::new(Sender::new(commands), received, position, task);
        if is_connected.await.is_err() {
            // The refusal comes after what has arrived before, if anything has.
            loop {
                bot.next().await?;
            }
        }
        Ok(bot)
    }
}

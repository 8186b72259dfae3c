use std::collections::HashMap;
use std::time::{Duration, Instant};

use chat_core::Refusal;
use chat_core::client::{Connection, Received, Session, SessionError, Ticket};
use thiserror::Error;
use tokio::select;
use tokio::sync::mpsc::error::SendError;
use tokio::sync::mpsc::{self, OwnedPermit};
use tokio::sync::oneshot;
use tokio::time::{sleep, sleep_until};
use tokio_tungstenite::tungstenite;

use crate::backoff::Backoff;
use crate::error::ConnectError;
use crate::sender::{Answer, Command};
use crate::socket::{Progress, Socket};

type Events = mpsc::Sender<Result<Received, ConnectError>>;

/// The task of a bot: it moves frames between a session and a websocket, and opens another one when that breaks.
pub(crate) struct Driver {
    url: String,
    session: Session,
    commands: mpsc::UnboundedReceiver<Command>,
    events: Events,
    answers: HashMap<Ticket, oneshot::Sender<Answer>>,
    /// Told when the bot is connected for the first time.
    connected: Option<oneshot::Sender<()>>,
    /// Whether the server has accepted the bot on the current connection.
    is_connected: bool,
    backoff: Backoff,
    /// The bot ends when everything is answered.
    is_stopping: bool,
}

/// What the program wants.
enum Wish {
    Command(Option<Command>),
    /// It takes another event, or none any more.
    Event(Result<OwnedPermit<Result<Received, ConnectError>>, SendError<()>>),
}

/// Why a connection ends.
#[derive(Debug, Error)]
enum End {
    #[error("the program has stopped the bot")]
    Stopped,
    #[error("the server refuses the bot: {0}")]
    Refused(Refusal),
    #[error("the program has caught up with what was left out")]
    CaughtUp,
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(transparent)]
    Socket(#[from] tungstenite::Error),
}

impl Driver {
    pub(crate) fn new(
        url: String,
        session: Session,
        commands: mpsc::UnboundedReceiver<Command>,
        events: Events,
        connected: oneshot::Sender<()>,
    ) -> Self {
        Self {
            url,
            session,
            commands,
            events,
            answers: HashMap::new(),
            connected: Some(connected),
            is_connected: false,
            backoff: Backoff::new(),
            is_stopping: false,
        }
    }

    /// Runs until the program or the server stops the bot.
    pub(crate) async fn run(mut self) {
        loop {
            let url = self.url.clone();
            let end = match self.meanwhile(Socket::open(&url)).await {
                None => return,
                Some(Ok(socket)) => self.serve(socket).await,
                Some(Err(error)) => error.into(),
            };
            self.session.closed();
            self.is_connected = false;
            let wait = match end {
                End::Stopped => return,
                End::CaughtUp => Duration::ZERO,
                End::Refused(refusal) => match refusal.retry_after {
                    Some(wait) => wait.max(self.backoff.next()),
                    None => return self.refused(refusal).await,
                },
                end => {
                    let wait = self.backoff.next();
                    tracing::warn!("not connected, next attempt in {wait:?}: {end}");
                    wait
                }
            };
            if self.meanwhile(sleep(wait)).await.is_none() {
                return;
            }
        }
    }

    /// Serves one connection until it ends.
    async fn serve(&mut self, mut socket: Socket) -> End {
        let end = self.exchange(&mut socket).await.err().unwrap_or(End::Stopped);
        if matches!(end, End::Stopped | End::CaughtUp) {
            socket.close().await;
        }
        end
    }

    async fn exchange(&mut self, socket: &mut Socket) -> Result<(), End> {
        self.session.opened(Instant::now());
        let mut to_write = true;
        loop {
            self.check()?;
            let deadline = self.session.deadline();
            let has_received = self.session.has_received();
            select! {
                progress = socket.progress(&mut self.session, to_write) => match progress? {
                    Progress::Frame(frame) => {
                        self.session.read(&frame, Instant::now())?;
                        self.pass_answers();
                        to_write = true;
                    }
                    Progress::Written => to_write = false,
                },
                wish = wish(&mut self.commands, &self.events, has_received) => {
                    if !self.grant(wish) {
                        return Ok(());
                    }
                    to_write = true;
                }
                () = until(deadline) => {
                    self.session.expire(Instant::now())?;
                    to_write = true;
                }
            }
        }
    }

    /// Looks at what has become of the connection.
    fn check(&mut self) -> Result<(), End> {
        match self.session.connection() {
            Connection::Connected if !self.is_connected => {
                tracing::info!("connected");
                self.is_connected = true;
                self.backoff.reset();
                if let Some(connected) = self.connected.take() {
                    connected.send(()).ok();
                }
            }
            Connection::Refused(refusal) => return Err(End::Refused(refusal.clone())),
            _ => {}
        }
        if self.is_stopping && self.session.unanswered() == 0 {
            return Err(End::Stopped);
        }
        if self.session.is_behind() && !self.session.has_received() {
            return Err(End::CaughtUp);
        }
        Ok(())
    }

    /// Waits for a future while the program goes on with what does not need a connection. None if it stops the bot.
    async fn meanwhile<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = Box::pin(future);
        loop {
            if self.is_stopping && self.session.unanswered() == 0 {
                return None;
            }
            let has_received = self.session.has_received();
            let wish = select! {
                done = &mut future => return Some(done),
                wish = wish(&mut self.commands, &self.events, has_received) => wish,
            };
            if !self.grant(wish) {
                return None;
            }
        }
    }

    /// Does what the program wants. Returns false if that is to end at once.
    fn grant(&mut self, wish: Wish) -> bool {
        match wish {
            Wish::Command(Some(Command::Send(request, answer))) => {
                self.answers.insert(self.session.send(request), answer);
            }
            Wish::Command(Some(Command::Stop)) => self.is_stopping = true,
            Wish::Command(None) => return false,
            Wish::Event(Ok(permit)) => {
                if let Some(received) = self.session.next_received() {
                    permit.send(Ok(received));
                }
            }
            // Only what is sent still counts.
            Wish::Event(Err(_)) => while self.session.next_received().is_some() {},
        }
        true
    }

    fn pass_answers(&mut self) {
        while let Some(answered) = self.session.next_answer() {
            if let Some(answer) = self.answers.remove(&answered.ticket) {
                // Nobody may wait for it.
                answer.send(answered.result).ok();
            }
        }
    }

    /// Hands over what has arrived, and says that there will be nothing else.
    async fn refused(mut self, refusal: Refusal) {
        // Whoever waits for an answer knows now that there is none.
        self.answers.clear();
        self.commands.close();
        self.connected = None;
        while let Some(received) = self.session.next_received() {
            if self.events.send(Ok(received)).await.is_err() {
                return;
            }
        }
        self.events.send(Err(ConnectError::Refused(refusal))).await.ok();
    }
}

async fn wish(
    commands: &mut mpsc::UnboundedReceiver<Command>,
    events: &Events,
    has_received: bool,
) -> Wish {
    select! {
        command = commands.recv() => Wish::Command(command),
        permit = events.clone().reserve_owned(), if has_received => Wish::Event(permit),
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

//! A bot without tokio: the client of chat-core over a blocking websocket, on one thread.
//!
//! [`Session`] remembers and decides; this is all that it needs of a program. For a bot with tokio, take the project's
//! `examples/bot`.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::ops::ControlFlow;
use std::thread::sleep;
use std::time::{Duration, Instant};

use chat_core::Refusal;
use chat_core::client::{Answered, Connection, Received, Session, SessionError};
use thiserror::Error;
use tungstenite::{Message, WebSocket};

/// How long connecting and writing may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The time between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(200);

/// What a bot handles.
#[derive(Debug)]
pub enum Event {
    /// Something has arrived.
    Received(Received),
    /// Something that was sent is answered.
    Answered(Answered),
}

/// Why a connection has ended.
#[derive(Debug, Error)]
enum Lost {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Socket(#[from] tungstenite::Error),
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// Runs a bot until it breaks off: `handle` gets what happens, and sends with the session. Connects again whenever the
/// connection breaks.
///
/// # Errors
/// When the server does not let the bot in, however often it tries.
pub fn run(
    server: SocketAddr,
    session: &mut Session,
    mut handle: impl FnMut(&mut Session, Event) -> ControlFlow<()>,
) -> Result<(), Refusal> {
    loop {
        let ended = serve(server, session, &mut handle);
        let refusal = match session.connection() {
            Connection::Refused(refusal) => Some(refusal.clone()),
            _ => None,
        };
        session.closed();
        match (ended, refusal) {
            (Ok(()), None) => return Ok(()),
            (_, Some(refusal)) => match refusal.retry_after {
                Some(wait) => sleep(wait),
                None => return Err(refusal),
            },
            (Err(lost), None) => {
                eprintln!("connecting again: {lost}");
                sleep(PAUSE);
            }
        }
    }
}

/// Serves one connection until it is lost, or the bot breaks off or is refused.
fn serve(
    server: SocketAddr,
    session: &mut Session,
    handle: &mut impl FnMut(&mut Session, Event) -> ControlFlow<()>,
) -> Result<(), Lost> {
    let mut socket = connect(server)?;
    session.opened(Instant::now());
    while !matches!(session.connection(), Connection::Refused(_)) {
        while let Some(event) = next_event(session) {
            if handle(session, event).is_break() {
                return Ok(());
            }
        }
        while let Some(frame) = session.write(Instant::now()) {
            socket.write(Message::text(frame))?;
        }
        socket.flush()?;
        if session.is_behind() {
            // Everything before is handled: what was left out comes on the next connection.
            return Err(io::Error::from(ErrorKind::QuotaExceeded).into());
        }
        let wait = session.deadline().map(|at| at.saturating_duration_since(Instant::now()));
        // No time at all would mean to wait for ever.
        let wait = wait.unwrap_or(PATIENCE).max(Duration::from_millis(1));
        socket.get_ref().set_read_timeout(Some(wait))?;
        match socket.read() {
            Ok(Message::Text(frame)) => session.read(frame.as_str(), Instant::now())?,
            Ok(_) => {}
            Err(tungstenite::Error::Io(error))
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error.into()),
        }
        session.expire(Instant::now())?;
    }
    Ok(())
}

fn connect(server: SocketAddr) -> Result<WebSocket<TcpStream>, Lost> {
    let stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let url = format!("ws://{server}/socket.io/?EIO=4&transport=websocket");
    let (socket, _) = tungstenite::client(url, stream).map_err(|error| match error {
        tungstenite::HandshakeError::Failure(error) => error,
        tungstenite::HandshakeError::Interrupted(_) => {
            tungstenite::Error::Io(ErrorKind::TimedOut.into())
        }
    })?;
    Ok(socket)
}

fn next_event(session: &mut Session) -> Option<Event> {
    let answered = session.next_answer().map(Event::Answered);
    answered.or_else(|| session.next_received().map(Event::Received))
}

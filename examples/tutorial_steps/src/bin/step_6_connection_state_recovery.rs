//! Step 6: a client that lost its connection gets its session back, and the messages it missed.
//!
//! `cargo run -p tutorial_steps --bin step_6_connection_state_recovery`, then open
//! <http://127.0.0.1:3000> in two tabs, disconnect one, and write in the other.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use chat_server::TransportService;
use chat_server::recovery::{Claim, Recovery, Session};
use chat_store::MemoryStore;
use socketioxide::SocketIo;
use socketioxide::extract::{Data, SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::socket::DisconnectReason;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

const PAGE: &str =
    concat!(include_str!("../../pages/head.html"), include_str!("../../pages/step_6.html"));

/// For how long a session waits for its client.
const WINDOW: Duration = Duration::from_secs(120);

/// A client that reads nothing for so long is given up: socketioxide's ping interval and timeout.
const PATIENCE: Duration = Duration::from_secs(45);

struct Conversation {
    recovery: Recovery<usize>,
    /// What was said, in memory. An offset in it is the number of messages before it.
    history: Mutex<Vec<String>>,
}

/// A client's session, and its offset when it connected.
struct Member {
    session: Session<usize>,
    offset: usize,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let recovery = Recovery::new(Arc::new(MemoryStore::new()), WINDOW);
    let conversation = Arc::new(Conversation { recovery, history: Mutex::default() });
    let (service, io) = SocketIo::new_svc();
    let (restoring, connecting) = (Arc::clone(&conversation), conversation);
    let restore = async move |socket: SocketRef, TryData(claim): TryData<Claim>| {
        restoring.restore(&socket, claim.unwrap_or_default()).await;
        Ok::<_, Infallible>(())
    };
    let connected = async move |socket: SocketRef| connecting.connected(&socket).await;
    io.ns("/", connected.with(restore));

    let app = Router::new()
        .route("/", get(async || Html(PAGE)))
        .merge(chat_server::client_router())
        // Tells clients of their session, which socketioxide itself does not.
        .route_service("/socket.io/", TransportService::new(service, PATIENCE));

    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

impl Conversation {
    /// Before a client is accepted: the session that it claims, or else a new one.
    async fn restore(self: &Arc<Self>, socket: &SocketRef, claim: Claim) {
        let claimed = self.recovery.find(socket, &claim).await.and_then(|found| {
            // Who has got no message yet goes on where the session began. What is no offset cannot be
            // gone on from.
            let offset = match found.offset() {
                Some(offset) => offset.parse().ok()?,
                None => *found.state(),
            };
            Some((found, offset))
        });
        let end = self.history.lock().await.len();
        let (session, offset) = match claimed.filter(|(_, offset)| *offset <= end) {
            Some((found, offset)) => (self.recovery.resume(socket, found), offset),
            None => (self.recovery.begin(socket, &end).await, end),
        };
        let member = Arc::new(Member { session, offset });
        socket.extensions.insert(Arc::clone(&member));
        socket.on_disconnect(async move |reason: DisconnectReason| {
            member.session.disconnected(reason);
            println!("a user disconnected: {}, {reason}", member.session.id());
        });
        let conversation = Arc::clone(self);
        socket.on("chat message", async move |io: SocketIo, Data::<String>(content)| {
            conversation.say(&io, content).await;
        });
    }

    /// Sends what a client missed. Nobody can say anything between that and the room.
    async fn connected(&self, socket: &SocketRef) {
        let Some(member) = socket.extensions.get::<Arc<Member>>() else { return };
        member.session.activate(socket);
        let history = self.history.lock().await;
        for (content, offset) in history.iter().zip(1..).skip(member.offset) {
            socket.emit("chat message", &(content, offset.to_string())).ok();
        }
        socket.join("chat");
        let Member { session, .. } = &*member;
        println!("a user connected: {}, recovered: {}", session.id(), session.recovered());
    }

    async fn say(&self, io: &SocketIo, content: String) {
        let mut history = self.history.lock().await;
        history.push(content.clone());
        // The client takes a text at the end of *any* event for its offset, and names it when it comes
        // back. Events that have no offset must end with something else: see `recovery::emit`.
        let offset = history.len().to_string();
        io.to("chat").emit("chat message", &(content, offset)).await.ok();
    }
}

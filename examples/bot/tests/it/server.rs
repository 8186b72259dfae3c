use std::env;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use bot::Bot;
use chat_core::client::Received;
use chat_core::event::Delivery;
use chat_server::{Chat, ChatBuilder};
use chat_store::{MemoryStore, SqliteStore};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::timeout;

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

const STORE: &str = "BOT_TEST_STORE";
const LISTEN: &str = "BOT_TEST_LISTEN";

/// A server in a process of its own, with a file for its store.
pub(crate) struct Process {
    pub(crate) address: String,
    process: Child,
    folder: TempDir,
}

impl Process {
    pub(crate) async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let (process, address) = launch(&folder, "127.0.0.1:0").await;
        Self { address, process, folder }
    }

    pub(crate) async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// Starts it again at the same address.
    pub(crate) async fn restart(&mut self) {
        (self.process, _) = launch(&self.folder, &self.address).await;
    }

    pub(crate) async fn kill_and_restart(&mut self) {
        self.kill().await;
        self.restart().await;
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}", self.address)
    }
}

/// Runs this test binary once more, for `the_server` alone.
async fn launch(folder: &TempDir, listen: &str) -> (Child, String) {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "server::the_server", "--nocapture"]);
    command.env(STORE, folder.path().join("chat.db")).env(LISTEN, listen);
    let mut process = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let address = async {
        loop {
            let line = lines.next_line().await.unwrap().expect("it starts");
            if let Some((_, address)) = line.split_once("listening on ") {
                break address.to_owned();
            }
        }
    };
    let address = timeout(PATIENCE, address).await.expect("it starts in time");
    (process, address)
}

/// The process of [`Process`]; without its environment, that it would start.
#[tokio::test]
async fn the_server() {
    let (Some(store), Ok(listen)) = (env::var_os(STORE), env::var(LISTEN)) else {
        Process::start().await.kill_and_restart().await;
        return;
    };
    let store = SqliteStore::open(store).await.unwrap();
    let chat = Chat::builder(Arc::new(store)).start().await.unwrap();
    let listener = TcpListener::bind(listen).await.unwrap();
    println!("listening on {}", listener.local_addr().unwrap());
    chat.serve(listener, std::future::pending()).await.unwrap();
}

/// A server in this process, with its messages in memory.
pub(crate) async fn serve(build: impl FnOnce(ChatBuilder) -> ChatBuilder) -> (Chat, String) {
    let chat = build(Chat::builder(Arc::new(MemoryStore::new()))).start().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let served = chat.clone();
    tokio::spawn(async move { served.serve(listener, std::future::pending()).await });
    (chat, url)
}

/// The next event that is kept in the log.
pub(crate) async fn next_kept(bot: &mut Bot) -> Received {
    let kept = async {
        loop {
            let received = bot.next().await.unwrap();
            if received.position().is_some() {
                break received;
            }
        }
    };
    timeout(PATIENCE, kept).await.expect("an event")
}

/// The next texts.
pub(crate) async fn texts(bot: &mut Bot, count: usize) -> Vec<String> {
    let mut texts = Vec::new();
    while texts.len() < count {
        let Received::Text(Delivery(content, ..)) = next_kept(bot).await else { panic!("a text") };
        texts.push(content.as_str().to_owned());
    }
    texts
}

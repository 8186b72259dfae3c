//! The API over HTTP, as programs meet it.

mod changes;
mod document;
mod events;
mod http;
mod moderating;
mod program;
mod reading;
mod searching;
mod sending;
mod shell;
mod streams;

use std::sync::Arc;

use chat_adapter::LocalBroadcast;
use chat_server::{ApiToken, ApiTokens, Chat, Limits};
use chat_store::{MemoryStore, Store};
use http::Http;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::client::Client;

/// A token of this name for these scopes, and its secret.
fn token(name: &str, scopes: &[&str]) -> (ApiToken, String) {
    let scopes = scopes.iter().map(|scope| scope.parse().unwrap()).collect();
    let new = ApiToken::create(name, scopes).unwrap();
    (new.token, new.secret)
}

/// The nodes of a chat, with the tokens of its API.
struct Nodes {
    store: Arc<dyn Store>,
    broadcast: Arc<LocalBroadcast>,
    tokens: ApiTokens,
    limits: Limits,
    has_rules: bool,
}

impl Nodes {
    fn new(tokens: &[&ApiToken]) -> Self {
        Self::on(Arc::new(MemoryStore::new()), tokens)
    }

    fn on(store: Arc<dyn Store>, tokens: &[&ApiToken]) -> Self {
        let lines: Vec<String> = tokens.iter().map(ToString::to_string).collect();
        let (broadcast, limits) = (Arc::new(LocalBroadcast::new()), Limits::default());
        Self {
            store,
            broadcast,
            tokens: lines.join("\n").parse().unwrap(),
            limits,
            has_rules: false,
        }
    }

    /// Starts a node, and returns where it listens.
    async fn start(&self) -> (Chat, String) {
        let chat = Chat::builder(Arc::clone(&self.store))
            .broadcast(self.broadcast.clone())
            .limits(self.limits.clone())
            .api(self.tokens.clone());
        let chat = if self.has_rules { chat.room_rules() } else { chat };
        let chat = chat.start().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let served = chat.clone();
        tokio::spawn(async move { served.serve(listener, std::future::pending()).await });
        (chat, address)
    }
}

/// A node of its own, and the API there with a token for these scopes.
async fn node(scopes: &[&str]) -> (Chat, Http) {
    let (token, secret) = token("ci", scopes);
    let (chat, address) = Nodes::new(&[&token]).start().await;
    (chat, Http::new(&address, &secret))
}

/// A client with a nickname.
async fn user(address: &str, nickname: &str, mut auth: Value) -> Client {
    auth["nickname"] = json!(nickname);
    auth["token"] = json!(format!("the secret token of {nickname}"));
    let (mut client, _) = Client::connect(address, auth).await;
    hears(&mut client, "nickname").await;
    client
}

/// The arguments of the next event with this name.
async fn hears(client: &mut Client, event: &str) -> Vec<Value> {
    let start = format!("42[{},", json!(event));
    loop {
        let packet = client.packet().await;
        if packet.starts_with(&start) {
            let mut arguments: Vec<Value> = serde_json::from_str(&packet[2..]).unwrap();
            arguments.remove(0);
            return arguments;
        }
    }
}

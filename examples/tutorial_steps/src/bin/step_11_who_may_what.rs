//! Step 11: a room for members only, and one where only they write.
//!
//! `cargo run -p tutorial_steps --bin step_11_who_may_what`, then open <http://127.0.0.1:3000>. Make Ada a member with
//! `curl -X PUT http://127.0.0.1:3000/members/Ada`, and end that with `-X DELETE`.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Html;
use axum::routing::{get, put};
use chat_server::{AccessScope, Action, Chat, Decision, Identity, Policy, PolicyError};
use chat_store::{MessageStore, SqliteStore};
use tokio::net::TcpListener;

const PAGE: &str =
    concat!(include_str!("../../pages/head.html"), include_str!("../../pages/step_11.html"));

/// Who is a member, by nickname: nobody else can have the name.
#[derive(Default)]
struct Members(Mutex<HashSet<String>>);

#[async_trait::async_trait]
impl Policy for Members {
    async fn decide(&self, who: &Identity, action: &Action) -> Result<Decision, PolicyError> {
        use Action::{Join, Read, SeeUsers, Type, Write};

        Ok(match action {
            Join(room) | Read(room) | Write(room) | SeeUsers(room) | Type(room)
                if room.as_str() == "members" =>
            {
                Decision::allow_if(self.has(who)).with_message("this room is for members")
            }
            Write(room) if room.as_str() == "announcements" => {
                Decision::allow_if(self.has(who)).with_message("only members write here")
            }
            _ => Decision::allowed(),
        })
    }
}

impl Members {
    fn has(&self, who: &Identity) -> bool {
        who.nickname().is_some_and(|nickname| self.all().contains(nickname.as_str()))
    }

    fn all(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the routes need. In a real program they ask first who is calling.
type House = (Arc<Members>, Chat);

async fn add(State((members, chat)): State<House>, Path(name): Path<String>) {
    members.all().insert(name);
    chat.access_changed(AccessScope::Everything).await;
}

async fn remove(State((members, chat)): State<House>, Path(name): Path<String>) {
    members.all().remove(&name);
    // When this returns, nobody gets anything any more that the policy refuses.
    chat.access_changed(AccessScope::Everything).await;
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let store = Arc::new(SqliteStore::open("chat.db").await?);
    let messages = Arc::<SqliteStore>::clone(&store);
    let members = Arc::new(Members::default());
    let chat = Chat::builder(messages).policy(Arc::clone(&members)).start().await?;

    let app = Router::new()
        .route("/", get(async || Html(PAGE)))
        .route("/members/{name}", put(add).delete(remove))
        .with_state((members, chat.clone()))
        .merge(chat_server::client_router())
        .merge(chat.socket_router());

    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let stop = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    chat.serve_router(listener, app, stop).await?;
    store.close().await;
    Ok(())
}

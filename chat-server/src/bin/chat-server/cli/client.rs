//! Commands that ask a running server over its API.

use std::io::{Read, Write};
use std::time::Duration;

use anyhow::Context;
use chat_core::{Nickname, RoomId};
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value as Json, json};
use tokio::time::sleep;

use super::api_args::ApiArgs;
use super::api_client::{ApiClient, ApiRequest, TryAgain};
use super::follow::follow;
use super::show;

/// How often a message is sent before its command fails, and the pause in between.
const ATTEMPTS: usize = 3;
const PAUSE: Duration = Duration::from_secs(1);

/// Requests to a running server, over its API.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(crate) enum Command {
    /// Send a text, or an event, to a room of a running server, and print its offset
    Send(SendArgs),
    /// Print the last messages of a room
    History(HistoryArgs),
    /// Search the messages of the rooms that the token may read, and print them, newest first
    Search(SearchArgs),
    /// Print who is in a room
    Users(UsersArgs),
    /// Print the rooms, and how many users are there
    Rooms(RoomsArgs),
    /// Print messages of rooms as they come, until Ctrl-C; resumes where it was after a broken connection
    Follow(FollowArgs),
}

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct SendArgs {
    /// The room
    room: RoomId,
    /// The text; - reads it from standard input
    text: String,
    /// Send an event of this name instead, with the text as its payload in JSON
    #[arg(long, value_name = "NAME")]
    event: Option<String>,
    /// The name under which clients show it
    #[arg(long, value_name = "NAME")]
    from: Option<Nickname>,
    /// What makes sending it again harmless, however late: with the same key and text it is stored once
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct HistoryArgs {
    /// The room
    room: RoomId,
    /// Only messages before this offset
    #[arg(long, value_name = "OFFSET")]
    before: Option<u64>,
    /// Maximum number of messages
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Print each message as JSON, one a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct SearchArgs {
    /// Words, all of them; "phrases" in quotation marks; word*, -word, from:NAME, in:ROOM, before:2026-11-28, after:OFFSET
    #[arg(allow_hyphen_values = true)]
    query: String,
    /// Only messages before this offset
    #[arg(long, value_name = "OFFSET")]
    before: Option<u64>,
    /// Maximum number of messages
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Print each message as JSON, one a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct UsersArgs {
    /// The room
    room: RoomId,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct RoomsArgs {
    /// Print each room as JSON, one a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct FollowArgs {
    /// The rooms
    #[arg(required = true)]
    rooms: Vec<RoomId>,
    /// Begin after this offset, 0 for all; without it, with what is sent from now on
    #[arg(long, value_name = "OFFSET")]
    after: Option<u64>,
    /// Print each message as JSON, one a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    api: ApiArgs,
}

/// Carries out a command.
///
/// # Errors
/// When it cannot be carried out: one line that says why, and [`TryAgain`] if it may be later.
pub(super) async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Send(args) => send(args).await,
        Command::History(args) => history(args).await,
        Command::Search(args) => search(args).await,
        Command::Users(args) => users(args).await,
        Command::Rooms(args) => rooms(args).await,
        Command::Follow(FollowArgs { rooms, after, json, api }) => {
            follow(&api.client()?, &rooms, after, json).await
        }
    }
}

async fn send(args: SendArgs) -> anyhow::Result<()> {
    let SendArgs { room, text, event, from, key, api } = args;
    let client = api.client()?;
    let text = if text == "-" { from_input()? } else { text };
    let mut body = match event {
        Some(event) => {
            let payload: Json = serde_json::from_str(&text)
                .context("the payload of an event is JSON: \"text\" with its quotes, or {…}")?;
            json!({ "event": event, "payload": payload })
        }
        None => json!({ "content": text }),
    };
    if let Some(from) = from {
        body["from"] = json!(from.as_str());
    }
    let key = key.map_or_else(random_key, Ok)?;
    let request = ApiRequest::new(Method::POST, &["rooms", room.as_str(), "messages"])
        .with_body(body)
        .with_header("idempotency-key", &key)?;
    let sent = send_until_answered(&client, &request).await.map_err(|error| {
        if error.is::<TryAgain>() {
            let how = format!(
                "it may have been sent; send it again with --key {key}, then it is stored once"
            );
            error.context(how)
        } else {
            error
        }
    });
    print(&format!("{}\n", sent?["offset"]))
}

/// Sends a message with a key, several times if the server does not answer: it is stored once.
async fn send_until_answered(client: &ApiClient, request: &ApiRequest) -> anyhow::Result<Json> {
    let mut attempts = 1;
    loop {
        match client.ask(request).await {
            Err(error) if error.is::<TryAgain>() && attempts < ATTEMPTS => {
                attempts += 1;
                sleep(PAUSE).await;
            }
            answered => return answered,
        }
    }
}

async fn history(args: HistoryArgs) -> anyhow::Result<()> {
    /// The most that one page has.
    const PAGE: usize = 200;
    let HistoryArgs { room, mut before, limit, json, api } = args;
    let client = api.client()?;
    let mut pages = Vec::new();
    let mut left = limit;
    while left > 0 {
        let request = ApiRequest::new(Method::GET, &["rooms", room.as_str(), "messages"])
            .with("limit", &left.min(PAGE).to_string())
            .with_some("before", before);
        let mut page = client.ask(&request).await?;
        let Json::Array(messages) = page["messages"].take() else { break };
        left = left.saturating_sub(messages.len());
        pages.push(messages);
        before = page["next"].as_u64();
        if before.is_none() {
            break;
        }
    }
    let lines = pages.iter().rev().flatten().map(|message| show::message(message, json));
    print(&lines.collect::<String>())
}

async fn search(args: SearchArgs) -> anyhow::Result<()> {
    /// The most that one page has.
    const PAGE: usize = 50;
    let SearchArgs { query, mut before, limit, json, api } = args;
    let client = api.client()?;
    let mut left = limit;
    while left > 0 {
        let request = ApiRequest::new(Method::GET, &["search"])
            .with("query", &query)
            .with("limit", &left.min(PAGE).to_string())
            .with_some("before", before);
        let page = client.ask(&request).await?;
        let hits = page["hits"].as_array().map_or(&[][..], Vec::as_slice);
        left = left.saturating_sub(hits.len());
        print(&hits.iter().map(|hit| show::hit(hit, json)).collect::<String>())?;
        before = page["before"].as_u64();
        if before.is_none() {
            break;
        }
    }
    Ok(())
}

async fn users(args: UsersArgs) -> anyhow::Result<()> {
    let UsersArgs { room, json, api } = args;
    let request = ApiRequest::new(Method::GET, &["rooms", room.as_str(), "users"]);
    let users = api.client()?.ask(&request).await?;
    if json {
        return print(&format!("{users}\n"));
    }
    let names = users["nicknames"].as_array().into_iter().flatten();
    let lines = names.map(|name| format!("{}\n", show::text(name.as_str().unwrap_or_default())));
    let lines: Vec<String> = lines.collect();
    print(&lines.concat())?;
    let others = users["users"].as_u64().unwrap_or(0).saturating_sub(lines.len() as u64);
    if others > 0 {
        eprintln!("and {others} others, most without a nickname");
    }
    Ok(())
}

async fn rooms(args: RoomsArgs) -> anyhow::Result<()> {
    let RoomsArgs { json, api } = args;
    let client = api.client()?;
    let mut after: Option<String> = None;
    loop {
        let request = ApiRequest::new(Method::GET, &["rooms"]).with_some("after", after);
        let page = client.ask(&request).await?;
        let rooms = page["rooms"].as_array().into_iter().flatten();
        print(&rooms.map(|room| show::room(room, json)).collect::<String>())?;
        after = page["next"].as_str().map(ToOwned::to_owned);
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Reads a text from standard input, without the end of its last line.
fn from_input() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("cannot read the text as UTF-8")?;
    let length = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(length);
    Ok(text)
}

fn random_key() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).context("the operating system returns no random numbers")?;
    Ok(data_encoding::HEXLOWER.encode(&bytes))
}

fn print(text: &str) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    output.write_all(text.as_bytes()).and_then(|()| output.flush()).context("cannot write")
}

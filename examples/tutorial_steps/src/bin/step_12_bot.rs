//! Step 12: a bot, which writes a task for each build that has failed.
//!
//! Start `step_12_other_programs`, and beside it
//! `BOT_TOKEN=$(openssl rand -hex 16) cargo run -p tutorial_steps --bin step_12_bot`. Have the next one use the same
//! token: it is the same user then.

use anyhow::Context;
use bot::Bot;
use chat_core::TypedEvent;
use chat_core::client::{Received, Request};
use chat_core::event::{ClientEvent, Delivery};
use serde::{Deserialize, Serialize};

/// The bot is a program of its own: it and the server agree on the name and the JSON.
#[derive(Serialize, Deserialize)]
struct TaskAdded {
    text: String,
}

impl TypedEvent for TaskAdded {
    const NAME: &'static str = "task added";
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "ws://127.0.0.1:3000".to_owned());
    let token = std::env::var("BOT_TOKEN").context("BOT_TOKEN: the secret that keeps the name")?;
    let mut bot = Bot::named("Clerk").token(&token)?.from_beginning().connect(&url).await?;
    loop {
        let Received::Text(Delivery(content, offset, _, _)) = bot.next().await? else { continue };
        let Some(build) = content.as_str().strip_suffix(" has failed") else { continue };
        let task = TaskAdded { text: format!("Repair {build}") };
        // The bot begins with the first message at each start. What it has done before has this key already.
        let key = format!("repair {offset}").parse()?;
        let task = ClientEvent::new(&task)?.with_client_offset(key);
        bot.send(Request::Event(TaskAdded::NAME.parse()?, task)).await?;
        println!("{build} is to be repaired");
    }
}

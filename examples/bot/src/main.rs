//! Says in the room `general` what others say there. See `README.md`.

use anyhow::Context;
use bot::Bot;
use chat_core::client::Received;
use chat_core::event::{ChatMessage, Delivery};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().init();
    let url = std::env::args().nth(1).unwrap_or_else(|| "ws://127.0.0.1:3000".to_owned());
    let token = std::env::var("BOT_TOKEN").context("BOT_TOKEN: the secret that keeps the name")?;
    let mut bot = Bot::named("Echo").token(&token)?.room("general")?.connect(&url).await?;
    loop {
        if let Received::Text(Delivery(content, offset, meta, _)) = bot.next().await? {
            let echo = ChatMessage::new(content).with_room(meta.room).in_reply_to(offset);
            bot.send(echo).await?;
        }
    }
}

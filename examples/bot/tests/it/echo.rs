use std::process::Stdio;

use bot::Bot;
use chat_core::client::Received;
use chat_core::event::{ChatMessage, Delivery};
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use crate::server::{PATIENCE, next_kept, serve};

const TOKEN: &str = "a secret of the bot, x9Qk2Lm7";

#[tokio::test]
async fn the_bot_of_ten_lines_answers() {
    let (chat, url) = serve(|chat| chat).await;
    let mut program = Command::new(env!("CARGO_BIN_EXE_bot"));
    let _program = program
        .arg(&url)
        .env("BOT_TOKEN", TOKEN)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let general = chat.room("general".parse().unwrap());
    let is_there = async {
        while general.online().nicknames.is_empty() {
            sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, is_there).await.unwrap();
    let mut ada = Bot::named("Ada").connect(&url).await.unwrap();
    for text in ["hello", "hello again"] {
        let said = ada.send(ChatMessage::new(text.parse().unwrap())).await.unwrap();
        let Received::Text(Delivery(content, _, meta, _)) = next_kept(&mut ada).await else {
            panic!()
        };
        assert_eq!((content.as_str(), meta.from.unwrap().as_str()), (text, "Echo"));
        assert_eq!(meta.reply_to, Some(said.offset));
    }
}

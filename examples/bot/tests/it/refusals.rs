use bot::{Bot, ConnectError, SendError};
use chat_core::RefusalCode;
use chat_core::event::ChatMessage;

use crate::server::serve;

#[tokio::test]
async fn a_bot_that_may_not_connect_knows_why() {
    let (_chat, url) = serve(|chat| chat).await;
    let _first = Bot::named("Taken").connect(&url).await.unwrap();
    let error = Bot::named("Taken").connect(&url).await.unwrap_err();
    let ConnectError::Refused(refusal) = error else { panic!("{error}") };
    assert_eq!(refusal.code, RefusalCode::NicknameTaken);
    let error = Bot::named("Other").connect("wss://127.0.0.1").await.unwrap_err();
    assert!(matches!(error, ConnectError::Url { .. }));
}

#[tokio::test]
async fn what_is_refused_says_so_and_what_follows_is_sent() {
    let (_chat, url) = serve(|chat| chat).await;
    let bot = Bot::named("Bot").connect(&url).await.unwrap();
    let text = |text: &str| ChatMessage::new(text.parse().unwrap());
    let [outside, inside] = [
        bot.send(text("outside").with_room("elsewhere".parse().unwrap())),
        bot.send(text("inside")),
    ];
    let SendError::Refused(refusal) = outside.await.unwrap_err() else { panic!() };
    assert_eq!(refusal.code, RefusalCode::NotInRoom);
    inside.await.unwrap();
}

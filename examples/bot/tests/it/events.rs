use bot::Bot;
use chat_core::client::Received;
use chat_core::event::{ChatMessage, Delivery, PrivateDelivery, PrivateMessage};
use chat_core::{RoomId, TypedEvent};
use serde::{Deserialize, Serialize};

use crate::server::{next_kept, serve, texts};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct OrderUpdated {
    id: u32,
    state: String,
}

impl TypedEvent for OrderUpdated {
    const NAME: &'static str = "order updated";
}

fn order(state: &str) -> OrderUpdated {
    OrderUpdated { id: 7, state: state.to_owned() }
}

fn orders() -> RoomId {
    "orders".parse().unwrap()
}

#[tokio::test]
async fn typed_events_go_both_ways() {
    let (chat, url) = serve(|chat| chat.client_event::<OrderUpdated>()).await;
    let mut bot = Bot::named("Clerk").room("orders").unwrap().connect(&url).await.unwrap();
    let mut other = Bot::anonymous().room("orders").unwrap().connect(&url).await.unwrap();
    chat.room(orders()).publish(&order("paid")).await.unwrap();
    let Received::Event(paid) = next_kept(&mut bot).await else { panic!() };
    assert_eq!(paid.read::<OrderUpdated>().unwrap().unwrap(), order("paid"));
    assert_eq!(paid.meta.room, Some(orders()));
    let ack = bot.emit(orders(), &order("sent")).unwrap().await.unwrap();
    for state in ["paid", "sent"] {
        let received = next_kept(&mut other).await;
        assert_eq!(received.read::<OrderUpdated>().unwrap().unwrap(), order(state));
        assert_eq!(received.position().unwrap().offset == ack.offset, state == "sent");
    }
}

#[tokio::test]
async fn a_bot_hears_private_messages_and_rooms_that_it_joins_and_not_itself() {
    let (_chat, url) = serve(|chat| chat).await;
    let mut bot = Bot::named("Bot").connect(&url).await.unwrap();
    let ada = Bot::named("Ada").room("rust").unwrap().connect(&url).await.unwrap();
    let rust: RoomId = "rust".parse().unwrap();
    bot.sender().join(rust.clone()).await.unwrap();
    let text = |text: &str| ChatMessage::new(text.parse().unwrap()).with_room(rust.clone());
    bot.send(text("from the bot")).await.unwrap();
    ada.send(text("from Ada")).await.unwrap();
    assert_eq!(texts(&mut bot, 1).await, ["from Ada"]);
    ada.send(PrivateMessage::new("Bot".parse().unwrap(), "psst".parse().unwrap())).await.unwrap();
    let Received::Private(PrivateDelivery(content, _, meta, _)) = next_kept(&mut bot).await else {
        panic!()
    };
    assert_eq!((content.as_str(), meta.from.unwrap().as_str()), ("psst", "Ada"));
    bot.sender().leave(rust.clone()).await.unwrap();
    let mut echo = Bot::named("Eve").room("rust").unwrap().with_echo().connect(&url).await.unwrap();
    echo.send(text("from Eve")).await.unwrap();
    let Received::Text(Delivery(content, _, meta, _)) = next_kept(&mut echo).await else {
        panic!()
    };
    assert_eq!(content.as_str(), "from Eve");
    assert!(meta.client_offset.is_some());
    ada.send(PrivateMessage::new("Bot".parse().unwrap(), "bye".parse().unwrap())).await.unwrap();
    assert!(matches!(next_kept(&mut bot).await, Received::Private(_)), "it has left the room");
}

use bot::Bot;
use chat_core::client::Session;
use chat_core::event::ChatMessage;
use chat_server::Limits;

use crate::server::{serve, texts};

/// More than a session keeps.
const MANY: usize = 2 * Session::MAX_RECEIVED;

#[tokio::test]
async fn a_bot_that_is_slower_than_the_room_gets_answers_and_then_all_it_missed() {
    let (_chat, url) = serve(|chat| {
        let mut limits = Limits::default();
        (limits.max_events_per_second, limits.event_burst) = (1_000_000, 1_000_000);
        chat.limits(limits)
    })
    .await;
    let mut slow = Bot::named("Slow").connect(&url).await.unwrap();
    let fast = Bot::named("Fast").connect(&url).await.unwrap();
    let text = |number: usize| ChatMessage::new(number.to_string().parse().unwrap());
    let mut last = None;
    for number in 0..MANY {
        last = Some(fast.send(text(number)));
    }
    last.unwrap().await.unwrap();
    // It has taken nothing yet.
    slow.send(text(MANY)).await.unwrap();
    let expected: Vec<String> = (0..MANY).map(|number| number.to_string()).collect();
    assert_eq!(texts(&mut slow, MANY).await, expected);
}

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bot::{Bot, ConnectError, SendError};
use chat_core::event::ChatMessage;
use chat_core::{Content, NewMessage, Refusal, RefusalCode};
use chat_server::{Identity, Interceptor};
use tokio::time::timeout;

use crate::proxy::Proxy;
use crate::server::{PATIENCE, serve, texts};

/// Refuses each message that is the third to be looked at, for now.
#[derive(Default)]
struct Busy(AtomicUsize);

#[async_trait]
impl Interceptor for Busy {
    async fn before(&self, _: &Identity, _: &NewMessage) -> Result<Option<Content>, Refusal> {
        match self.0.fetch_add(1, Ordering::Relaxed) % 3 {
            2 => Err(Refusal::slow_down("wait", Duration::from_millis(20))),
            _ => Ok(None),
        }
    }
}

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

#[tokio::test]
async fn what_is_refused_for_now_is_stored_later_and_in_order_one_by_one() {
    let (_chat, url) = serve(|chat| chat.intercept(Busy::default())).await;
    let mut listener = Bot::named("Listener").connect(&url).await.unwrap();
    let expected: Vec<String> = (0..30).map(|number: u32| number.to_string()).collect();
    for window in [1, 256] {
        let bot = Bot::anonymous().window(window).connect(&url).await.unwrap();
        for text in &expected {
            bot.send(ChatMessage::new(text.parse().unwrap()));
        }
        bot.stop().await;
        let mut stored = texts(&mut listener, 30).await;
        if window > 1 {
            // Those in flight overtake it.
            stored.sort_by_key(|text| text.parse::<u32>().unwrap());
        }
        assert_eq!(stored, expected);
    }
}

#[tokio::test]
async fn a_bot_that_may_not_connect_yet_tries_again() {
    let attempts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&attempts);
    let (_chat, url) = serve(|chat| {
        chat.authenticate(move |_, _| {
            let attempt = counted.fetch_add(1, Ordering::Relaxed);
            async move {
                let wait = || Refusal::slow_down("wait", Duration::from_millis(50));
                if attempt < 2 { Err(wait().into()) } else { Ok(()) }
            }
        })
    })
    .await;
    timeout(PATIENCE, Bot::anonymous().connect(&url)).await.unwrap().unwrap();
    assert_eq!(attempts.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_bot_that_may_not_connect_any_more_gets_what_was_there_and_stops() {
    let is_closed = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&is_closed);
    let (_chat, url) = serve(|chat| {
        chat.authenticate(move |_, _| {
            let is_closed = asked.load(Ordering::Relaxed);
            async move {
                let refusal = || Refusal::new(RefusalCode::Forbidden, "closed");
                if is_closed { Err(refusal().into()) } else { Ok(()) }
            }
        })
    })
    .await;
    let proxy = Proxy::start(&url, vec![1500]).await;
    let mut bot = Bot::named("Bot").connect(&proxy.url).await.unwrap();
    let sender = Bot::anonymous().connect(&url).await.unwrap();
    is_closed.store(true, Ordering::Relaxed);
    for _ in 0..10 {
        sender.send(ChatMessage::new("x".repeat(100).parse().unwrap())).await.unwrap();
    }
    let mut heard = 0;
    let refusal = loop {
        match timeout(PATIENCE, bot.next()).await.unwrap() {
            Ok(received) => heard += usize::from(received.position().is_some()),
            Err(ConnectError::Refused(refusal)) => break refusal,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(refusal.code, RefusalCode::Forbidden);
    assert!((1..10).contains(&heard), "{heard}");
    let sent = bot.send(ChatMessage::new("too late".parse().unwrap()));
    assert_eq!(sent.await, Err(SendError::Stopped));
}

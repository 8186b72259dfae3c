use std::sync::atomic::Ordering;
use std::time::Duration;

use bot::{Bot, Sending};
use chat_core::Ack;
use chat_core::event::ChatMessage;
use chat_server::Limits;
use futures_util::FutureExt;
use tokio::time::{sleep, timeout};

use crate::proxy::Proxy;
use crate::server::{PATIENCE, Process, serve, texts};

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

fn send(bot: &Bot, text: &str) -> Sending {
    bot.send(ChatMessage::new(text.parse().unwrap()))
}

async fn acks(sendings: Vec<Sending>) -> Vec<Ack> {
    let mut acks = Vec::new();
    for sending in sendings {
        acks.push(timeout(PATIENCE, sending).await.expect("an answer").unwrap());
    }
    acks
}

/// What a bot gets that reads the log from the beginning, up to a last message.
async fn log(url: &str) -> Vec<String> {
    let mut reader = Bot::anonymous().from_beginning().connect(url).await.unwrap();
    send(&reader, "the end");
    let mut log = Vec::new();
    let mut ender = Bot::anonymous().from_beginning().connect(url).await.unwrap();
    loop {
        let [text] = &mut texts(&mut ender, 1).await[..] else { panic!() };
        if text == "the end" {
            break;
        }
        log.push(std::mem::take(text));
    }
    assert_eq!(texts(&mut reader, log.len()).await, log);
    log
}

#[tokio::test]
async fn a_killed_server_has_each_of_200_messages_in_flight_once_and_in_order() {
    let mut server = Process::start().await;
    let sender = Bot::named("Sender").connect(&server.url()).await.unwrap();
    let mut listener = Bot::named("Listener").connect(&server.url()).await.unwrap();
    let mut sendings = Vec::new();
    let mut expected = numbers(600);
    for burst in 0..3 {
        sendings.extend(
            expected[200 * burst..200 * (burst + 1)].iter().map(|text| send(&sender, text)),
        );
        // Into the middle of it: some are stored and answered, some stored, some on their way.
        sleep(Duration::from_millis(2 * burst as u64)).await;
        server.kill_and_restart().await;
    }
    let acks = acks(sendings).await;
    assert!(acks.is_sorted_by_key(|ack| ack.offset));
    assert_eq!(texts(&mut listener, 600).await, expected);
    // Nothing comes after the last one but what is sent then.
    acks_of_one(&sender, "more").await;
    assert_eq!(texts(&mut listener, 1).await, ["more"]);
    expected.push("more".to_owned());
    assert_eq!(log(&server.url()).await, expected);
}

async fn acks_of_one(bot: &Bot, text: &str) {
    timeout(PATIENCE, send(bot, text)).await.expect("an answer").unwrap();
}

#[tokio::test]
async fn cuts_in_the_middle_of_frames_lose_and_repeat_nothing() {
    let (_chat, url) = serve(|chat| chat).await;
    // After the handshake, which takes some hundred bytes.
    let budgets = |seed: usize| (0..40).map(|cut| 700 + (cut * 977 + seed) % 5000).collect();
    let to_sender = Proxy::start(&url, budgets(0)).await;
    let to_listener = Proxy::start(&url, budgets(13)).await;
    let sender = Bot::named("Sender").connect(&to_sender.url).await.unwrap();
    let mut listener = Bot::named("Listener").connect(&to_listener.url).await.unwrap();
    let expected = numbers(1000);
    let sendings = expected.iter().map(|text| send(&sender, text)).collect();
    assert_eq!(texts(&mut listener, 1000).await, expected);
    let acks = acks(sendings).await;
    // The acks were among what was cut off.
    assert!(acks.iter().any(|ack| ack.duplicate));
    acks_of_one(&sender, "more").await;
    assert_eq!(texts(&mut listener, 1).await, ["more"]);
    for proxy in [to_sender, to_listener] {
        let cuts = proxy.cuts.load(Ordering::Relaxed);
        assert!(cuts >= 5, "{cuts}");
    }
    assert_eq!(log(&url).await.len(), 1001);
}

#[tokio::test]
async fn a_connection_on_which_nothing_arrives_is_replaced() {
    let (_chat, url) = serve(|chat| {
        let mut limits = Limits::default();
        (limits.ping_interval, limits.ping_timeout) =
            (Duration::from_millis(300), Duration::from_millis(300));
        chat.limits(limits)
    })
    .await;
    let proxy = Proxy::start_that_stalls(&url, vec![1500, 900]).await;
    let mut bot = Bot::named("Listener").connect(&proxy.url).await.unwrap();
    let sender = Bot::named("Sender").connect(&url).await.unwrap();
    let expected = numbers(100);
    let sendings = expected.iter().map(|text| send(&sender, text)).collect();
    acks(sendings).await;
    assert_eq!(texts(&mut bot, 100).await, expected);
}

#[tokio::test]
async fn a_bot_waits_for_a_server_that_is_not_there_yet() {
    let mut server = Process::start().await;
    server.kill().await;
    let url = server.url();
    let mut connecting = Box::pin(Bot::anonymous().connect(&url));
    let early = timeout(Duration::from_millis(500), &mut connecting).await;
    assert!(early.is_err(), "there is no server");
    server.restart().await;
    let bot = timeout(PATIENCE, connecting).await.unwrap().unwrap();
    let [one, two] = [send(&bot, "one"), send(&bot, "two")];
    bot.stop().await;
    // Stopping waits for the answers.
    let [one, two] = [one, two].map(|sending| sending.now_or_never().unwrap().unwrap());
    assert!(one.offset < two.offset);
}

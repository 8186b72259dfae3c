use bot::Bot;
use chat_core::client::Received;
use chat_core::event::{
    ChatMessage, DeleteMessage, Delivery, EditMessage, MessageDeleted, MessageEdited, React,
    Reacted,
};
use chat_core::{Ack, Offset};

use crate::server::{Process, next_kept, texts};

const TOKEN: &str = "a secret of the reader, x9Qk2Lm7";

async fn say(bot: &Bot, text: &str) -> Offset {
    let Ack { offset, .. } = bot.send(ChatMessage::new(text.parse().unwrap())).await.unwrap();
    offset
}

#[tokio::test]
async fn a_bot_that_was_away_gets_what_it_missed_once() {
    let mut server = Process::start().await;
    let url = server.url();
    let reader = || Bot::named("Reader").token(TOKEN).unwrap();
    let writer = Bot::named("Writer").connect(&url).await.unwrap();
    let mut bot = reader().connect(&url).await.unwrap();
    let first = say(&writer, "first").await;
    assert_eq!(texts(&mut bot, 1).await, ["first"]);
    let position = bot.position().unwrap().clone();
    bot.stop().await;

    let second = say(&writer, "second").await;
    let third = say(&writer, "third").await;
    writer.send(EditMessage::new(first, "first, edited".parse().unwrap())).await.unwrap();
    writer.send(DeleteMessage::new(second)).await.unwrap();
    writer.send(React::new(third, "👍".parse().unwrap(), true)).await.unwrap();
    server.kill_and_restart().await;

    let mut bot = reader().resume(position).connect(&url).await.unwrap();
    let mut heard = Vec::new();
    loop {
        let received = next_kept(&mut bot).await;
        let is_last = matches!(received, Received::Reaction(_));
        heard.push(received);
        if is_last {
            break;
        }
    }
    let is_third = |received: &Received| matches!(received, Received::Text(Delivery(text, ..)) if text.as_str() == "third");
    assert_eq!(heard.iter().filter(|received| is_third(received)).count(), 1);
    let [
        ..,
        Received::Edited(MessageEdited(text, _, edit, _)),
        Received::Deleted(MessageDeleted(_, deletion, _)),
        Received::Reaction(Reacted(emoji, _, reaction, _)),
    ] = &heard[..]
    else {
        panic!("{heard:?}")
    };
    assert_eq!((text.as_str(), edit.of), ("first, edited", first));
    assert_eq!((deletion.of, emoji.as_str(), reaction.of), (second, "👍", third));
    assert!(!format!("{heard:?}").contains("\"second\""), "it was deleted");

    let position = bot.position().unwrap().clone();
    bot.stop().await;
    let mut bot = reader().resume(position).connect(&url).await.unwrap();
    say(&writer, "fourth").await;
    assert_eq!(texts(&mut bot, 1).await, ["fourth"], "nothing comes twice");
}

#[tokio::test]
async fn a_bot_that_has_heard_nothing_yet_misses_nothing_when_the_server_is_killed() {
    let mut server = Process::start().await;
    let writer = Bot::named("Writer").connect(&server.url()).await.unwrap();
    say(&writer, "before").await;
    let mut bot = Bot::named("Reader").connect(&server.url()).await.unwrap();
    server.kill_and_restart().await;
    say(&writer, "after").await;
    assert_eq!(texts(&mut bot, 1).await, ["after"]);
}

#[tokio::test]
async fn an_answer_with_a_key_of_its_message_is_stored_once_however_often_the_bot_starts() {
    let server = Process::start().await;
    let url = server.url();
    let bot = || Bot::named("Reader").token(TOKEN).unwrap().history(10).connect(&url);
    let mut writer = Bot::named("Writer").connect(&url).await.unwrap();
    say(&writer, "question").await;
    for duplicate in [false, true] {
        let mut bot = bot().await.unwrap();
        let Received::Text(Delivery(_, offset, ..)) = next_kept(&mut bot).await else { panic!() };
        let key = format!("answer to {offset}").parse().unwrap();
        let answer = ChatMessage::new("answer".parse().unwrap()).in_reply_to(offset);
        let ack = bot.send(answer.with_client_offset(key)).await.unwrap();
        assert_eq!(ack.duplicate, duplicate);
        bot.stop().await;
    }
    say(&Bot::anonymous().connect(&url).await.unwrap(), "the end").await;
    assert_eq!(texts(&mut writer, 2).await, ["answer", "the end"]);
}

//! A bot and a server in memory, with a network between them that breaks at every point.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::HashMap;

use bot::{Inbox, Outbox, Received};
use chat_core::event::{
    CHAT_MESSAGE, ChatMessage, Delivery, DeliveryMeta, Handshake, PRIVATE_MESSAGE, PrivateDelivery,
    PrivateDeliveryMeta, PrivateMessage,
};
use chat_core::{
    Ack, Answer, ClientOffset, Content, Epoch, Nickname, Offset, RecoveryOffset, Refusal,
    RefusalCode, RoomId, Timestamp,
};

/// A log, and what the chat server promises of it.
struct Server {
    epoch: Epoch,
    messages: Vec<(Content, Option<ClientOffset>)>,
    by_key: HashMap<ClientOffset, Offset>,
}

impl Server {
    fn new(number: u8) -> Self {
        let epoch = Epoch::from_random([number; 8]);
        Self { epoch, messages: Vec::new(), by_key: HashMap::new() }
    }

    /// Stores a message once, and answers.
    fn emit(&mut self, event: &str, arguments: &str) -> String {
        assert_eq!(event, CHAT_MESSAGE);
        let json = format!(r#"["{event}",{}"#, &arguments[1..]);
        let ChatMessage { content, client_offset, options, .. } =
            ChatMessage::from_event(&json).unwrap();
        assert_eq!(options.room, Some(RoomId::general()));
        let key = client_offset.expect("the bot gives keys");
        let next = offset(self.messages.len() + 1);
        let stored = *self.by_key.entry(key.clone()).or_insert(next);
        if stored == next {
            self.messages.push((content, Some(key)));
        }
        serde_json::to_string(&Ack::new(stored, stored != next)).unwrap()
    }

    /// The events for a client that connects with `auth`.
    fn deliver(&self, auth: &str) -> Vec<String> {
        let auth: Handshake = serde_json::from_str(auth).unwrap();
        let here = auth.offset.is_none_or(|offset| offset.epoch == self.epoch);
        let after = if here { auth.server_offset.as_u64() } else { 0 };
        let all = self.messages.iter().zip(1..);
        all.skip(after.try_into().unwrap())
            .map(|((content, key), number)| delivery(&self.epoch, number, content.as_str(), key))
            .collect()
    }
}

fn offset(number: usize) -> Offset {
    Offset::new(number as u64).unwrap()
}

fn delivery(epoch: &Epoch, number: usize, text: &str, key: &Option<ClientOffset>) -> String {
    let mut meta = DeliveryMeta::new(RoomId::general());
    (meta.at, meta.client_offset) = (Some(Timestamp::from_millis(0)), key.clone());
    let recovery = RecoveryOffset::new(epoch.clone(), offset(number));
    let content = Content::from_stored(text);
    serde_json::to_string(&Delivery(content, offset(number), meta, recovery)).unwrap()
}

/// Which of what is sent gets through, in every combination over the trials of a test.
struct Network(u64);

impl Network {
    fn is_up(&mut self) -> bool {
        // The low bits decide; then there is peace.
        let up = self.0 & 1 == 0;
        self.0 >>= 1;
        up
    }
}

fn contents(inbox: &mut Inbox, events: &[String], handled: &mut Vec<String>) {
    for arguments in events {
        if let Some(Received::InRoom(said)) = inbox.accept(CHAT_MESSAGE, arguments).unwrap() {
            handled.push(said.0.as_str().to_owned());
        }
    }
}

#[test]
fn what_the_bot_says_is_stored_once_and_in_order_whatever_is_lost() {
    for broken in 0..1 << 12 {
        let (mut network, mut server) = (Network(broken), Server::new(1));
        let mut outbox = Outbox::new("run 1").unwrap();
        for text in ["one", "two", "three"] {
            outbox.say(RoomId::general(), text.parse().unwrap());
        }
        while let Some(said) = outbox.next().cloned() {
            if !network.is_up() {
                continue;
            }
            let answer = server.emit(said.event, &said.arguments);
            if network.is_up() {
                let ack = outbox.answered(&said.key, &answer).unwrap().into_result().unwrap();
                assert_eq!(ack.offset, offset(server.messages.len()));
            }
        }
        let stored: Vec<_> = server.messages.iter().map(|(content, _)| content.as_str()).collect();
        assert_eq!(stored, ["one", "two", "three"], "{broken:b}");
    }
}

#[test]
fn the_bot_handles_each_message_once_and_in_order_wherever_it_is_cut_off() {
    let mut server = Server::new(1);
    server.messages = (1..=5).map(|n| (n.to_string().parse().unwrap(), None)).collect();
    for broken in 0..1 << 10 {
        let mut network = Network(broken);
        let (mut inbox, mut handled) = (Inbox::default(), Vec::new());
        while handled.len() < 5 {
            let auth = serde_json::to_string(&inbox.handshake()).unwrap();
            for event in server.deliver(&auth) {
                // A client that repeats an event of the connection before does no harm.
                contents(&mut inbox, &[event.clone(), event], &mut handled);
                if !network.is_up() {
                    break;
                }
            }
            // The program is started again, with what it has saved.
            inbox = Inbox::resume(inbox.cursor().unwrap());
        }
        assert_eq!(handled, ["1", "2", "3", "4", "5"], "{broken:b}");
    }
}

#[test]
fn another_log_is_read_from_its_beginning() {
    let (mut first, mut second) = (Server::new(1), Server::new(2));
    first.messages = vec![("old".parse().unwrap(), None); 3];
    second.messages = (1..=4).map(|n| (n.to_string().parse().unwrap(), None)).collect();
    let (mut inbox, mut handled) = (Inbox::default(), Vec::new());
    contents(&mut inbox, &first.deliver("{}"), &mut handled);
    assert_eq!(handled, ["old"; 3]);
    let auth = serde_json::to_string(&inbox.handshake()).unwrap();
    contents(&mut inbox, &second.deliver(&auth), &mut handled);
    assert_eq!(handled[3..], ["1", "2", "3", "4"]);
}

#[test]
fn private_messages_are_handled_and_sent_as_others_are() {
    let epoch = Epoch::from_random([1; 8]);
    let mut meta = PrivateDeliveryMeta::new("Bot".parse().unwrap());
    meta.from = Some("Ada".parse().unwrap());
    let recovery = RecoveryOffset::new(epoch, offset(9));
    let delivery = PrivateDelivery("psst".parse().unwrap(), offset(9), meta, recovery);
    let arguments = serde_json::to_string(&delivery).unwrap();
    let mut inbox = Inbox::default();
    let received = inbox.accept(PRIVATE_MESSAGE, &arguments).unwrap();
    assert_eq!(received, Some(Received::Privately(delivery)));
    assert_eq!(inbox.accept(PRIVATE_MESSAGE, &arguments).unwrap(), None);
    assert_eq!(inbox.handshake().server_offset, offset(9));

    let ada: Nickname = "Ada".parse().unwrap();
    let mut outbox = Outbox::new("run 1").unwrap();
    outbox.whisper(ada.clone(), "got it".parse().unwrap());
    let said = outbox.next().unwrap();
    let event = format!(r#"["{}",{}"#, said.event, &said.arguments[1..]);
    let sent = PrivateMessage::from_event(&event).unwrap();
    assert_eq!((sent.to, sent.client_offset), (ada, Some(said.key.clone())));
}

#[test]
fn a_refused_message_is_not_sent_again_and_the_next_one_is() {
    let mut outbox = Outbox::new("run 1").unwrap();
    outbox.say(RoomId::general(), "one".parse().unwrap());
    outbox.say(RoomId::general(), "two".parse().unwrap());
    let first = outbox.next().unwrap().key.clone();
    assert!(outbox.answered(&first, "{}").is_err());
    assert_eq!(outbox.len(), 2, "that was no answer");
    let refusal = Refusal::new(RefusalCode::NotInRoom, "join it first");
    let json = serde_json::to_string(&refusal).unwrap();
    assert_eq!(outbox.answered(&first, &json).unwrap(), Answer::Refused(refusal));
    assert_ne!(outbox.next().unwrap().key, first);
}

#[test]
fn what_cannot_be_read_leaves_the_cursor_as_it_is() {
    let mut inbox = Inbox::default();
    assert!(inbox.accept(CHAT_MESSAGE, r#"["hello"]"#).is_err());
    assert_eq!(inbox.accept("typing", r#"[{"room":"general"}]"#).unwrap(), None);
    assert_eq!(inbox, Inbox::default());
}

#[test]
fn a_run_whose_keys_would_be_too_long_is_refused() {
    assert!(Outbox::new("").is_err());
    assert!(Outbox::new(&"x".repeat(236)).is_err());
    assert!(Outbox::new(&"x".repeat(235)).is_ok());
}

use std::collections::VecDeque;

use chat_core::event::{CHAT_MESSAGE, ChatMessage, PRIVATE_MESSAGE, PrivateMessage};
use chat_core::{Answer, ClientOffset, Content, Nickname, ParseError, RoomId};

/// What a bot has said and has no answer to.
///
/// The oldest is sent until it is answered, after each connect and whenever an answer takes too long; only then
/// the next one. So the order holds, also when the server could store nothing for a while. The keys make the
/// repeats harmless.
#[derive(Debug)]
pub struct Outbox {
    run: String,
    count: u64,
    unanswered: VecDeque<Said>,
}

/// An event to emit, with an ack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Names the message, however often it is sent.
    pub key: ClientOffset,
    /// The name of the event.
    pub event: &'static str,
    /// Its arguments, the JSON text of an array.
    pub arguments: String,
}

impl Outbox {
    /// An empty one. `run` begins all keys, and no other run of the bot may have it: a random text.
    ///
    /// # Errors
    /// When it cannot begin a key: it is empty, has control characters, or is too long.
    pub fn new(run: &str) -> Result<Self, ParseError> {
        // The longest key that there will be.
        key(run, u64::MAX)?;
        Ok(Self { run: run.to_owned(), count: 0, unanswered: VecDeque::new() })
    }

    /// Says something in a room.
    pub fn say(&mut self, room: RoomId, content: Content) {
        self.push(CHAT_MESSAGE, |key| {
            let message = ChatMessage::new(content).with_client_offset(key).with_room(room);
            serde_json::to_string(&message)
        });
    }

    /// Says something to one user.
    pub fn whisper(&mut self, to: Nickname, content: Content) {
        self.push(PRIVATE_MESSAGE, |key| {
            serde_json::to_string(&PrivateMessage::new(to, content).with_client_offset(key))
        });
    }

    /// What to send now, if anything.
    pub fn next(&self) -> Option<&Said> {
        self.unanswered.front()
    }

    /// How many have no answer yet.
    pub fn len(&self) -> usize {
        self.unanswered.len()
    }

    /// Whether all have been answered.
    pub fn is_empty(&self) -> bool {
        self.unanswered.is_empty()
    }

    /// Takes the argument of the ack to the message with this key, JSON text, and says what it means. Either
    /// way the message is not sent again. An answer may come twice, when the message was sent twice.
    ///
    /// # Errors
    /// When it is no answer. The message stays.
    pub fn answered(&mut self, key: &ClientOffset, json: &str) -> serde_json::Result<Answer> {
        let answer = serde_json::from_str(json)?;
        self.unanswered.retain(|said| said.key != *key);
        Ok(answer)
    }

    fn push(
        &mut self,
        event: &'static str,
        arguments: impl FnOnce(ClientOffset) -> serde_json::Result<String>,
    ) {
        self.count += 1;
        #[expect(clippy::expect_used, reason = "`new` has tried a longer one")]
        let key = key(&self.run, self.count).expect("a shorter key than that of `new`");
        #[expect(clippy::expect_used, reason = "there is nothing but texts and maps of them in it")]
        let arguments = arguments(key.clone()).expect("texts can be written");
        self.unanswered.push_back(Said { key, event, arguments });
    }
}

fn key(run: &str, count: u64) -> Result<ClientOffset, ParseError> {
    if run.is_empty() {
        return Err(ParseError::Empty { what: "the name of a run" });
    }
    format!("{run}-{count}").parse()
}

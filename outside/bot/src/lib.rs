//! What a bot of the chat has to remember: its cursor, and what it has said without an answer.
//!
//! It knows no network. Whatever Socket.IO client the bot uses, it hands the arguments of the events that arrive
//! to an [`Inbox`], and sends what an [`Outbox`] says. Then the bot handles every message once and in order,
//! and everything it says is stored once, however often the connection breaks.
//!
//! ```
//! use bot::{Inbox, Outbox, Received};
//! use chat_core::RoomId;
//! use chat_core::event::CHAT_MESSAGE;
//!
//! let mut inbox = Inbox::default();
//! let mut outbox = Outbox::new("a text that no other run of the bot has")?;
//!
//! // To say in `auth`, each time the bot connects.
//! assert_eq!(serde_json::to_string(&inbox.handshake())?, r#"{"serverOffset":0}"#);
//!
//! // The arguments of an event, as they arrive.
//! let meta = r#"{"room":"general","from":"Ada","at":1700000000000,"clientOffset":null}"#;
//! let arguments = format!(r#"["hello",1,{meta},"5f0c3b2a9d8e7f61-1"]"#);
//! let Some(Received::InRoom(said)) = inbox.accept(CHAT_MESSAGE, &arguments)? else {
//!     panic!("it is new")
//! };
//! assert_eq!(said.0.as_str(), "hello");
//! assert_eq!(inbox.accept(CHAT_MESSAGE, &arguments)?, None, "it is a repeat");
//!
//! outbox.say(RoomId::general(), "hello yourself".parse()?);
//! let next = outbox.next().expect("it has no answer yet");
//! // `socket.emit(next.event, next.arguments)`, and what its ack says:
//! let key = next.key.clone();
//! outbox.answered(&key, r#"{"offset":2,"duplicate":false}"#)?;
//! assert!(outbox.next().is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod inbox;
mod outbox;

pub use inbox::{Inbox, Received};
pub use outbox::{Outbox, Said};

//! A client of the chat without I/O: what it writes, what becomes of what it reads, and what it remembers when its
//! connection breaks.
//!
//! A [`Session`] lasts as long as the program. It outlives connections: whoever has a websocket tells it when one is
//! open, hands it each text frame, and writes what it says. In return everything in its rooms arrives once and in
//! order, and everything that it sends is stored once and in order, however often the connection breaks.
//!
//! ```
//! use std::time::Instant;
//!
//! use chat_core::client::{Received, Session};
//! use chat_core::event::{ChatMessage, Delivery, Handshake};
//!
//! let mut session = Session::new(Handshake::default(), "a text that no other run has")?;
//! let ticket = session.send(ChatMessage::new("hello".parse()?));
//!
//! // A websocket to `/socket.io/?EIO=4&transport=websocket` is open. Frames that arrive go into `read`, and what
//! // `write` returns goes out.
//! let now = Instant::now();
//! session.opened(now);
//! session.read(r#"0{"sid":"a","pingInterval":25000,"pingTimeout":20000}"#, now)?;
//! assert_eq!(session.write(now).as_deref(), Some(r#"40{"serverOffset":0}"#));
//! session.read(r#"40{"sid":"b","pid":"c"}"#, now)?;
//! let sent = session.write(now).expect("what was sent");
//! assert!(sent.starts_with(r#"420["chat message","hello","#));
//!
//! session.read(r#"430[{"offset":1,"duplicate":false}]"#, now)?;
//! assert_eq!(session.next_answer().expect("an answer").ticket, ticket);
//!
//! let meta = r#"{"room":"general","from":null,"at":null,"clientOffset":null}"#;
//! let delivery = format!(r#"42["chat message","hello yourself",2,{meta},"5f0c3b2a9d8e7f61-2"]"#);
//! session.read(&delivery, now)?;
//! let Some(Received::Text(Delivery(content, ..))) = session.next_received() else { panic!() };
//! assert_eq!(content.as_str(), "hello yourself");
//!
//! // The next connection goes on where this one has ended.
//! session.closed();
//! session.opened(now);
//! session.read(r#"0{"sid":"d","pingInterval":25000,"pingTimeout":20000}"#, now)?;
//! let auth = session.write(now).expect("what it says in `auth`");
//! assert_eq!(auth, r#"40{"serverOffset":2,"offset":"5f0c3b2a9d8e7f61-2","pid":"c"}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | what happens | what the session does |
//! |---|---|
//! | the connection breaks | all that has no answer is sent again, in order, under the same keys |
//! | an answer does not come for [`Session::ANSWER_WITHIN`] | the same, on the same connection |
//! | a refusal with `retryAfter` | nothing is sent until then; the refused request goes first |
//! | any other refusal | it is the answer |
//! | a message arrives again | it is dropped |
//! | the server has another log | everything of it counts as new |
//! | nothing arrives for as long as pings may take | [`Session::expire`] says so: close the connection, and open another one |
//! | more arrives than the program takes | it is left out, and comes again on [another connection](Session::is_behind) |

mod error;
mod inbox;
mod outbox;
mod packet;
mod received;
mod request;
mod session;

pub use error::SessionError;
pub use outbox::{Answered, Done, Ticket};
pub use received::{EventDelivery, EventMeta, Received};
pub use request::{Request, TypedEventError};
pub use session::{Connection, Session};

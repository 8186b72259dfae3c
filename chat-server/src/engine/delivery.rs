//! Delivery from the log to one connection: in order, without gap or repeat, as fast as the connection reads.
//!
//! A [`ReadPosition`] is the cursor of a connection, and a [`Subscription`] reads the log from there. [`Waiting`]
//! holds answers and ephemeral events, and [`deliver`] hands all of it to the connection's [`Sink`]. None of them
//! knows about sockets.

mod ephemeral;
mod following;
mod outbox;
mod read_position;
mod subscription;
mod task;

#[cfg(test)]
mod tests;

pub(crate) use ephemeral::{EphemeralEvent, EphemeralEvents};
pub(crate) use following::{Following, Past, Since};
pub(crate) use outbox::{Answer, Outbox, Permit, RoomPage};
pub(crate) use read_position::ReadPosition;
#[cfg(any(feature = "api", feature = "bench"))]
pub(crate) use subscription::Next;
#[cfg(feature = "bench")]
pub(crate) use subscription::ReadOutcome;
pub(crate) use subscription::Subscription;
pub(crate) use task::{NotTaken, Sink, Taken, Waiting, deliver};

//! From the log to one connection: in order, without gap or repeat, as fast as the connection takes it.
//!
//! A [`Subscription`] is the cursor of a connection, [`Outbox`] holds the answers it waits for, and
//! [`pump`] hands both to the connection's [`Sink`]. None of them knows what a socket is.

mod outbox;
mod pump;
mod rooms;
mod subscription;

#[cfg(test)]
mod tests;

pub(crate) use outbox::{Answer, Outbox};
pub(crate) use pump::{Sent, Sink, pump};
pub(crate) use rooms::{JoinedAfter, Rooms};
pub(crate) use subscription::Subscription;

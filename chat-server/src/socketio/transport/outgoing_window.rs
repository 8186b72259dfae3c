use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Context;

use futures_util::task::AtomicWaker;
use http::HeaderMap;
use http::header::USER_AGENT;
use tokio::sync::Notify;

use super::budget::Budget;
use super::unsent::{AnswerRoom, Unsent};

/// Maximum number of unsent packets. Far less than a socket's buffer holds: the rest is for heartbeats and an
/// application's own events.
const MAX_UNSENT_PACKETS: usize = 64;

/// The same for a client that polls and may be python-engineio. It gets all of them in one payload, of which that
/// library accepts no more than 16 packets: one of those is for a heartbeat, and one for an application's own event.
const MAX_POLLED_PACKETS: usize = 14;

/// Maximum number of unsent bytes: the cost of a reader that stalls.
const MAX_UNSENT_BYTES: usize = 256 * 1024;

/// What is on its way to a client, and when there may be more.
#[derive(Debug)]
pub(crate) struct OutgoingWindow {
    packets: AtomicUsize,
    bytes: Unsent,
    /// How many may be unsent while the client polls.
    most_polled: usize,
    /// Whether nothing can be written at the moment.
    is_stalled: AtomicBool,
    /// Only one task waits for this: the delivery task.
    drained: Notify,
    /// Waits to write to the client.
    writer: AtomicWaker,
}

/// The client holds room that others need, and does not use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Overdue;

impl OutgoingWindow {
    /// Creates the window of a client from this address, with the budget that it shares with others for data that it
    /// does not read; none without a limit.
    pub(super) fn new(budget: Option<Arc<Budget>>, address: Option<IpAddr>) -> Self {
        Self {
            packets: AtomicUsize::default(),
            bytes: Unsent::new(budget, address),
            most_polled: MAX_POLLED_PACKETS,
            is_stalled: AtomicBool::default(),
            drained: Notify::new(),
            writer: AtomicWaker::new(),
        }
    }

    /// Sets how many packets the client gets in one answer to a poll, given the headers of its first one.
    pub(super) fn polled_by(self, headers: &HeaderMap) -> Self {
        let most_polled =
            if takes_long_payloads(headers) { MAX_UNSENT_PACKETS } else { MAX_POLLED_PACKETS };
        Self { most_polled, ..self }
    }

    /// Returns whether a packet may be sent. Only one task asks.
    pub(super) fn has_room(&self, is_polled: bool) -> bool {
        let most = if is_polled { self.most_polled } else { MAX_UNSENT_PACKETS };
        self.packets.load(Ordering::Relaxed) < most && self.bytes.get() < MAX_UNSENT_BYTES
    }

    /// Counts bytes that are about to wait for writing, if the shared budget has room for them. Only one task asks.
    /// If there is no room, it can pause with [`Link::room`](super::Link::room).
    pub(crate) fn make_room(&self, bytes: usize) -> bool {
        self.bytes.add(bytes)
    }

    /// Counts bytes that are about to wait for writing and have room already.
    pub(crate) fn count_unsent(&self, bytes: usize) {
        self.bytes.count(bytes);
    }

    /// Uncounts bytes that do not wait after all.
    pub(crate) fn take_back(&self, bytes: usize) {
        self.bytes.take_back(bytes);
    }

    /// Returns room in the shared budget for a waiting answer; none if it is full.
    pub(super) fn room_for_answer(&self, bytes: usize) -> Option<AnswerRoom> {
        self.bytes.room_for(bytes)
    }

    /// Returns when there may be room again.
    pub(super) async fn room(&self, drained: impl Future<Output = ()>) -> Result<(), Overdue> {
        let refused = self.bytes.was_refused();
        tokio::select! {
            () = drained, if !refused => Ok(()),
            () = self.bytes.pause(), if refused => Ok(()),
            () = self.bytes.overdue() => Err(Overdue),
        }
    }

    /// Counts a packet. Call it *before* sending: if counted afterwards, the packet could have been sent already, and
    /// would never be uncounted.
    pub(crate) fn sending(&self) {
        self.packets.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that this many packets have been sent. Other packets such as heartbeats count too, so the number of
    /// unsent packets can be too low by a few, until it next reaches zero.
    pub(crate) fn sent(&self, packets: usize) {
        let less = |unsent: usize| Some(unsent.saturating_sub(packets));
        let _ = self.packets.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Notes that the frames of the direct writer are written. Returns whether there were any.
    pub(crate) fn clear_unsent(&self) -> bool {
        let had_bytes = self.bytes.get() > 0;
        self.bytes.clear();
        had_bytes
    }

    /// Notes that Engine.IO has nothing to write at the moment, and nobody has if it `is_clear`.
    pub(super) fn note_drained(&self, is_clear: bool) {
        if is_clear {
            self.bytes.clear();
        }
        self.drained.notify_one();
    }

    /// Returns whether everything has been sent.
    pub(crate) fn is_drained(&self) -> bool {
        self.packets.load(Ordering::Relaxed) == 0
    }

    /// Waits until everything has been sent, or part of it if it was much.
    ///
    /// May return early, even at once: check again for what you need.
    pub(crate) async fn drained(&self) {
        self.drained.notified().await;
    }

    /// Wakes the task waiting in [`drained`](Self::drained).
    pub(crate) fn interrupt(&self) {
        self.drained.notify_one();
    }

    /// Notes whether the client takes nothing at the moment: it does not read, or does not poll.
    pub(super) fn stall(&self, is_stalled: bool) {
        self.is_stalled.store(is_stalled, Ordering::Relaxed);
    }

    /// Returns whether something that was sent long ago may still be on its way.
    pub(super) fn is_stalled(&self) -> bool {
        self.is_stalled.load(Ordering::Relaxed)
    }

    /// Notes that the client has read something, so that more can be written.
    pub(super) fn may_write(&self) {
        self.bytes.moved();
        self.wake();
    }

    /// Wakes everybody who waits to send.
    pub(super) fn wake(&self) {
        self.writer.wake();
        self.drained.notify_one();
    }

    /// Wakes Engine.IO's task when it may write again, and when the link is closed.
    pub(super) fn wake_writer(&self, context: &Context<'_>) {
        self.writer.register(context.waker());
    }
}

/// Returns whether a client is known to take payloads of any number of packets: one in a browser, whose requests tell
/// where they come from as no library's do, or the JavaScript client in Node.js.
fn takes_long_payloads(headers: &HeaderMap) -> bool {
    let in_node = headers.get(USER_AGENT).is_some_and(|agent| agent == "node-XMLHttpRequest");
    in_node || headers.contains_key("sec-fetch-mode")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_clients_that_are_known_to_take_more_get_long_payloads() {
        let most = |headers: &[(&'static str, &str)]| {
            let headers = headers
                .iter()
                .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()));
            let window = OutgoingWindow::new(None, None).polled_by(&headers.collect());
            let mut packets = 0;
            while window.has_room(true) {
                window.sending();
                packets += 1;
            }
            packets
        };
        assert_eq!(most(&[]), 14);
        assert_eq!(most(&[("user-agent", "python-requests/2.32.3")]), 14);
        assert_eq!(most(&[("user-agent", "Mozilla/5.0 (as some set it in any library)")]), 14);
        assert_eq!(most(&[("user-agent", "node-XMLHttpRequest")]), 64);
        assert_eq!(most(&[("user-agent", "Mozilla/5.0"), ("sec-fetch-mode", "cors")]), 64);
    }
}

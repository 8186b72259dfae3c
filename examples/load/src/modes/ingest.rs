use super::{Crowd, Mode, Pace, Rooms};

/// Senders that write as fast as they get acks, each in a room of its own: every message is
/// delivered to its sender and to nobody else, so that it is not the fan-out that is measured.
pub(crate) fn ingest(senders: usize, in_flight: usize, history: u64) -> Mode {
    let rooms = Rooms::Own { each: 1 };
    Mode::Crowd(Crowd { senders, in_flight, listeners: 0, rooms, pace: Pace::Acked, history })
}

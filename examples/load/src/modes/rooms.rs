use super::{Crowd, Mode, Pace, Rooms};

/// Senders that write to so many rooms each in turn, in all of which they are alone.
pub(crate) fn rooms(senders: usize, in_flight: usize, each: usize) -> Mode {
    let rooms = Rooms::Own { each };
    Mode::Crowd(Crowd { senders, in_flight, listeners: 0, rooms, pace: Pace::Acked, history: 0 })
}

use super::{Crowd, Mode, Pace, Rooms};

/// Receivers in one room, some of which send and all of which get everything.
///
/// # Panics
/// When more are to send than there are.
pub(crate) fn fanout(receivers: usize, senders: usize, in_flight: usize, pace: Pace) -> Mode {
    assert!(senders <= receivers, "who sends to a room is in it");
    let listeners = receivers - senders;
    let rooms = Rooms::Everybody;
    Mode::Crowd(Crowd { senders, in_flight, listeners, rooms, pace, history: 0 })
}

//! The test cases by topic. [`conformance!`](crate::conformance) lists and runs those for messages,
//! [`session_conformance!`](crate::session_conformance) those for sessions and
//! [`nickname_conformance!`](crate::nickname_conformance) those for users and nicknames,
//! [`room_conformance!`](crate::room_conformance) those for rooms that are kept and
//! [`read_position_conformance!`](crate::read_position_conformance) those for read positions and
//! [`search_conformance!`](crate::search_conformance) those for search indexes.

pub mod access_log;
pub mod authors;
pub mod backwards;
pub mod changes;
pub mod erasure;
pub mod events;
pub mod feeds;
pub mod horizon;
pub mod invitations;
pub mod nickname_restarts;
pub mod nickname_sharing;
pub mod nicknames;
pub mod numbers;
pub mod once;
pub mod order;
pub mod persistent;
pub mod private;
pub mod read_positions;
pub mod reading;
pub mod room_members;
pub mod room_restarts;
pub mod room_sharing;
pub mod rooms;
pub mod sanctions;
pub mod search;
pub mod search_restarts;
pub mod session_batches;
pub mod session_restarts;
pub mod session_sharing;
pub mod session_sweeps;
pub mod session_versions;
pub mod sessions;
pub mod shared;
pub mod text;
pub mod users;
pub mod whole;

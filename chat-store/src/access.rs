//! Rooms that are kept, who may do what there, and who may do nothing for a while.

mod change;
mod decide;
mod entry;
mod invitation;
mod request;
mod room;
mod sanction;

pub use change::{AccessChange, AccessChanged, AccessNumber, Refused};
pub use decide::{AccessState, AccessWrite, Decided};
pub use invitation::{Invitation, InvitationCode};
pub use request::{AccessLimit, AccessLimits, AccessRequest, NewAccessChange};
pub use room::{RoomAccess, RoomMember, RoomRecord, RoomViewer};
pub use sanction::{Sanction, SanctionKey, Subject};

/// Maximum number of invitations, and of sanctions, per sweep, so that others do not wait. With an invitation goes a
/// row for each user who has redeemed it.
pub(crate) const MAX_SWEPT_ACCESS: usize = 100;

/// Maximum number of entries of the log per sweep.
pub(crate) const MAX_SWEPT_LOG: usize = 1000;

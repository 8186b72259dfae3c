use chat_core::{Refusal, RefusalCode};

/// Whether a client that is not a user yet may become one by taking a nickname. Users, the devices that they link, and
/// clients with a signed token come in all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Registration {
    /// Everybody may.
    #[default]
    Open,
    /// Whoever has an [invitation](chat_core::event::INVITE) to a room, and becomes a member there. Others are refused
    /// with [`registration_closed`](chat_core::RefusalCode::RegistrationClosed), whether somebody has the nickname or not.
    Invite,
    /// Nobody may: refused with `registration_closed`.
    Closed,
}

/// The refusal of a client that is not a user and has no invitation.
pub(super) fn registration_closed(registration: Registration) -> Refusal {
    let message = match registration {
        Registration::Invite => {
            "this chat takes new users by invitation; give the code of one, or link this device with a code of a user"
        }
        _ => "this chat takes no new users; link this device with a code of a user",
    };
    Refusal::new(RefusalCode::RegistrationClosed, message)
}

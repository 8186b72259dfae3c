use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::LinkCode;
use super::arguments::{Arguments, invalid, seconds};
use super::rooms::room;
use crate::hex_id::hex_id;
use crate::{Nickname, Refusal, RefusalCode, RoomId, Timestamp, UserId};

/// The arguments of [`INVITE`](super::INVITE): `emit("invite", room, { uses, expiresIn })`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Invite {
    /// The room.
    pub room: RoomId,
    /// How many users may accept it, from 1 to 1,000.
    pub uses: u32,
    /// How long it is valid.
    pub expires_in: Duration,
}

impl Invite {
    /// How long an invitation is valid if the request does not say: seven days.
    pub const DEFAULT_EXPIRY: Duration = Duration::from_secs(7 * 24 * 60 * 60);

    /// Reads the arguments from the JSON text of an event.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn from_event(json: &str) -> Result<Self, Refusal> {
        const EXPECTED: &str =
            "the second argument must be options such as { uses: 1, expiresIn: 3600 }";
        const USES: &str = "`uses` must be a whole number from 1 to 1000";
        let arguments = Arguments::of(json)?;
        let options = arguments.options(2, EXPECTED)?;
        let uses = match options.whole("uses", USES)? {
            None => 1,
            Some(uses @ 1..=1000) => u32::try_from(uses).unwrap_or(1),
            Some(_) => return Err(invalid(USES)),
        };
        let expires_in = seconds(options.whole("expiresIn", SECONDS_EXPIRY)?, SECONDS_EXPIRY)?;
        let expires_in = expires_in.unwrap_or(Self::DEFAULT_EXPIRY);
        Ok(Self { room: room(&arguments)?, uses, expires_in })
    }
}

const SECONDS_EXPIRY: &str = "`expiresIn` must be a number of seconds from 1 on";

/// The answer to [`INVITE`](super::INVITE).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Invited {
    /// The code to hand on.
    pub code: LinkCode,
    /// When it stops being valid, in milliseconds since 1970.
    pub expires_at: Timestamp,
}

impl Invited {
    /// Creates an answer.
    pub fn new(code: LinkCode, expires_at: Timestamp) -> Self {
        Self { code, expires_at }
    }
}

/// Reads the argument of [`ACCEPT_INVITATION`](super::ACCEPT_INVITATION) from the JSON text of an event: the code.
///
/// # Errors
/// The refusal to answer with.
pub fn invitation_from_event(json: &str) -> Result<LinkCode, Refusal> {
    let expected = "the first argument must be the code of an invitation";
    code(&Arguments::of(json)?.required::<String>(1, expected)?)
}

/// The answer to [`INVITATIONS`](super::INVITATIONS).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Invitations {
    /// The room.
    pub room: RoomId,
    /// Those that have not expired, the one that expires first first.
    pub invitations: Vec<Invitation>,
}

impl Invitations {
    /// Creates an answer.
    pub fn new(room: RoomId, invitations: Vec<Invitation>) -> Self {
        Self { room, invitations }
    }
}

/// An invitation to a room: an item of [`Invitations`]. Its code is known to those who have it only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Invitation {
    /// Identifies it among those of the room.
    pub id: InvitationId,
    /// How many users may still accept it.
    pub uses_left: u32,
    /// When it stops being valid, in milliseconds since 1970.
    pub expires_at: Timestamp,
    /// Who made it; `null` for those who run the server.
    #[serde(serialize_with = "UserId::public", deserialize_with = "UserId::from_public")]
    pub by: Option<UserId>,
    /// The nickname of this user; `null` if there is none.
    pub nickname: Option<Nickname>,
}

hex_id! {
    /// Identifies an invitation among those of its room. Written as 16 hexadecimal digits.
    InvitationId, "the id of an invitation", "the invitation's code"
}

/// The arguments of [`REVOKE_INVITATION`](super::REVOKE_INVITATION): `emit("revoke invitation", room, codeOrId)`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RevokeInvitation {
    /// The room.
    pub room: RoomId,
    /// Which invitation.
    pub invitation: InvitationName,
}

/// How a client names an invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvitationName {
    /// By the code that was handed on.
    Code(LinkCode),
    /// By the id in the list of [`Invitations`].
    Id(InvitationId),
}

impl RevokeInvitation {
    /// Reads the arguments from the JSON text of an event.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn from_event(json: &str) -> Result<Self, Refusal> {
        const EXPECTED: &str = "the second argument must be the code of an invitation, or its id";
        let arguments = Arguments::of(json)?;
        let text: String = arguments.required(2, EXPECTED)?;
        let invitation = match text.parse() {
            Ok(id) => InvitationName::Id(id),
            Err(_) => InvitationName::Code(code(&text)?),
        };
        Ok(Self { room: room(&arguments)?, invitation })
    }
}

fn code(text: &str) -> Result<LinkCode, Refusal> {
    text.parse().map_err(|error| Refusal::invalid(RefusalCode::InvalidCode, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invitations_are_read_or_refused() {
        assert_eq!(Invite::from_event(r#"["invite","x"]"#).unwrap().uses, 1);
        assert!(Invite::from_event(r#"["invite","x",{"uses":1001}]"#).is_err());
        let revoked = |name: &str| {
            let json = format!(r#"["revoke invitation","x","{name}"]"#);
            RevokeInvitation::from_event(&json).map(|revoke| revoke.invitation)
        };
        assert!(matches!(revoked("abcde fghjk"), Ok(InvitationName::Code(_))));
        assert!(matches!(revoked("0123456789abcdef"), Ok(InvitationName::Id(_))));
        assert_eq!(revoked("abcde").unwrap_err().code, RefusalCode::InvalidCode);
    }
}

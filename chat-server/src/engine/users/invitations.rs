//! Invitations to rooms, with which clients become users where registration takes one.

use std::time::Duration;

use chat_core::event::{Invited, LinkCode};
use chat_core::{Refusal, RefusalCode, RoomId, Timestamp, UserId};
use chat_store::{
    AccessChanged, AccessRequest, Invitation, InvitationCode, NewAccessChange, RoomStore,
    StoreError,
};

use super::devices::{hash_of_code, random_link_code};
use super::registration::registration_closed;
use super::{Identities, IdentityError, User};

/// Creates an invitation to a kept room for this many users, as the event `invite` does: the code to hand on, and the
/// change that makes it valid for so long. For those who run the chat; a user who redeems it becomes a member.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
///
/// use chat_core::RoomId;
/// use chat_store::RoomStore;
///
/// # let store = chat_store::MemoryStore::new();
/// let team: RoomId = "team".parse()?;
/// let week = Duration::from_secs(7 * 24 * 60 * 60);
/// let (invited, change) = chat_server::invitation(&team, 1, week).ok_or("no randomness")?;
/// store.change_access(&change).await?;
/// println!("https://chat.example/#invite={}", invited.code);
/// # Ok(())
/// # }
/// ```
///
/// Returns none if the operating system returns no random numbers.
pub fn invitation(
    room: &RoomId,
    uses: u32,
    lifetime: Duration,
) -> Option<(Invited, NewAccessChange)> {
    let code = random_link_code().ok()?;
    let now = Timestamp::now();
    let expires_at = now.plus(lifetime);
    let hash = InvitationCode(hash_of_code("invitation", &code));
    let request = AccessRequest::Invite { room: room.key(), code: hash, expires_at, uses };
    Some((Invited::new(code, expires_at), NewAccessChange::new(request, now)))
}

impl Identities {
    /// Returns the invitation with which a client that is no user may become one.
    ///
    /// # Errors
    /// Refused without one, or one that is wrong, used up or too old.
    pub(super) async fn invitation(
        &self,
        code: Option<&LinkCode>,
    ) -> Result<Invitation, IdentityError> {
        let (Some(rooms), Some(code)) = (&self.rooms, code) else {
            return Err(registration_closed(self.registration).into());
        };
        let found = rooms.find_invitation(InvitationCode(hash_of_code("invitation", code))).await;
        let now = self.clock.latest();
        self.finding
            .watch(found)?
            .filter(|it| it.uses_left > 0 && it.expires_at > now)
            .ok_or_else(|| wrong_invitation().into())
    }

    /// Makes a new user a member of the room of an invitation. Whoever others were faster than becomes no user.
    pub(super) async fn redeem(
        &self,
        invitation: &Invitation,
        user: User,
    ) -> Result<User, IdentityError> {
        let redeemed = match &self.rooms {
            Some(rooms) => redeem(&**rooms, invitation.code, user.id, self).await,
            None => Ok(false),
        };
        if let Ok(true) = redeemed {
            return Ok(user);
        }
        let revoked = self.store.revoke_credential(user.id, user.credential, self.clock.earliest());
        self.claiming.watch(revoked.await)?;
        self.known.forget(user.credential);
        redeemed?;
        Err(wrong_invitation().into())
    }
}

/// Returns whether the user is a member now.
async fn redeem(
    rooms: &dyn RoomStore,
    code: InvitationCode,
    user: UserId,
    identities: &Identities,
) -> Result<bool, StoreError> {
    let redeem = AccessRequest::Redeem { code, user };
    let change = NewAccessChange::new(redeem, identities.clock.latest()).with_by(user);
    let changed = identities.claiming.watch(rooms.change_access(&change).await)?;
    Ok(!matches!(changed, AccessChanged::No(_)))
}

fn wrong_invitation() -> Refusal {
    let message = "this invitation is wrong, was used up, or is too old";
    Refusal::new(RefusalCode::InvalidCode, message)
}

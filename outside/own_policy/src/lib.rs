//! Somebody's rules: everybody reads the announcements, which the staff writes, and the staff room is for the staff.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use chat_core::{Nickname, NicknameKey};
use chat_server::{Action, Decision, Identity, Policy, PolicyError};

/// Who is staff. Here it is a list of names, which their owners' tokens keep; with signed tokens, ask for a role of the
/// [`Identity`] instead. After a change, call [`access_changed`](chat_server::Chat::access_changed).
#[derive(Default)]
pub struct House(RwLock<HashSet<NicknameKey>>);

impl House {
    /// Makes somebody staff.
    pub fn hire(&self, nickname: &Nickname) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(nickname.key());
    }

    /// Ends that.
    pub fn dismiss(&self, nickname: &Nickname) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&nickname.key());
    }

    fn is_staff(&self, who: &Identity) -> bool {
        let staff = self.0.read().unwrap_or_else(PoisonError::into_inner);
        who.nickname().is_some_and(|nickname| staff.contains(&nickname.key()))
    }
}

#[async_trait::async_trait]
impl Policy for House {
    async fn decide(&self, who: &Identity, action: &Action) -> Result<Decision, PolicyError> {
        use Action::{Join, Read, SeeUsers, Type, Write};

        Ok(match action {
            Join(room) | Read(room) | SeeUsers(room) | Type(room) | Write(room)
                if room.as_str() == "staff" =>
            {
                Decision::allow_if(self.is_staff(who)).with_message("this room is for the staff")
            }
            Write(room) if room.as_str() == "announcements" => {
                Decision::allow_if(self.is_staff(who)).with_message("only the staff writes here")
            }
            _ => Decision::allowed(),
        })
    }
}

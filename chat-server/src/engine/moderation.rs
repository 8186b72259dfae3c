//! Who may do what to a room and to whom: rules without a store.

use chat_core::{Refusal, RefusalCode, Role};

use crate::engine::planted::{self, Bug};

/// What somebody wants to do in a room, or everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Change the topic, and invite.
    Arrange,
    /// Change who may read and write, and delete the room.
    Govern,
    /// Send away, ban, mute, and end that; look into the log.
    Moderate,
    /// Give a user this role, or none.
    Appoint(Option<Role>),
}

/// Decides whether somebody with a role may do something to somebody with another one; `is_own` is whether both are the
/// same. Nobody acts on those of the same or a greater role, except that owners appoint owners.
///
/// # Errors
/// The refusal to answer with.
pub(crate) fn may(
    role: Option<Role>,
    deed: Deed,
    target: Option<Role>,
    is_own: bool,
) -> Result<(), Refusal> {
    if planted::is(Bug::ModeratorUnasked) {
        return Ok(());
    }
    let needed = match deed {
        // Everybody may give up what it has.
        Deed::Appoint(new) if is_own && new < target => return Ok(()),
        Deed::Arrange | Deed::Moderate | Deed::Appoint(None | Some(Role::Member)) => {
            Role::Moderator
        }
        Deed::Govern | Deed::Appoint(_) => Role::Owner,
    };
    if role < Some(needed) {
        let message = match needed {
            Role::Owner => "this is for owners of the room",
            _ => "this is for moderators",
        };
        return Err(forbidden(message));
    }
    let acts_on_somebody = matches!(deed, Deed::Moderate | Deed::Appoint(_));
    if acts_on_somebody && is_own {
        return Err(forbidden("you cannot do this to yourself"));
    }
    let is_among_owners = matches!(deed, Deed::Appoint(_)) && role == Some(Role::Owner);
    if acts_on_somebody && target.is_some() && target >= role && !is_among_owners {
        return Err(forbidden("you cannot do this to somebody with the same or a greater role"));
    }
    Ok(())
}

fn forbidden(message: &str) -> Refusal {
    Refusal::new(RefusalCode::Forbidden, message)
}

#[cfg(test)]
mod tests {
    use super::Deed::{Appoint, Arrange, Govern, Moderate};
    use super::*;

    const NONE: Option<Role> = None;
    const MEMBER: Option<Role> = Some(Role::Member);
    const MODERATOR: Option<Role> = Some(Role::Moderator);
    const OWNER: Option<Role> = Some(Role::Owner);

    #[test]
    fn who_may_what_to_whom() {
        for (role, deed, target, expected) in [
            (NONE, Arrange, NONE, false),
            (MEMBER, Arrange, NONE, false),
            (MODERATOR, Arrange, NONE, true),
            (MODERATOR, Govern, NONE, false),
            (OWNER, Govern, NONE, true),
            (MEMBER, Moderate, NONE, false),
            (MODERATOR, Moderate, NONE, true),
            (MODERATOR, Moderate, MEMBER, true),
            (MODERATOR, Moderate, MODERATOR, false),
            (MODERATOR, Moderate, OWNER, false),
            (OWNER, Moderate, MODERATOR, true),
            (OWNER, Moderate, OWNER, false),
            (MODERATOR, Appoint(MEMBER), NONE, true),
            (MODERATOR, Appoint(NONE), MEMBER, true),
            (MODERATOR, Appoint(MODERATOR), MEMBER, false),
            (MODERATOR, Appoint(NONE), OWNER, false),
            (OWNER, Appoint(OWNER), MEMBER, true),
            (OWNER, Appoint(MEMBER), OWNER, true),
        ] {
            assert_eq!(
                may(role, deed, target, false).is_ok(),
                expected,
                "{role:?} {deed:?} {target:?}"
            );
        }
    }

    #[test]
    fn one_acts_on_oneself_by_giving_up_only() {
        assert!(may(MEMBER, Appoint(NONE), MEMBER, true).is_ok());
        assert!(may(OWNER, Appoint(MEMBER), OWNER, true).is_ok());
        assert!(may(MODERATOR, Appoint(OWNER), MODERATOR, true).is_err());
        assert!(may(NONE, Appoint(MEMBER), NONE, true).is_err());
        assert!(may(OWNER, Moderate, OWNER, true).is_err());
    }
}

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use chat_core::{Author, AuthorId};
use chat_store::OwnerKey;

use crate::engine::users::{author_of, short_hash};

/// The author of the messages that a connection sends, and the check which received messages are its own.
#[derive(Debug)]
pub(crate) struct Authorship {
    session: AuthorId,
    /// The number of the user; [`NOBODY`] while there is none. Read for each delivery, so without a lock.
    user: AtomicI64,
    /// Whether a message with a key may have been sent while there was no user.
    was_anonymous: AtomicBool,
}

/// No user has a negative number.
const NOBODY: i64 = -1;

impl Authorship {
    /// Creates the authorship of a session with this public id. `was_anonymous` tells whether it may have sent
    /// something before it had a nickname.
    pub(crate) fn new(session: &str, owner: Option<&OwnerKey>, was_anonymous: bool) -> Self {
        let session = AuthorId::of_session(short_hash("session", session.as_bytes()));
        let was_anonymous = AtomicBool::new(was_anonymous);
        let this = Self { session, user: AtomicI64::new(NOBODY), was_anonymous };
        owner.into_iter().for_each(|owner| this.identify(owner));
        this
    }

    /// Sets the user to the owner of the connection's nickname.
    pub(crate) fn identify(&self, owner: &OwnerKey) {
        self.user.store(author_of(owner).as_i64(), Ordering::Relaxed);
    }

    pub(crate) fn author(&self) -> Author {
        let user = self.user.load(Ordering::Relaxed);
        let mut author = Author::anonymous(self.session);
        author.user = (user != NOBODY).then_some(AuthorId::from_stored(user));
        author.was_anonymous = self.was_anonymous();
        author
    }

    /// Returns the author of a message that is sent now.
    pub(crate) fn writes(&self) -> Author {
        let author = self.author();
        if author.user.is_none() {
            self.was_anonymous.store(true, Ordering::Relaxed);
        }
        author
    }

    pub(crate) fn was_anonymous(&self) -> bool {
        self.was_anonymous.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_author_is_the_owner_of_the_name_wherever_and_the_session_without_one() {
        let owner = OwnerKey([1; 32]);
        let there = Authorship::new("there", Some(&owner), false).author();
        let here = Authorship::new("here", None, false);
        assert_eq!(here.author().id(), here.author().session);
        assert_eq!(here.author(), Authorship::new("here", None, false).author(), "on every node");
        here.identify(&owner);
        assert_eq!(here.author().id(), there.id());
        assert_ne!(here.author().session, there.session);
        here.identify(&OwnerKey([2; 32]));
        assert_ne!(here.author().id(), there.id());
    }

    #[test]
    fn a_retry_is_looked_for_without_the_name_only_when_something_was_sent_without_it() {
        let (first, second) =
            (Authorship::new("s", None, false), Authorship::new("s", None, false));
        first.writes();
        for authorship in [&first, &second] {
            authorship.identify(&OwnerKey([1; 32]));
            authorship.writes();
        }
        assert!(first.author().was_anonymous && !second.author().was_anonymous);
    }
}

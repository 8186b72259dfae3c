//! The nicknames of users whom signed tokens name.

use chat_core::event::Token;
use chat_core::{Nickname, Refusal, RefusalCode};
use chat_store::{ClaimKind, OwnerKey};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::holder::Holder;
use super::issuer::Subject;
use super::{Identities, IdentityError, User, taken};
use crate::engine::source::Source;

/// The highest number that a name gets. Each further user of the name has a neutral one.
const MAX_NUMBER: usize = 20;

/// The characters that a number at the end of a name may take.
const NUMBER_CHARACTERS: usize = 3;

/// The bytes of the hash in a neutral name. Each further length is for the case that the shorter name is taken.
const NEUTRAL_BYTES: [usize; 3] = [3, 6, 16];

impl Identities {
    /// Returns the user that a token names, under the token's name or one that is made from it.
    ///
    /// The user keeps the name that it had, and otherwise gets the first one that nobody has: the bare name, the name
    /// with a number, a neutral name. For most users that is one look into the store, and three for a new one.
    ///
    /// Cancel safe: a name that was claimed meanwhile stays the user's.
    pub(super) async fn user_of(&self, subject: Subject) -> Result<User, IdentityError> {
        let Subject { owner, names, until, claims } = subject;
        let holder = self.holder(owner.into()).await?;
        let user = self.named(&names, holder).await?;
        self.make_current(&user).await?;
        Ok(User { until, claims, ..self.keep(user, holder, None).await? })
    }

    async fn named(&self, names: &[String], holder: Holder) -> Result<User, IdentityError> {
        let mut numbered = numbered_names(names);
        let Some(bare) = numbered.next() else { return self.neutral_user(holder).await };
        if let Some(user) = self.claim(&bare, holder, ClaimKind::Renew).await? {
            return Ok(user);
        }
        // Those who once got a number keep it, though the bare name may be free again. Numbers are given in order:
        // after one that nobody has ever had, none was given, nor a neutral name.
        let (mut given, mut free) = (Vec::new(), None);
        for name in numbered.by_ref() {
            if self.finding.watch(self.store.find_nickname(&name.key()).await)?.is_none() {
                free = Some(name);
                break;
            }
            given.push(name);
        }
        let neutral = neutral_names(holder.owner).filter(|_| free.is_none());
        for name in neutral.chain(given.iter().cloned()) {
            if let Some(user) = self.claim(&name, holder, ClaimKind::Renew).await? {
                return Ok(user);
            }
        }
        for name in [bare].into_iter().chain(given).chain(free).chain(numbered) {
            if let Some(user) = self.claim(&name, holder, ClaimKind::Issued).await? {
                return Ok(user);
            }
        }
        self.neutral_user(holder).await
    }

    async fn neutral_user(&self, holder: Holder) -> Result<User, IdentityError> {
        for name in neutral_names(holder.owner) {
            if let Some(user) = self.claim(&name, holder, ClaimKind::Issued).await? {
                return Ok(user);
            }
        }
        Err(taken().into())
    }

    /// Returns the user with the claims and the end of a new token, which must name the same user.
    ///
    /// Wrong tokens count for the client's address as failed claims to nicknames do.
    pub(crate) async fn with_new_token(
        &self,
        user: Option<&User>,
        token: &Token,
        source: Source,
    ) -> Result<User, IdentityError> {
        let (Some(issuer), Some(user)) = (&self.issuer, user) else {
            let message = "this server takes no signed tokens; use the event `nickname`";
            return Err(Refusal::new(RefusalCode::InvalidToken, message).into());
        };
        self.guard.admit(source, Some(&user.nickname))?;
        let subject = issuer.subject(Some(token)).and_then(|subject| {
            let message = "the token names another user; connect again with it";
            let other = || Refusal::new(RefusalCode::OtherUser, message);
            (subject.owner == user.owner).then_some(subject).ok_or_else(other)
        });
        let subject = subject.inspect_err(|_| self.guard.refused(source, Some(&user.nickname)))?;
        // The store need not be asked for a name that the user has and keeps.
        if is_name_of(&subject, &user.nickname)
            && let Some(now) = self.claim(&user.nickname, user.holder(), ClaimKind::Renew).await?
        {
            return Ok(User { until: subject.until, claims: subject.claims, ..now });
        }
        self.user_of(subject).await
    }
}

/// Returns whether a user may have this nickname by what its token says.
fn is_name_of(subject: &Subject, nickname: &Nickname) -> bool {
    let mut numbered = numbered_names(&subject.names).peekable();
    match numbered.peek() {
        Some(_) => numbered.any(|name| name == *nickname),
        None => neutral_names(subject.owner).any(|name| name == *nickname),
    }
}

/// Returns the names that a user can get of whom others say how it is called, in the order in which they are tried.
pub(super) fn names_for(owner: OwnerKey, names: &[String]) -> impl Iterator<Item = Nickname> {
    numbered_names(names).chain(neutral_names(owner))
}

/// Returns the nicknames that the first usable name gives: as it is, and with each number from 2 on.
fn numbered_names(names: &[String]) -> impl Iterator<Item = Nickname> {
    let usable = |name: &String| Nickname::fitted(name, Nickname::MAX_CHARACTERS);
    let bare = names.iter().find_map(usable);
    let stem = bare.clone();
    let numbered = (2..=MAX_NUMBER).filter_map(move |number| with_number(stem.as_ref()?, number));
    bare.into_iter().chain(numbered)
}

fn with_number(stem: &Nickname, number: usize) -> Option<Nickname> {
    // A name can also be too long in bytes: shorten it until both fit.
    (1..=Nickname::MAX_CHARACTERS - NUMBER_CHARACTERS).rev().find_map(|characters| {
        let stem = Nickname::fitted(stem.as_str(), characters)?;
        format!("{stem} {number}").parse().ok()
    })
}

/// Returns the names for a user without a better one, the shortest first.
fn neutral_names(owner: OwnerKey) -> impl Iterator<Item = Nickname> {
    NEUTRAL_BYTES.into_iter().map(move |bytes| neutral_name(owner, bytes))
}

/// Returns a name that says nothing but is the same each time.
fn neutral_name(owner: OwnerKey, bytes: usize) -> Nickname {
    // Another hash than the one that the store keeps.
    let hash = Sha256::new_with_prefix("neutral name").chain_update(owner.0).finalize();
    Nickname::from_stored(format!("User {}", HEXLOWER.encode(&hash[..bytes])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(claims: &[&str]) -> Vec<String> {
        let claims: Vec<_> = claims.iter().map(ToString::to_string).collect();
        numbered_names(&claims).map(String::from).collect()
    }

    #[test]
    fn the_first_usable_name_counts_and_numbers_follow() {
        let numbered = names(&["\u{202e}", " \n", "John Smith", "u-1"]);
        assert_eq!(numbered.len(), MAX_NUMBER);
        assert_eq!(numbered[..3], ["John Smith", "John Smith 2", "John Smith 3"]);
        assert!(names(&["", "\u{200b}"]).is_empty());
        assert!(names(&[]).is_empty());
    }

    #[test]
    fn a_number_fits_after_a_long_name() {
        let long = names(&[&"x".repeat(60)]);
        assert_eq!(long[0], "x".repeat(40));
        assert_eq!(long[1], format!("{} 2", "x".repeat(37)));
        assert_eq!(long[19], format!("{} 20", "x".repeat(37)));
        let family = "👩‍👩‍👧";
        let wide = names(&[&family.repeat(9)]);
        assert_eq!(wide[0], family.repeat(7));
        assert_eq!(wide[1], format!("{} 2", family.repeat(7)), "128 bytes");
        assert_eq!(wide[9], format!("{} 10", family.repeat(6)));
    }

    #[test]
    fn a_neutral_name_is_a_nickname_and_always_the_same() {
        let name = neutral_name(OwnerKey([7; 32]), 3);
        assert_eq!(name, neutral_name(OwnerKey([7; 32]), 3));
        assert_ne!(name, neutral_name(OwnerKey([8; 32]), 3));
        for bytes in NEUTRAL_BYTES {
            let name = neutral_name(OwnerKey([7; 32]), bytes);
            assert_eq!(name.as_str().len(), 5 + 2 * bytes);
            assert_eq!(name.as_str().parse(), Ok(name));
        }
    }
}

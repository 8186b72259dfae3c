//! The administrator: the user who opens the link that the server prints while there is none.

use std::time::Duration;

use chat_core::event::DeviceCode;
use chat_core::{Nickname, Timestamp, UserId};
use chat_store::{Claimed, CredentialOwner, NicknameClaim, OwnerKey, StoreError, UserStore};

use super::devices::key_of;
use super::owner::administrator;
use super::random_link_code;
use crate::engine::limits::Limits;

/// How long the code is valid.
const CODE_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Maximum number of valid codes: each start prints one until one is used.
const MAX_CODES: usize = 100;

/// The name until the administrator takes another one; with a number, if somebody has it.
const NAME: &str = "Administrator";

/// The highest number that the name gets.
const MAX_NUMBER: usize = 20;

/// Returns a code that makes the device which redeems it one of the administrator, who counts as an owner of every room:
/// once, within 24 hours. None if the administrator has a device already, and adds others as every user does. For those
/// who run the chat.
///
/// A device that the administrator has removed does not count. Also returns none if the operating system returns no
/// random numbers, or 100 codes are valid.
///
/// # Errors
/// When the store fails. No code is valid that was not before.
pub async fn administrator_code(store: &dyn UserStore) -> Result<Option<DeviceCode>, StoreError> {
    let of = CredentialOwner::new(user(), administrator());
    if !store.devices(of.user).await?.is_empty() {
        return Ok(None);
    }
    let now = Timestamp::now();
    let (Some(nickname), Ok(code)) = (nickname(store, of, now).await?, random_link_code()) else {
        return Ok(None);
    };
    let expires_at = now.plus(CODE_LIFETIME);
    let kept = chat_store::DeviceCode::new(key_of(&code), of, nickname, now, expires_at);
    let is_kept = store.keep_code(&kept, MAX_CODES).await?;
    Ok(is_kept.then(|| DeviceCode::new(code, expires_at)))
}

fn user() -> UserId {
    let OwnerKey([a, b, c, d, e, f, g, h, ..]) = administrator();
    UserId::from_random([a, b, c, d, e, f, g, h])
}

/// Claims a nickname of the administrator: the current one, or the first that nobody else has.
async fn nickname(
    store: &dyn UserStore,
    of: CredentialOwner,
    now: Timestamp,
) -> Result<Option<Nickname>, StoreError> {
    let current = store.nicknames_of(&[of.user]).await?.into_iter().map(|(_, name)| name);
    let names = (1..=MAX_NUMBER).map(|number| match number {
        1 => Nickname::from_stored(NAME),
        _ => Nickname::from_stored(format!("{NAME} {number}")),
    });
    let until = now.plus(Limits::default().nickname_lifetime);
    for nickname in current.chain(names) {
        let claim = NicknameClaim::new(nickname.clone(), of.owner, of.user, now, until);
        if store.claim_nickname(&claim).await? == Claimed::Yes(of.user) {
            return Ok(Some(nickname));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use chat_store::{MemoryStore, NewCredential, NicknameStore};

    use super::super::credential_of;
    use super::*;

    #[tokio::test]
    async fn there_are_codes_until_one_is_used_and_again_when_no_device_is_left() {
        let store = MemoryStore::new();
        let other = NicknameClaim::new(
            Nickname::from_stored(NAME),
            OwnerKey([1; 32]),
            UserId::from_stored(5),
            Timestamp::now(),
            Timestamp::now().plus(CODE_LIFETIME),
        );
        store.claim_nickname(&other).await.unwrap();
        let first = administrator_code(&store).await.unwrap().unwrap();
        let second = administrator_code(&store).await.unwrap().unwrap();
        assert_ne!(first.code, second.code);
        let now = Timestamp::now();
        assert!(first.expires_at > now.plus(CODE_LIFETIME - Duration::from_secs(60)));
        let credential = credential_of(&"a secret of the device".to_owned().try_into().unwrap());
        let device = NewCredential::new(credential.unwrap(), now);
        let redeemed = store.redeem_code(key_of(&second.code), &device, 50).await.unwrap();
        let (of, name) = redeemed.unwrap();
        assert!(of.owner == administrator() && name.as_str() == "Administrator 2");
        assert_eq!(administrator_code(&store).await.unwrap(), None);
        store.revoke_credential(of.user, device.key, now).await.unwrap();
        assert!(administrator_code(&store).await.unwrap().is_some());
    }
}

//! Users of another system, whose messages are imported.

use std::sync::LazyLock;
use std::time::Duration;

use chat_core::{Author, AuthorId, Nickname, Timestamp, UserId};
use chat_store::{
    ClaimKind, Claimed, Credential, CredentialKey, CredentialOwner, NewCredential, NicknameClaim,
    StoreError, UserStore,
};

use super::issued_name::names_for;
use super::owner::{author_of, owner};
use super::random_user;
use super::reserved::{RESERVED, Reserved};

/// How long nobody else gets the nickname of a user who does not come.
const LIFETIME: Duration = Duration::from_secs(2 * 365 * 24 * 60 * 60);

/// What the device is called that stands for the other system.
const LABEL: &str = "imported";

/// The names that are reserved by default.
static DEFAULT: LazyLock<Reserved> =
    LazyLock::new(|| Reserved::new(RESERVED.iter().filter_map(|name| name.parse().ok())));

/// A user who was imported from another system.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportedUser {
    /// The id, which stays when the nickname changes.
    pub id: UserId,
    /// The nickname.
    pub nickname: Nickname,
    /// The author of the user's messages: whoever becomes the user owns them.
    pub author: Author,
}

/// Makes a user of one of another system, who is known there by `id`: a text for each part, the name of the system first. The
/// user gets the first of the names that can be one, with a number if somebody has it or it is reserved by default; nobody else can
/// claim it for two years.
/// Whoever the user is comes in by a [code](super::link_code). The same id gives the same user, however often it is called. For
/// those who run the chat.
///
/// None if the operating system returns no random numbers, or even the neutral names are taken.
///
/// Cancel safe: the user may have the nickname.
///
/// # Errors
/// When the store fails. The user may have the nickname.
pub async fn import_user(
    store: &dyn UserStore,
    id: &[&str],
    names: &[String],
) -> Result<Option<ImportedUser>, StoreError> {
    // No token is a credential with this hash.
    let owner = owner("imported", id);
    let author = author_of(&owner);
    let session = AuthorId::from_stored(author.as_i64() | i64::MIN);
    let author = Author::user(author, session);
    let now = Timestamp::now();
    // The user may have another name by now.
    if let Credential::Kept(of) = store.find_credential(CredentialKey::from(owner), now).await?
        && let Some((id, nickname)) = store.nicknames_of(&[of.user]).await?.pop()
    {
        return Ok(Some(ImportedUser { id, nickname, author }));
    }
    for nickname in names_for(owner, names).filter(|name| !DEFAULT.contains(name)) {
        let Ok(user) = random_user() else { return Ok(None) };
        let claim = NicknameClaim::new(nickname.clone(), owner, user, now, now.plus(LIFETIME))
            .with_kind(ClaimKind::Issued);
        let Claimed::Yes(user) = store.claim_nickname(&claim).await? else { continue };
        let device = NewCredential::new(CredentialKey::from(owner), now);
        let device = device.with_label(Some(LABEL.into()));
        store.keep_credential(&device, CredentialOwner::new(user, owner)).await?;
        return Ok(Some(ImportedUser { id: user, nickname, author }));
    }
    Ok(None)
}

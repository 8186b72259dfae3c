//! Erases a user: first what the user wrote, in small steps along the log, then the user.

use std::time::Duration;

use chat_core::{
    Author, AuthorId, Emoji, Kind, Message, NewMessage, Offset, RoomId, Timestamp, UserId,
};
use chat_store::{
    AccessChanged, AccessRequest, NewAccessChange, Refused, RoomViewer, Store, StoreError, Subject,
};
use tokio::time::{Instant, sleep};

/// How many messages are read at once.
const PAGE: usize = 1000;

/// How many messages are changed in one commit: others wait for it.
const STEP: usize = 16;

/// After each step, the pause is so many times as long as the step took.
const REST: u32 = 2;

/// The shortest pause after a step.
const SHORTEST_REST: Duration = Duration::from_millis(1);

/// How many rooms and invitations are read at once.
const LISTED: usize = 100;

/// What was erased of a user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Erased {
    /// How many messages and events.
    pub messages: u64,
    /// The number of other entries from which the user was removed: reactions, edits, deletions, and messages that the
    /// user received.
    pub others: u64,
    /// The rooms that still name the user, as their last owner. Give each another owner, and erase again.
    pub owns: Vec<RoomId>,
}

/// Erases a user, for operators: deletes the messages, which clients and other nodes follow; removes the user from all
/// entries that stay in the log; ends memberships and invitations; frees the nicknames, and revokes all devices for
/// good. Calls `progress` with the offset that it has reached, and the last one.
///
/// If it fails or is dropped, call it again: it goes through the log once more, and finishes. It frees the nicknames
/// last.
///
/// # Errors
/// When the store fails. A part may be erased.
pub async fn erase_user(
    store: &dyn Store,
    user: UserId,
    mut progress: impl FnMut(Offset, Offset),
) -> Result<Erased, StoreError> {
    let now = Timestamp::now();
    for device in store.devices(user).await? {
        store.revoke_credential(user, device.key, now).await?;
    }
    let kick = AccessRequest::Kick { room: None, subject: Subject::User(user) };
    store.change_access(&NewAccessChange::new(kick, now)).await?;
    let mut erased = Erased { owns: leave_rooms(store, user).await?, ..Erased::default() };
    let mut after = Offset::ZERO;
    loop {
        let page = store.read_after(None, after, PAGE).await?;
        let concerned: Vec<_> = page.messages.iter().filter(|it| it.concerns(user)).collect();
        for step in concerned.chunks(STEP) {
            let began = Instant::now();
            erase(store, user, step, &mut erased).await?;
            sleep((began.elapsed() * REST).max(SHORTEST_REST)).await;
        }
        after = page.messages.last().map_or(after, |last| last.offset);
        // What was written meanwhile comes, too, and the deletions themselves.
        let tail = store.tail().await?;
        progress(after, tail);
        if after >= tail || page.messages.is_empty() && !page.more {
            break;
        }
    }
    store.forget_reader(user).await?;
    store.erase_user(user, now).await?;
    Ok(erased)
}

/// Deletes these messages, takes back these reactions, and removes the user from all of them.
async fn erase(
    store: &dyn Store,
    user: UserId,
    step: &[&Message],
    erased: &mut Erased,
) -> Result<(), StoreError> {
    let mut batch = Vec::new();
    for message in step {
        if !message.is_by(user) {
            erased.others += 1;
        } else if message.is_still_said() {
            batch.push(
                NewMessage::erasure(message.audience.clone(), message.offset).with_user(user),
            );
            erased.messages += 1;
        } else {
            batch.extend(taken_back(store, user, message).await?);
            erased.others += u64::from(!message.is_erasure());
        }
    }
    if !batch.is_empty() {
        store.append(&batch).await?;
    }
    let of: Vec<_> = step.iter().map(|message| message.offset).collect();
    store.forget_user(user, &of).await
}

/// Returns what takes a reaction back, if the message is one, and it is still given.
async fn taken_back(
    store: &dyn Store,
    user: UserId,
    message: &Message,
) -> Result<Option<NewMessage>, StoreError> {
    let Kind::Reaction { to, on: true } = message.kind else { return Ok(None) };
    let given = store.reactions(&[to], message.author).await?;
    let given = given.iter().any(|it| it.own && it.emoji == message.content.as_str());
    let (Some(author), true, Ok(emoji)) =
        (message.author, given, message.content.as_str().parse::<Emoji>())
    else {
        return Ok(None);
    };
    let back = NewMessage::reaction(message.audience.clone(), to, &emoji, false);
    // As the same author, whichever session it was.
    let author = Author::user(author, AuthorId::from_stored(i64::MIN));
    Ok(Some(back.with_author(author).with_user(user)))
}

/// Ends the memberships of a user, and invitations that the user has made. Returns the rooms that would have no owner.
async fn leave_rooms(store: &dyn Store, user: UserId) -> Result<Vec<RoomId>, StoreError> {
    let (mut owned, mut after) = (Vec::new(), None);
    loop {
        let rooms = store.list_rooms(RoomViewer::Operator, after.as_ref(), LISTED).await?;
        let Some(last) = rooms.last() else { return Ok(owned) };
        after = Some(last.room.id.key());
        for room in rooms {
            let (id, now) = (room.room.id, Timestamp::now());
            for invitation in store.list_invitations(&id.key(), now, LISTED).await? {
                if invitation.created_by == Some(user) {
                    let (room, code) = (id.key(), invitation.code);
                    let revoke = AccessRequest::RevokeInvitation { room, code };
                    store.change_access(&NewAccessChange::new(revoke, now)).await?;
                }
            }
            let access = store.find_access(&id.key(), Some(user)).await?;
            if access.is_some_and(|access| access.role.is_some()) {
                let leave = AccessRequest::RemoveMember { room: id.key(), user };
                let left = store.change_access(&NewAccessChange::new(leave, now)).await?;
                owned.extend((left == AccessChanged::No(Refused::LastOwner)).then_some(id));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chat_core::{Audience, Role};
    use chat_store::testkit::FailingStore;
    use chat_store::{MemoryStore, MessageStore, NicknameClaim, NicknameStore, OwnerKey};
    use chat_store::{ReadPositionStore, RoomStore};

    use super::*;

    fn user(number: i64) -> UserId {
        UserId::from_stored(number)
    }

    fn by(number: i64, name: &str, message: NewMessage) -> NewMessage {
        let author = AuthorId::from_stored(number);
        let author = Author::user(author, AuthorId::from_stored(-number));
        let name = name.parse().unwrap();
        message.with_author(author).with_user(user(number)).with_from(name)
    }

    fn text(content: &str) -> NewMessage {
        NewMessage::new(RoomId::general(), content.parse().unwrap())
    }

    fn private(from: i64, to: (i64, &str), content: &str) -> NewMessage {
        let (to, nickname) = (user(to.0), to.1.parse().unwrap());
        let audience = Audience::Private { from: user(from), to, nickname };
        NewMessage::new(audience, content.parse().unwrap())
    }

    /// A log of Ada, who is user 1, and Bob, who is user 2.
    async fn filled() -> Arc<MemoryStore> {
        let store = Arc::new(MemoryStore::new());
        let (thumb, second): (Emoji, _) = ("👍".parse().unwrap(), Offset::new(2).unwrap());
        let now = Timestamp::now();
        for (name, number) in [("Ada", 1), ("Bob", 2)] {
            let owner = OwnerKey([number; 32]);
            let until = now.plus(Duration::from_secs(60));
            let claim =
                NicknameClaim::new(name.parse().unwrap(), owner, user(number.into()), now, until);
            store.claim_nickname(&claim).await.unwrap();
        }
        let mut batch = vec![by(1, "Ada", text("secret")), by(2, "Bob", text("public"))];
        for number in 0..40 {
            batch.push(by(1, "Ada", text(&format!("secret {number}"))));
        }
        batch.push(by(1, "Ada", private(1, (2, "Bob"), "secret for Bob")));
        batch.push(by(2, "Bob", private(2, (1, "Ada"), "for whom")));
        store.append(&batch).await.unwrap();
        let general = RoomId::general();
        let changes = [
            by(1, "Ada", NewMessage::reaction(general.clone(), second, &thumb, true)),
            by(2, "Bob", NewMessage::reaction(general.clone(), second, &thumb, true)),
            by(
                1,
                "Ada",
                NewMessage::edit(general, Offset::FIRST, "secret, again".parse().unwrap()),
            ),
        ];
        store.append(&changes).await.unwrap();
        store
    }

    async fn all(store: &MemoryStore) -> Vec<Message> {
        store.read_after(None, Offset::ZERO, 1000).await.unwrap().messages
    }

    async fn is_erased(store: &MemoryStore) {
        let all = all(store).await;
        let (json, second) = (serde_json::to_string(&all).unwrap(), Offset::new(2).unwrap());
        assert!(!json.contains("secret") && !json.contains("Ada"), "{json}");
        let names = |message: &Message| message.user == Some(user(1)) && !message.is_erasure();
        assert!(!all.iter().any(names));
        assert!(all.iter().any(|message| message.is_erasure() && message.user == Some(user(1))));
        assert_eq!(all.last().map(|last| last.offset.as_u64()), Some(all.len() as u64));
        assert_eq!(all.iter().filter(|message| message.is_still_said()).count(), 2);
        let given = store.reactions(&[second], Some(AuthorId::from_stored(2))).await.unwrap();
        assert_eq!((given.len(), given[0].count, given[0].own), (1, 1, true));
        let ada = "Ada".parse::<chat_core::Nickname>().unwrap().key();
        assert_eq!(store.find_nickname(&ada).await.unwrap(), None);
        assert_eq!(store.read_positions(user(1), 9).await.unwrap(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_user_has_written_is_gone_and_what_others_have_stays() {
        let store = filled().await;
        let erased = erase_user(&*store, user(1), |_, _| {}).await.unwrap();
        assert_eq!((erased.messages, erased.owns.len()), (42, 0));
        is_erased(&store).await;
        let tail = store.tail().await.unwrap();
        let again = erase_user(&*store, user(1), |_, _| {}).await.unwrap();
        assert_eq!((again.messages, store.tail().await.unwrap()), (0, tail));
    }

    #[tokio::test(start_paused = true)]
    async fn an_erasure_that_has_failed_anywhere_is_finished_by_the_next() {
        for step in 0..2 {
            let store = filled().await;
            let failing = FailingStore::new(Arc::clone(&store) as Arc<dyn Store>);
            let fail = async {
                sleep(SHORTEST_REST * step).await;
                failing.lose_answers(1);
            };
            let (erased, ()) = tokio::join!(erase_user(&failing, user(1), |_, _| {}), fail);
            erased.unwrap_err();
            erase_user(&*store, user(1), |_, _| {}).await.unwrap();
            is_erased(&store).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_last_owner_is_named() {
        let store = filled().await;
        for (name, role) in [("lab", Role::Owner), ("club", Role::Member)] {
            let room: RoomId = name.parse().unwrap();
            let owner = Some(user(if role == Role::Owner { 1 } else { 2 }));
            let create = AccessRequest::CreateRoom {
                room: room.clone(),
                topic: chat_core::Topic::default(),
                visibility: chat_core::Visibility::Private,
                posting: chat_core::Posting::Members,
                owner,
            };
            let add = AccessRequest::AddMember { room: room.key(), user: user(1), role };
            for request in [create, add] {
                let change = NewAccessChange::new(request, Timestamp::now());
                store.change_access(&change).await.unwrap();
            }
        }
        let erased = erase_user(&*store, user(1), |_, _| {}).await.unwrap();
        assert_eq!(erased.owns, ["lab".parse().unwrap()]);
        let club = "club".parse::<RoomId>().unwrap().key();
        let access = store.find_access(&club, Some(user(1))).await.unwrap().unwrap();
        assert_eq!(access.role, None);
    }
}

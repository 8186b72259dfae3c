//! A user who is erased.

use std::slice;

use chat_core::{Author, AuthorId, Feed, NewMessage, Nickname, RoomId, UserId};

use crate::testkit::samples::{
    append_one, at, claim, claim_one, message, offset, private, read_all, user,
};
use crate::testkit::{Backend, SessionBackend};
use crate::{
    Appended, Claimed, Credential, CredentialKey, CredentialOwner, DeviceCode, DeviceCodeKey,
    NewCredential, OwnerKey, ReadPosition,
};

fn by(number: i64, name: &str, message: NewMessage) -> NewMessage {
    let author = Author::user(AuthorId::from_stored(number), AuthorId::from_stored(-number));
    let message = message.with_author(author).with_user(user(number));
    message.with_from(name.parse().expect("a nickname"))
}

/// Together with the text, and nobody else's.
pub async fn an_erased_user_is_gone_from_messages(backend: &dyn Backend) {
    let store = backend.open().await;
    let key = "k".parse().expect("a key");
    let first = by(1, "Ada", message("one").with_client_offset(key));
    let batch = [
        first.clone(),
        by(2, "Bob", message("two")),
        by(1, "Ada", private(1, 2, "three")),
        by(2, "Bob", private(2, 1, "four")),
    ];
    store.append(&batch).await.expect("an append");
    let erased = [first.audience.clone(), batch[2].audience.clone()];
    let erased = erased.into_iter().zip([1, 3]);
    let erased: Vec<_> = erased
        .map(|(audience, of)| NewMessage::erasure(audience, offset(of)).with_user(user(1)))
        .collect();
    store.append(&erased).await.expect("deletions");
    let before = read_all(&*store).await;
    assert!(before[4].is_erasure() && before[5].is_erasure());
    for _ in 0..2 {
        let all: Vec<_> = (1..=6).chain([1000]).map(offset).collect();
        store.forget_user(user(1), &all).await.expect("a user is forgotten");
        let after = read_all(&*store).await;
        for (index, (mut before, after)) in before.clone().into_iter().zip(&after).enumerate() {
            before.forget_user(user(1));
            assert_eq!(before, *after, "{index}");
        }
        for index in [0, 2] {
            assert!(after[index].is_deleted() && after[index].from.is_none());
            assert!(after[index].user.is_none() && after[index].author.is_none());
        }
        assert_eq!(after[1].from.as_ref().map(Nickname::as_str), Some("Bob"));
        assert!(!format!("{after:?}").contains("Ada"));
        // Nothing comes back with a late retry, and the conversations are the same.
        let retry = append_one(&*store, &first).await;
        assert_eq!(retry, Appended::Duplicate(offset(1)));
        let between = Feed::Between(user(1), user(2));
        let page = store.read_after(Some(slice::from_ref(&between)), offset(3), 9).await;
        assert_eq!(page.expect("a page").messages, [after[3].clone(), after[5].clone()]);
    }
}

/// With every name, device and code, for good; others keep theirs.
pub async fn an_erased_user_has_no_names_and_never_comes_back(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let of = |number: u8| CredentialOwner::new(user(number.into()), OwnerKey([number; 32]));
    let key = |number: u8| CredentialKey([number; 32]);
    // The second one's credential was never kept.
    for (name, number) in [("Ada", 1), ("Countess", 1), ("Eve", 3)] {
        claim_one(&*store, &claim(name, number, number.into())).await;
    }
    for (number, owner) in [(11, 1), (13, 3)] {
        let new = NewCredential::new(key(number), at(0)).with_label(Some("phone".into()));
        store.keep_credential(&new, of(owner)).await.expect("a credential is kept");
    }
    let nickname: Nickname = "Ada".parse().expect("a nickname");
    let code = DeviceCode::new(DeviceCodeKey([7; 32]), of(1), nickname.clone(), at(0), at(900));
    assert!(store.keep_code(&code, 9).await.expect("a code is kept"));
    let position = |user: UserId| ReadPosition {
        user,
        feed: Feed::Room(RoomId::general()),
        offset: offset(1),
    };
    let positions = [1, 3].map(|number| position(user(number)));
    store.note_read(&positions).await.expect("a note");

    for _ in 0..2 {
        store.forget_reader(user(1)).await.expect("positions are forgotten");
        store.erase_user(user(1), at(10)).await.expect("a user is erased");
        for name in ["Ada", "Countess"] {
            let name: Nickname = name.parse().expect("a nickname");
            assert_eq!(store.find_nickname(&name.key()).await.expect("a lookup"), None);
        }
        for number in [1, 11] {
            let found = store.find_credential(key(number), at(20)).await.expect("a lookup");
            assert_eq!(found, Credential::Revoked, "{number}");
        }
        assert_eq!(store.devices(user(1)).await.expect("a list"), []);
        let new = NewCredential::new(key(21), at(20));
        let redeemed = store.redeem_code(code.key, &new, 9).await.expect("an answer");
        assert_eq!(redeemed, None);
        assert_eq!(store.read_positions(user(1), 9).await.expect("positions"), []);
        assert_eq!(store.read_positions(user(3), 9).await.expect("positions").len(), 1);
        assert_eq!(store.devices(user(3)).await.expect("a list").len(), 1);
        let eve: Nickname = "Eve".parse().expect("a nickname");
        assert!(store.find_nickname(&eve.key()).await.expect("a lookup").is_some());
    }
    let taken = claim_one(&*store, &claim("Ada", 5, 5)).await;
    assert_eq!(taken, Claimed::Yes(user(5)));
}

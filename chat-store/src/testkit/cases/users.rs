//! What proves who a user is.

use std::sync::Arc;

use chat_core::{Feed, Nickname, UserId};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::testkit::SessionBackend;
use crate::testkit::access_samples::{ban, change, create, impose};
use crate::testkit::dropping::{POLLS, poll_at_most};
use crate::testkit::samples::{append_one, at, claim, claim_one, offset, private, room, user};
use crate::{
    Credential, CredentialKey, CredentialOwner, Device, DeviceCode, DeviceCodeKey, NewCredential,
    NicknameClaim, OwnerKey, ReadPosition, StoreError, UserStore,
};

const HOUR: i64 = 60 * 60 * 1000;

fn key(number: u8) -> CredentialKey {
    CredentialKey([number; 32])
}

fn code_key(number: u8) -> DeviceCodeKey {
    DeviceCodeKey([number; 32])
}

/// The user with this number, whose first credential has this number.
fn owner(number: i64, first: u8) -> CredentialOwner {
    CredentialOwner::new(user(number), OwnerKey([first; 32]))
}

fn new(number: u8, now: i64) -> NewCredential {
    NewCredential::new(key(number), at(now))
}

/// A code of the user with a number, made now and valid for 100 ms.
fn code(number: u8, of: CredentialOwner, now: i64) -> DeviceCode {
    let nickname = "Ada".parse().expect("a nickname");
    DeviceCode::new(code_key(number), of, nickname, at(now), at(now + 100))
}

async fn found(store: &dyn UserStore, number: u8, now: i64) -> Credential {
    store.find_credential(key(number), at(now)).await.expect("a lookup")
}

async fn keep(store: &dyn UserStore, number: u8, of: CredentialOwner) {
    store.keep_credential(&new(number, 0), of).await.expect("a credential is kept");
}

async fn keys(store: &dyn UserStore, of: UserId) -> Vec<CredentialKey> {
    let devices = store.devices(of).await.expect("a list");
    devices.into_iter().map(|device| device.key).collect()
}

async fn redeem(
    store: &dyn UserStore,
    code: u8,
    new: &NewCredential,
) -> Option<(CredentialOwner, Nickname)> {
    store.redeem_code(code_key(code), new, 9).await.expect("an answer to a code")
}

/// Whatever later calls say.
pub async fn a_credential_belongs_to_one_user(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    assert_eq!(found(&*store, 1, 0).await, Credential::Unknown);
    keep(&*store, 1, owner(10, 1)).await;
    assert_eq!(found(&*store, 1, 0).await, Credential::Kept(owner(10, 1)));
    keep(&*store, 1, owner(20, 2)).await;
    assert_eq!(found(&*store, 1, 0).await, Credential::Kept(owner(10, 1)));
    assert_eq!(found(&*store, 2, 0).await, Credential::Unknown);
    assert_eq!(keys(&*store, user(10)).await, [key(1)]);
    assert_eq!(keys(&*store, user(20)).await, []);
}

/// From before credentials were kept, or with a node of that version. The last nickname counts.
pub async fn an_owner_of_nicknames_is_a_user(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    for (name, number, expires_at) in [("Ada", 10, 500), ("Ida", 11, 900), ("Eda", 12, 700)] {
        let claim = NicknameClaim { expires_at: at(expires_at), ..claim(name, 1, number) };
        claim_one(&*store, &claim).await;
    }
    claim_one(&*store, &claim("Bob", 2, 20)).await;
    assert_eq!(found(&*store, 1, 0).await, Credential::OfNicknames(owner(11, 1)));
    assert_eq!(keys(&*store, user(11)).await, []);
    keep(&*store, 1, owner(10, 1)).await;
    assert_eq!(found(&*store, 1, 0).await, Credential::Kept(owner(10, 1)));
}

/// When somebody else has got the nickname, the credential still leads to its user.
pub async fn a_credential_outlives_the_nicknames(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let short = NicknameClaim { expires_at: at(5), ..claim("Ada", 1, 10) };
    claim_one(&*store, &short).await;
    keep(&*store, 1, owner(10, 1)).await;
    let late = NicknameClaim { now: at(5), ..claim("Ada", 2, 20) };
    claim_one(&*store, &late).await;
    assert_eq!(found(&*store, 1, 9).await, Credential::Kept(owner(10, 1)));
    assert_eq!(found(&*store, 2, 9).await, Credential::OfNicknames(owner(20, 2)));
}

/// Also where it owns nicknames, and after it is kept again. Others are not revoked with it.
pub async fn a_revoked_credential_is_never_valid_again(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    claim_one(&*store, &claim("Ada", 1, 10)).await;
    for number in [1, 2] {
        keep(&*store, number, owner(10, 1)).await;
    }
    let revoke = async |of, number| {
        store.revoke_credential(user(of), key(number), at(5)).await.expect("an answer")
    };
    assert!(!revoke(20, 1).await, "it is another user's");
    assert!(!revoke(10, 3).await, "there is none");
    assert!(revoke(10, 1).await && !revoke(10, 1).await);
    keep(&*store, 1, owner(10, 1)).await;
    assert_eq!(found(&*store, 1, 9).await, Credential::Revoked);
    assert_eq!(found(&*store, 2, 9).await, Credential::Kept(owner(10, 1)));
    assert_eq!(keys(&*store, user(10)).await, [key(2)]);
}

/// Neither codes that it has made before, nor later ones. Those of other devices, and of nobody's, stay valid.
pub async fn a_revoked_credential_adds_no_device(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let ada = owner(10, 1);
    for number in [1, 2] {
        keep(&*store, number, ada).await;
    }
    let made_by = |number, maker| code(number, ada, 0).with_made_by(key(maker));
    for made in [made_by(1, 1), made_by(2, 2), code(3, ada, 0), made_by(4, 1)] {
        assert!(store.keep_code(&made, 5).await.expect("an answer"));
    }
    // What was added before is a device of its own.
    assert!(redeem(&*store, 4, &new(14, 5)).await.is_some());
    store.revoke_credential(user(10), key(1), at(5)).await.expect("revoked");
    assert!(redeem(&*store, 4, &new(14, 6)).await.is_some(), "the answer got lost");
    assert_eq!(redeem(&*store, 1, &new(11, 6)).await, None);
    assert!(!store.keep_code(&made_by(5, 1), 9).await.expect("an answer"));
    assert_eq!(redeem(&*store, 5, &new(15, 6)).await, None);
    for number in [2, 3] {
        assert!(redeem(&*store, number, &new(10 + number, 6)).await.is_some());
    }
    assert_eq!(found(&*store, 11, 6).await, Credential::Unknown);
}

/// With what they are called, and when they were used, to the hour.
pub async fn devices_are_listed(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let label = Some("Ada's \"phone\" 😀".to_owned());
    store.keep_credential(&new(1, 5).with_label(label.clone()), owner(10, 1)).await.expect("kept");
    store.keep_credential(&new(2, 7), owner(10, 1)).await.expect("kept");
    found(&*store, 1, 5 + HOUR).await;
    found(&*store, 2, 6 + HOUR).await;
    found(&*store, 1, 4 + 2 * HOUR).await;
    let devices = store.devices(user(10)).await.expect("a list");
    let expected =
        [Device::new(key(1), label, at(5), at(5 + HOUR)), Device::new(key(2), None, at(7), at(7))];
    assert_eq!(devices, expected);
}

/// The same call may be repeated, and gives the same answer, also after the code has expired.
pub async fn a_code_adds_one_device(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let ada = owner(10, 1);
    keep(&*store, 1, ada).await;
    assert!(store.keep_code(&code(1, ada, 0), 5).await.expect("kept"));
    assert_eq!(redeem(&*store, 9, &new(2, 50)).await, None, "there is no such code");
    let expected = Some((ada, "Ada".parse().expect("a nickname")));
    for now in [99, 99, 500] {
        assert_eq!(redeem(&*store, 1, &new(2, now)).await, expected);
    }
    assert_eq!(redeem(&*store, 1, &new(3, 99)).await, None);
    assert_eq!(found(&*store, 2, 99).await, Credential::Kept(ada));
    assert_eq!(found(&*store, 3, 99).await, Credential::Unknown);
    assert!(store.keep_code(&code(2, ada, 0), 5).await.expect("kept"));
    assert_eq!(redeem(&*store, 2, &new(4, 100)).await, None, "it has expired");
    assert!(store.keep_code(&code(3, ada, 0), 5).await.expect("kept"));
    assert_eq!(redeem(&*store, 3, &new(1, 5)).await, None, "the device is there already");
    store.revoke_credential(user(10), key(2), at(99)).await.expect("revoked");
    assert_eq!(redeem(&*store, 1, &new(2, 99)).await, None);
}

/// Of codes that are valid at a time, and of devices.
pub async fn codes_and_devices_have_a_maximum(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let (ada, bob) = (owner(10, 1), owner(20, 2));
    for number in 1..=3 {
        let kept = store.keep_code(&code(number, ada, 0), 2).await.expect("an answer");
        assert_eq!(kept, number <= 2);
    }
    assert!(store.keep_code(&code(4, bob, 0), 2).await.expect("an answer"));
    for (number, max) in [(1, 1), (2, 1), (2, 2)] {
        let added =
            store.redeem_code(code_key(number), &new(number, 5), max).await.expect("an answer");
        assert_eq!(added.is_some(), (number, max) != (2, 1));
    }
    // Those that have expired do not count.
    assert!(store.keep_code(&code(5, ada, 100), 2).await.expect("an answer"));
}

/// By several devices at once.
pub async fn of_devices_that_use_a_code_at_once_one_is_added(backend: &dyn SessionBackend) {
    const DEVICES: u8 = 6;
    let store = backend.open_store().await;
    for round in 0..10 {
        let ada = owner(10 + i64::from(round), 100 + round);
        assert!(store.keep_code(&code(round, ada, 0), 5).await.expect("an answer"));
        let start = Arc::new(Barrier::new(DEVICES.into()));
        let mut devices = JoinSet::new();
        for device in 0..DEVICES {
            let (store, start) = (Arc::clone(&store), Arc::clone(&start));
            devices.spawn(async move {
                start.wait().await;
                redeem(&*store, round, &new(10 * round + device, 5)).await.is_some()
            });
        }
        let added = devices.join_all().await;
        assert_eq!(added.iter().filter(|added| **added).count(), 1, "{added:?}");
        assert_eq!(keys(&*store, ada.user).await.len(), 1);
    }
}

/// Dropped at every await point. Repeating it is harmless.
pub async fn a_code_that_is_used_by_a_dropped_call_can_be_used_again(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    for (polls, round) in (0..=POLLS).cycle().zip(0..60) {
        let ada = owner(10 + i64::from(round), round);
        poll_at_most(polls, store.keep_code(&code(round, ada, 0), 5)).await;
        let kept = store.keep_code(&code(round, ada, 0), 5).await.expect("an answer");
        poll_at_most(polls, store.redeem_code(code_key(round), &new(round, 5), 9)).await;
        let added = redeem(&*store, round, &new(round, 5)).await;
        assert_eq!(added.map(|(owner, _)| owner), Some(ada), "{kept}");
        assert_eq!(keys(&*store, ada.user).await, [key(round)]);
    }
}

/// Only when the first device, and no other, has been out of use for long.
pub async fn users_of_whom_nothing_is_left_are_swept(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    // Each of these has something left but for the first two.
    for number in 1..=10 {
        keep(&*store, number, owner(number.into(), number)).await;
        let read = ReadPosition {
            user: user(number.into()),
            feed: Feed::Room(room("a")),
            offset: offset(1),
        };
        store.note_read(&[read]).await.expect("a note");
    }
    claim_one(&*store, &claim("Ada", 3, 3)).await;
    append_one(&*store, &private(4, 20, "sent")).await;
    append_one(&*store, &private(20, 5, "received")).await;
    change(&*store, create("a", Some(6))).await;
    change(&*store, impose(ban(7, None), None)).await;
    keep(&*store, 30, owner(8, 8)).await;
    assert!(store.revoke_credential(user(9), key(9), at(0)).await.expect("an answer"));
    assert_eq!(found(&*store, 10, 2 * HOUR).await, Credential::Kept(owner(10, 10)));

    for _ in 0..2 {
        let (mut after, mut rounds) = (None, 0);
        while let Some(last) = store.sweep_credentials(at(HOUR), after).await.expect("a sweep") {
            assert_ne!(Some(last), after);
            (after, rounds) = (Some(last), rounds + 1);
        }
        assert!(rounds > 0, "it has looked at what is left");
    }
    for number in 1..=10 {
        let of = i64::from(number);
        let expected = match number {
            1 | 2 => Credential::Unknown,
            9 => Credential::Revoked,
            _ => Credential::Kept(owner(of, number)),
        };
        assert_eq!(found(&*store, number, 0).await, expected, "{number}");
        let read = store.read_positions(user(of), 1).await.expect("positions").len();
        assert_eq!(read, usize::from(number > 2), "{number}");
    }
}

/// Every call.
pub async fn a_closed_store_says_so_of_users(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let ada = owner(10, 1);
    keep(&*store, 1, ada).await;
    store.close().await;
    let closed = [
        store.find_credential(key(1), at(0)).await.err(),
        store.keep_credential(&new(1, 0), ada).await.err(),
        store.devices(user(10)).await.err(),
        store.revoke_credential(user(10), key(1), at(0)).await.err(),
        store.keep_code(&code(1, ada, 0), 5).await.err(),
        store.redeem_code(code_key(1), &new(2, 0), 5).await.err(),
    ];
    assert!(closed.iter().all(|error| matches!(error, Some(StoreError::Closed))), "{closed:?}");
}

/// With their codes.
pub async fn users_are_kept_over_restarts(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let ada = owner(10, 1);
    keep(&*store, 1, ada).await;
    keep(&*store, 2, ada).await;
    store.revoke_credential(user(10), key(2), at(5)).await.expect("revoked");
    assert!(store.keep_code(&code(1, ada, 0), 5).await.expect("kept"));
    store.close().await;
    let store = backend.open_store().await;
    assert_eq!(found(&*store, 1, 0).await, Credential::Kept(ada));
    assert_eq!(found(&*store, 2, 0).await, Credential::Revoked);
    assert_eq!(redeem(&*store, 1, &new(3, 50)).await.map(|(owner, _)| owner), Some(ada));
    store.close().await;
}

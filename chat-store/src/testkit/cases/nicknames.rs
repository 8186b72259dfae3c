//! Who has which nickname.

use std::sync::Arc;

use chat_core::Nickname;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::ClaimKind::{Issued, New, Renew, Withdrawn};
use crate::Claimed::{Taken, Yes};
use crate::testkit::SessionBackend;
use crate::testkit::dropping::{POLLS, poll_at_most};
use crate::testkit::samples::{
    append_one, at, claim, claim_one, find_name, message, private, user,
};
use crate::{NicknameClaim, OwnerKey, StoreError};

/// Names that people take for each other.
pub(super) const ALIKE: [&str; 4] = ["Ada", "Аdа", "Adа", "Аda"];

/// It had no owner before. Others do not get it, and a refused claim changes nothing.
pub async fn a_name_belongs_to_the_first_who_claims_it(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    assert_eq!(find_name(&*store, "Ada").await, None);
    assert_eq!(claim_one(&*store, &claim("Ada", 1, 10)).await, Yes(user(10)));
    for owner in 2..5 {
        assert_eq!(claim_one(&*store, &claim("ADA", owner, 20)).await, Taken);
    }
    assert_eq!(find_name(&*store, "ada").await, Some((user(10), "Ada".into())));
    assert_eq!(claim_one(&*store, &claim("Bob", 2, 20)).await, Yes(user(20)));
    assert_eq!(find_name(&*store, "bob").await, Some((user(20), "Bob".into())));
}

/// Whatever user the claims name. The last claim determines the spelling.
pub async fn an_owner_stays_the_same_user(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    assert_eq!(claim_one(&*store, &claim("Ada", 1, 10)).await, Yes(user(10)));
    for (name, other) in [("Ada", 10), ("ada", 11), ("ＡＤＡ", 12), (" a d a ", 13)] {
        let expected = if other == 13 { Yes(user(13)) } else { Yes(user(10)) };
        assert_eq!(claim_one(&*store, &claim(name, 1, other)).await, expected, "{name}");
    }
    assert_eq!(find_name(&*store, "Ada").await, Some((user(10), "ADA".into())));
    assert_eq!(find_name(&*store, "A D A").await, Some((user(13), "a d a".into())));
}

/// The one that became the user's last, until another one is chosen: keeping one is not choosing it.
pub async fn a_user_has_a_current_name(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let (ada, bob, nobody) = (user(10), user(20), user(30));
    let current = async || {
        let mut names = store.nicknames_of(&[bob, nobody, ada]).await.expect("a lookup");
        names.sort();
        names.into_iter().map(|(user, name)| (user, name.into())).collect::<Vec<(_, String)>>()
    };
    let named = |name: &str| vec![(ada, name.to_owned()), (bob, "Bob".to_owned())];
    let timed = |name: &str, now, expires_at| {
        let (now, expires_at) = (at(now), at(expires_at));
        NicknameClaim { now, expires_at, ..claim(name, 1, 10) }
    };
    assert_eq!(current().await, []);
    claim_one(&*store, &claim("Bob", 2, 20)).await;
    claim_one(&*store, &timed("Ada", 1, 1000)).await;
    assert_eq!(current().await, named("Ada"));
    claim_one(&*store, &timed("Ada L.", 2, 1000)).await;
    assert_eq!(current().await, named("Ada L."));
    for kind in [Renew, New, Issued] {
        claim_one(&*store, &timed("ada", 3, 2000).with_kind(kind)).await;
        assert_eq!(current().await, named("Ada L."), "{kind:?}");
    }
    claim_one(&*store, &timed("ada", 4, 500).with_kind(Renew).chosen()).await;
    assert_eq!(current().await, named("ada"));
    // Also when the other one is spelled as before.
    claim_one(&*store, &timed("Ada L.", 5, 1000).with_kind(Renew).chosen()).await;
    assert_eq!(current().await, named("Ada L."));
    // A name that has expired is the user's until it is another's.
    claim_one(&*store, &NicknameClaim { now: at(1000), ..claim("Ada L.", 3, 30) }).await;
    claim_one(&*store, &NicknameClaim { now: at(1001), ..claim("Ada L.", 3, 30) }).await;
    let mut expected = named("ada");
    expected.push((nobody, "Ada L.".to_owned()));
    assert_eq!(current().await, expected);
}

/// Whoever has it, and whatever it looks like. Its user has the other names as before.
pub async fn a_name_can_be_taken_away(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    claim_one(&*store, &claim("Ada", 1, 10)).await;
    claim_one(&*store, &NicknameClaim { now: at(1), ..claim("Admin", 1, 11) }).await;
    let taken = NicknameClaim { now: at(2), owner: OwnerKey::NOBODY, ..claim("admin", 9, 90) };
    let taken = taken.with_kind(Withdrawn);
    assert_eq!(claim_one(&*store, &taken).await, Yes(user(90)));
    for kind in [Renew, New, Issued] {
        let again = NicknameClaim { now: at(3), ..claim("Admin", 1, 10) }.with_kind(kind);
        assert_eq!(claim_one(&*store, &again).await, Taken, "{kind:?}");
    }
    assert_eq!(find_name(&*store, "Admin").await, None, "it leads to nobody");
    let names = store.nicknames_of(&[user(10), user(11), user(90)]).await.expect("a lookup");
    let names: Vec<_> = names.iter().map(|(user, name)| (*user, name.as_str())).collect();
    assert!(names.contains(&(user(10), "Ada")) && names.contains(&(user(90), "admin")));
    assert_eq!(names.len(), 2);
    // It is given back by letting it expire.
    let now = at(4);
    let back =
        NicknameClaim { now, expires_at: now, owner: OwnerKey::NOBODY, ..claim("admin", 9, 90) };
    assert_eq!(claim_one(&*store, &back.with_kind(Renew)).await, Yes(user(90)));
    let again = NicknameClaim { now, ..claim("Admin", 2, 20) };
    assert_eq!(claim_one(&*store, &again).await, Yes(user(20)));
}

/// From that moment on, not before. Until then, and after, its owner may prolong it.
pub async fn a_name_that_has_expired_can_be_claimed_by_another(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let until = |owner, now, expires_at| {
        let (now, expires_at) = (at(now), at(expires_at));
        NicknameClaim { now, expires_at, ..claim("Ada", owner, owner.into()) }
    };
    assert_eq!(claim_one(&*store, &until(1, 0, 100)).await, Yes(user(1)));
    assert_eq!(claim_one(&*store, &until(2, 99, 300)).await, Taken);
    assert_eq!(claim_one(&*store, &until(1, 99, 200)).await, Yes(user(1)));
    assert_eq!(claim_one(&*store, &until(2, 199, 300)).await, Taken);
    assert_eq!(claim_one(&*store, &until(1, 500, 600)).await, Yes(user(1)), "nobody took it");
    assert_eq!(claim_one(&*store, &until(2, 600, 700)).await, Yes(user(2)));
    assert_eq!(claim_one(&*store, &until(1, 699, 999)).await, Taken);
    // Who gives a name up claims it until now.
    assert_eq!(claim_one(&*store, &until(2, 650, 650)).await, Yes(user(2)));
    assert_eq!(claim_one(&*store, &until(3, 650, 999)).await, Yes(user(3)));
}

/// Also one who had it before.
pub async fn a_name_that_changes_hands_gives_another_user(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    for round in 0..6 {
        let (owner, time) = (u8::try_from(round % 2).unwrap(), 10 * round);
        let new = claim("Ada", owner, 100 + round);
        let new = NicknameClaim { now: at(time), expires_at: at(time + 10), ..new };
        assert_eq!(claim_one(&*store, &new).await, Yes(user(100 + round)));
        let again = NicknameClaim { user: user(7), ..new };
        assert_eq!(claim_one(&*store, &again).await, Yes(user(100 + round)));
        assert_eq!(find_name(&*store, "ada").await.unwrap().0, user(100 + round));
    }
}

/// For a message that is sent to somebody who has been away for long.
pub async fn a_name_that_has_expired_still_leads_to_who_had_it_last(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let expired = NicknameClaim { expires_at: at(-5), ..claim("Ada", 1, 10) };
    assert_eq!(claim_one(&*store, &expired).await, Yes(user(10)));
    assert_eq!(find_name(&*store, "ada").await, Some((user(10), "Ada".into())));
}

/// A free nickname, and one that has just expired.
pub async fn of_owners_that_claim_at_once_one_gets_the_name(backend: &dyn SessionBackend) {
    const OWNERS: u8 = 8;
    let store = backend.open_store().await;
    for round in 0..20 {
        let start = Arc::new(Barrier::new(OWNERS.into()));
        let mut claims = JoinSet::new();
        for owner in 0..OWNERS {
            let (store, start) = (Arc::clone(&store), Arc::clone(&start));
            let new =
                claim("Ada", owner + OWNERS * (round % 2) as u8, 100 * round + i64::from(owner));
            let new = NicknameClaim { now: at(round), expires_at: at(round + 1), ..new };
            claims.spawn(async move {
                start.wait().await;
                claim_one(&*store, &new).await
            });
        }
        let claims = claims.join_all().await;
        let granted: Vec<_> = claims.into_iter().filter(|one| *one != Taken).collect();
        let found = find_name(&*store, "ada").await.unwrap().0;
        assert_eq!(granted, [Yes(found)], "round {round}");
        assert_eq!(found.as_i64() / 100, round, "the owner is another user");
    }
}

/// As when several tabs of a new client connect.
pub async fn claims_of_one_owner_at_once_give_one_user(backend: &dyn SessionBackend) {
    const TABS: usize = 8;
    let store = backend.open_store().await;
    for round in 0..20 {
        let start = Arc::new(Barrier::new(TABS));
        let mut claims = JoinSet::new();
        for tab in 0..TABS {
            let (store, start) = (Arc::clone(&store), Arc::clone(&start));
            claims.spawn(async move {
                start.wait().await;
                claim_one(&*store, &claim(&format!("ada {round}"), 1, tab as i64)).await
            });
        }
        let claims = claims.join_all().await;
        assert!(matches!(claims[0], Yes(_)) && claims.iter().all(|one| *one == claims[0]));
    }
}

/// With the last numbers and moments, and every character that a name may have.
pub async fn any_name_comes_back_as_it_was(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let texts = [
        "O'Brien \"the\" \\one\\",
        "😀 \u{1f9d1}\u{200d}\u{1f680}",
        "שלום",
        "e\u{301}",
        "Straße ſ",
        "null",
        "?1 $1 %s",
        "Σίσυφος",
    ];
    let names = texts.iter().filter_map(|text| text.parse::<Nickname>().ok());
    for (name, number) in names.zip(0..) {
        let user = user(i64::MAX - number);
        let far =
            NicknameClaim { user, now: at(i64::MIN), expires_at: at(i64::MAX), ..claim("x", 0, 0) };
        let new = NicknameClaim { nickname: name.clone(), ..far };
        assert_eq!(claim_one(&*store, &new).await, Yes(user), "{name}");
        let found = store.find_nickname(&name.key()).await.unwrap();
        assert_eq!(found, Some((user, name)));
    }
}

/// Dropped at every await point. Claiming again is harmless.
pub async fn a_claim_that_is_dropped_has_happened_as_a_whole_or_not_at_all(
    backend: &dyn SessionBackend,
) {
    let store = backend.open_store().await;
    for (polls, round) in (0..=POLLS).cycle().zip(0..100) {
        let name = format!("ada {round}");
        let finished = poll_at_most(polls, store.claim_nickname(&claim(&name, 1, 10))).await;
        let happened = claim_one(&*store, &claim(&name, 2, 20)).await == Taken;
        assert!(happened || !finished, "it was lost");
        let expected = if happened { user(10) } else { user(20) };
        assert_eq!(find_name(&*store, &name).await, Some((expected, name.clone())));
        poll_at_most(polls, store.find_nickname(&claim(&name, 1, 1).nickname.key())).await;
    }
}

/// Every call.
pub async fn a_closed_store_says_so_of_nicknames(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let ada = claim("Ada", 1, 10);
    claim_one(&*store, &ada).await;
    store.close().await;
    assert!(matches!(store.claim_nickname(&ada).await, Err(StoreError::Closed)));
    let named = store.nicknames_of(&[user(10)]).await;
    assert!(matches!(named, Err(StoreError::Closed)), "{named:?}");
    let found = store.find_nickname(&ada.nickname.key()).await;
    assert!(matches!(found, Err(StoreError::Closed)));
    assert!(matches!(store.sweep_nicknames(at(0), None).await, Err(StoreError::Closed)));
}

/// Also when it has expired, as long as nobody else has claimed it.
pub async fn a_name_is_renewed_by_its_last_owner_only(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let renew = |owner, number, now| {
        let (now, expires_at) = (at(now), at(now + 100));
        NicknameClaim { kind: Renew, now, expires_at, ..claim("Ada", owner, number) }
    };
    assert_eq!(claim_one(&*store, &renew(1, 10, 0)).await, Taken);
    assert_eq!(find_name(&*store, "Ada").await, None, "nothing was changed");
    let short = NicknameClaim { expires_at: at(100), ..claim("Ada", 1, 10) };
    assert_eq!(claim_one(&*store, &short).await, Yes(user(10)));
    assert_eq!(claim_one(&*store, &renew(2, 20, 50)).await, Taken);
    assert_eq!(claim_one(&*store, &renew(1, 30, 50)).await, Yes(user(10)));
    assert_eq!(claim_one(&*store, &renew(2, 20, 500)).await, Taken);
    assert_eq!(claim_one(&*store, &renew(1, 30, 500)).await, Yes(user(10)));
    let other = NicknameClaim { now: at(600), expires_at: at(700), ..claim("ada", 2, 20) };
    assert_eq!(claim_one(&*store, &other).await, Yes(user(20)));
    assert_eq!(claim_one(&*store, &renew(1, 30, 650)).await, Taken);
    assert_eq!(claim_one(&*store, &renew(1, 30, 900)).await, Taken);
    assert_eq!(find_name(&*store, "Ada").await, Some((user(20), "ada".into())));
}

/// Until that one has expired. Its owner may have both, and an issuer of names may grant them freely.
pub async fn a_name_that_looks_like_anothers_is_not_given_to_anybody_new(
    backend: &dyn SessionBackend,
) {
    let store = backend.open_store().await;
    let ivan = NicknameClaim { expires_at: at(100), ..claim("Ivan", 1, 10) };
    assert_eq!(claim_one(&*store, &ivan).await, Yes(user(10)));
    for name in ["lvan", "LVAN", "Іvan", "lvаn"] {
        assert_eq!(claim_one(&*store, &claim(name, 2, 20)).await, Taken, "{name}");
        assert_eq!(find_name(&*store, name).await, None, "{name}");
    }
    // A message to a name goes to the one that is written so.
    assert_eq!(claim_one(&*store, &claim("Іvan", 1, 11)).await, Yes(user(11)));
    assert_eq!(find_name(&*store, "ivan").await, Some((user(10), "Ivan".into())));
    assert_eq!(find_name(&*store, "іvan").await, Some((user(11), "Іvan".into())));
    let issued = NicknameClaim { kind: Issued, ..claim("lvan", 3, 30) };
    assert_eq!(claim_one(&*store, &issued).await, Yes(user(30)));
    let late = |claim| NicknameClaim { now: at(2000), expires_at: at(3000), ..claim };
    assert_eq!(claim_one(&*store, &late(claim("lvаn", 2, 20))).await, Yes(user(20)));
    // What has expired is lost to it too, and so is another way to write it.
    assert_eq!(claim_one(&*store, &late(claim("Ivan", 1, 12))).await, Taken);
    let renewed = NicknameClaim { kind: Renew, ..claim("Ivan", 1, 12) };
    assert_eq!(claim_one(&*store, &late(renewed)).await, Taken);
    assert_eq!(claim_one(&*store, &late(claim("ivan", 1, 12))).await, Yes(user(10)));
    assert_eq!(claim_one(&*store, &late(claim("IVAN", 1, 12))).await, Taken);
}

/// As when they were claimed before names were compared.
pub async fn names_that_look_alike_and_are_there_both_stay(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    for (name, owner) in [("Ada", 1), ("Аdа", 2)] {
        let issued = NicknameClaim { kind: Issued, ..claim(name, owner, owner.into()) };
        assert_eq!(claim_one(&*store, &issued).await, Yes(user(owner.into())));
    }
    for (name, owner) in [("Ada", 1), ("Аdа", 2)] {
        for kind in [Renew, New] {
            let again = NicknameClaim { kind, expires_at: at(2000), ..claim(name, owner, 9) };
            assert_eq!(claim_one(&*store, &again).await, Yes(user(owner.into())), "{kind:?}");
        }
        assert_eq!(claim_one(&*store, &claim(name, 3, 30)).await, Taken);
        assert_eq!(find_name(&*store, name).await, Some((user(owner.into()), name.into())));
    }
}

/// Free nicknames, and some that have just expired.
pub async fn of_owners_that_claim_names_that_look_alike_at_once_one_gets_one(
    backend: &dyn SessionBackend,
) {
    let store = backend.open_store().await;
    for round in 0..20 {
        let start = Arc::new(Barrier::new(ALIKE.len()));
        let mut claims = JoinSet::new();
        for (name, owner) in ALIKE.into_iter().zip(0..) {
            let (store, start) = (Arc::clone(&store), Arc::clone(&start));
            let new = claim(name, owner + 10 * (round % 2) as u8, 10 * round + i64::from(owner));
            let new = NicknameClaim { now: at(round), expires_at: at(round + 1), ..new };
            claims.spawn(async move {
                start.wait().await;
                claim_one(&*store, &new).await
            });
        }
        let claims = claims.join_all().await;
        assert_eq!(claims.iter().filter(|one| **one != Taken).count(), 1, "{claims:?}");
    }
}

/// An owner who returns to one with messages is the same user, and nobody else gets to see them.
pub async fn names_that_have_expired_are_swept_unless_they_have_private_messages(
    backend: &dyn SessionBackend,
) {
    let store = backend.open_store().await;
    for number in 1..=9 {
        let expires_at = at(if number <= 6 { 100 } else { 101 });
        let new = claim(&format!("ada {number}"), number as u8, number);
        let new = NicknameClaim { expires_at, ..new };
        assert_eq!(claim_one(&*store, &new).await, Yes(user(number)));
    }
    for message in [private(2, 20, "sent"), private(20, 4, "received"), message("in a room")] {
        append_one(&*store, &message).await;
    }
    for _ in 0..2 {
        let (mut after, mut rounds) = (None, 0);
        while let Some(last) = store.sweep_nicknames(at(100), after.as_ref()).await.unwrap() {
            assert_ne!(Some(&last), after.as_ref());
            (after, rounds) = (Some(last), rounds + 1);
        }
        assert!(rounds > 0, "it has looked at what is left");
    }
    for number in 1..=9 {
        let name = format!("ada {number}");
        let left = [2, 4, 7, 8, 9].contains(&number);
        let found = find_name(&*store, &name).await;
        assert_eq!(found, left.then(|| (user(number), name.clone())), "{name}");
        // Its owner comes back.
        let again = NicknameClaim { now: at(200), ..claim(&name, number as u8, 30) };
        let expected = Yes(user(if left { number } else { 30 }));
        assert_eq!(claim_one(&*store, &again).await, expected, "{name}");
    }
}

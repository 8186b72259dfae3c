use std::sync::atomic::{AtomicI64, Ordering};

use chat_core::{NodeId, RoomId};
use chat_store::MemoryStore;
use tokio::time::advance;

use super::*;
use crate::engine::delivery::EphemeralEvents;
use crate::engine::outgoing::Outgoing;
use crate::engine::presence::PresenceGuard;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const LIFETIME: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// A node whose clock tests can set.
struct Node {
    identities: Identities,
    /// By how much its clock is wrong, in milliseconds.
    error: Arc<AtomicI64>,
}

impl Node {
    fn new(store: &Arc<MemoryStore>, limits: &Limits) -> Self {
        let node = NodeId::from_random([1; 8]);
        let (outgoing, _) = Outgoing::new();
        let presence = Presence::new(node, Duration::ZERO, true, None, outgoing);
        let reserved = RESERVED.map(Nickname::from_stored).into();
        let rules = Rules { lifetime: LIFETIME, limits, reserved };
        let store: Arc<dyn NicknameStore> = Arc::<MemoryStore>::clone(store);
        let mut identities = Identities::new(store, rules, None, presence);
        let error = Arc::new(AtomicI64::new(0));
        let (began, wrong) = (Instant::now(), Arc::clone(&error));
        identities.clock = Arc::new(Clock::new(move || {
            let elapsed = began.elapsed().as_millis() as i64;
            Timestamp::from_millis(1_000_000 + elapsed + wrong.load(Ordering::SeqCst))
        }));
        Self { identities, error }
    }

    fn set_clock(&self, ahead: Duration) {
        self.error.store(ahead.as_millis() as i64, Ordering::SeqCst);
    }

    async fn take(&self, name: &str, token: Option<&str>, last: u8) -> Result<User, Refusal> {
        let token = token.map(|token| Token::try_from(token.to_owned()).unwrap());
        let source = Source::Address([192, 0, 2, last].into());
        match self.identities.take(name.parse().unwrap(), token, source).await {
            Ok((user, _)) => Ok(user),
            Err(IdentityError::Refused(refusal)) => Err(refusal),
            Err(IdentityError::Store(error)) => panic!("{error}"),
        }
    }

    async fn code(&self, name: &str, token: Option<&str>, last: u8) -> Option<RefusalCode> {
        self.take(name, token, last).await.err().map(|refusal| refusal.code)
    }

    fn enter(&self, user: &User) -> PresenceGuard {
        let who = Some((user.id, user.nickname.clone()));
        let ephemeral = Arc::new(EphemeralEvents::new(Arc::default()));
        self.identities.presence.enter("client", who, (&[RoomId::general()], &[]), ephemeral)
    }
}

fn store() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new())
}

const ADAS: &str = "the token that Ada has";
const EVES: &str = "another one, of Eve's";

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_takes_no_name_away() {
    for jump in [100 * DAY, 200 * DAY] {
        let store = store();
        let node = Node::new(&store, &Limits::default());
        let ada = node.take("Ada", Some(ADAS), 1).await.unwrap();
        node.set_clock(jump);
        assert_eq!(node.code("Ada", Some(EVES), 2).await, Some(RefusalCode::NicknameTaken));
        advance(node.identities.renewal()).await;
        node.identities.renew(&ada).await.unwrap();
        assert_eq!(node.code("ada", Some(EVES), 2).await, Some(RefusalCode::NicknameTaken));
        // It is kept for a lifetime from then on, also by the clock that is ahead.
        let restarted = Node::new(&store, &Limits::default());
        restarted.set_clock(jump + 89 * DAY);
        restarted.identities.renew(&ada).await.unwrap();
    }
}

/// Between looking for the owner and for who is there.
#[tokio::test(start_paused = true)]
async fn a_name_that_another_connection_of_its_owner_takes_at_that_moment_is_not_refused() {
    let node = Node::new(&store(), &Limits::default());
    let ada = node.take("Ada", Some(ADAS), 1).await.unwrap();
    let _present = node.enter(&ada);
    let source = Source::Address([192, 0, 2, 1].into());
    let again = node.identities.claim_new(&ada.nickname, ada.owner, source).await.unwrap();
    assert_eq!(again.id, ada.id);
    let eve = owner_of(&Token::try_from(EVES.to_owned()).unwrap());
    let refused = node.identities.claim_new(&ada.nickname, eve, source).await;
    assert!(matches!(refused, Err(IdentityError::Refused(_))), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_name_of_somebody_who_is_away_for_its_lifetime_can_be_claimed() {
    let node = Node::new(&store(), &Limits::default());
    let ada = node.take("Ada", Some(ADAS), 1).await.unwrap();
    advance(LIFETIME - DAY).await;
    assert_eq!(node.code("Ada", Some(EVES), 2).await, Some(RefusalCode::NicknameTaken));
    advance(DAY).await;
    let heir = node.take("Ada", Some(EVES), 2).await.unwrap();
    assert_ne!(heir.id, ada.id);
    assert_eq!(node.code("Ada", Some(ADAS), 1).await, Some(RefusalCode::NicknameTaken));
}

/// Its clock says that the name has expired, and it has heard that she is there.
#[tokio::test(start_paused = true)]
async fn another_node_with_a_clock_that_is_ahead_does_not_give_a_connected_owners_name_away() {
    let store = store();
    let here = Node::new(&store, &Limits::default());
    let ada = here.take("Ada", Some(ADAS), 1).await.unwrap();
    let mut there = Node::new(&store, &Limits::default());
    there.set_clock(200 * DAY);
    there.identities.clock = {
        let ahead = there.identities.clock.latest();
        Arc::new(Clock::new(move || ahead))
    };
    let presence = there.enter(&ada);
    assert_eq!(there.code("Ada", Some(EVES), 2).await, Some(RefusalCode::NicknameTaken));
    drop(presence);
}

/// Another node may have given the name away while this one slept.
#[tokio::test(start_paused = true)]
async fn what_is_remembered_of_names_does_not_outlive_a_sleep_of_the_machine() {
    let store = store();
    let asleep = Node::new(&store, &Limits::default());
    asleep.take("Ada", Some(ADAS), 1).await.unwrap();
    let mut awake = Node::new(&store, &Limits::default());
    awake.identities.clock =
        Arc::new(Clock::new(|| Timestamp::from_millis(1_000_000).plus(LIFETIME)));
    awake.take("Ada", Some(EVES), 2).await.unwrap();
    asleep.set_clock(LIFETIME + DAY);
    assert_eq!(asleep.code("Ada", Some(ADAS), 1).await, Some(RefusalCode::NicknameTaken));
}

#[tokio::test(start_paused = true)]
async fn guesses_are_not_looked_at_after_a_while_and_the_owner_always_gets_in() {
    let limits = Limits { max_wrong_tokens_per_minute: 10, ..Limits::default() };
    let node = Node::new(&store(), &limits);
    let ada = node.take("Ada", Some(ADAS), 1).await.unwrap();
    for guess in 0..10 {
        let guess = format!("{EVES} {guess}");
        assert_eq!(node.code("Ada", Some(&guess), 2).await, Some(RefusalCode::NicknameTaken));
    }
    let refusal = node.take("Ada", Some(ADAS), 2).await.unwrap_err();
    assert_eq!(refusal.code, RefusalCode::SlowDown, "also when the guess would be right");
    assert_eq!(refusal.retry_after, Some(Duration::from_secs(6)));
    assert_eq!(node.code("Grace", None, 2).await, Some(RefusalCode::SlowDown));
    // The bucket of the name is empty: others have one guess each, and the owner needs none.
    for last in 10..30 {
        assert_eq!(node.code("Ada", Some(EVES), last).await, Some(RefusalCode::NicknameTaken));
        assert_eq!(node.code("Ada", Some(EVES), last).await, Some(RefusalCode::SlowDown));
    }
    for _ in 0..100 {
        assert_eq!(node.take("Ada", Some(ADAS), 1).await.unwrap().id, ada.id);
    }
    advance(Duration::from_secs(6)).await;
    assert_eq!(node.code("Grace", None, 2).await, None);
}

#[tokio::test(start_paused = true)]
async fn new_names_are_limited_for_each_address_and_old_ones_are_not() {
    let limits =
        Limits { max_new_names_per_hour: 5, max_wrong_tokens_per_minute: 0, ..Limits::default() };
    let node = Node::new(&store(), &limits);
    for number in 0..5 {
        node.take(&format!("Ada {number}"), Some(ADAS), 1).await.unwrap();
    }
    let refusal = node.take("Grace", None, 1).await.unwrap_err();
    assert_eq!((refusal.code, refusal.retry_after), (RefusalCode::SlowDown, Some(DAY / 120)));
    for round in 0..100 {
        node.take(&format!("ada {}", round % 5), Some(ADAS), 1).await.unwrap();
    }
    node.take("Grace", None, 2).await.unwrap();
    advance(DAY / 120).await;
    node.take("Bob", None, 1).await.unwrap();
    // A claim that is not granted takes none of them.
    for _ in 0..20 {
        assert_eq!(node.code("Bob", Some(EVES), 3).await, Some(RefusalCode::NicknameTaken));
    }
    node.take("Carl", None, 3).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn another_name_is_looked_at_as_seldom_as_a_first_one() {
    let limits = Limits { max_wrong_tokens_per_minute: 5, ..Limits::default() };
    let node = Node::new(&store(), &limits);
    node.take("Ada", Some(ADAS), 1).await.unwrap();
    let eve = node.take("Eve", Some(EVES), 2).await.unwrap();
    let rename = async |name: &str| {
        let source = Source::Address([192, 0, 2, 2].into());
        match node.identities.rename(&eve, &name.parse().unwrap(), source).await {
            Ok(_) => None,
            Err(IdentityError::Refused(refusal)) => Some(refusal.code),
            Err(IdentityError::Store(error)) => panic!("{error}"),
        }
    };
    for _ in 0..5 {
        assert_eq!(rename("Ada").await, Some(RefusalCode::NicknameTaken));
    }
    assert_eq!(rename("Ada").await, Some(RefusalCode::SlowDown));
    assert_eq!(node.code("Ada", None, 2).await, Some(RefusalCode::SlowDown));
}

#[tokio::test(start_paused = true)]
async fn names_that_deceive_are_given_to_nobody_new() {
    let node = Node::new(&store(), &Limits::default());
    node.take("Ivan", Some(ADAS), 1).await.unwrap();
    for (name, code) in [
        ("Аda", RefusalCode::InvalidNickname),
        ("admin", RefusalCode::NicknameTaken),
        ("SuppОrt", RefusalCode::InvalidNickname),
        ("Mоdеrаtоr", RefusalCode::InvalidNickname),
        ("lvan", RefusalCode::NicknameTaken),
    ] {
        assert_eq!(node.code(name, Some(EVES), 2).await, Some(code), "{name}");
    }
    // Easily guessed, and short.
    for token in ["aaaaaaaaaaaaaaaa", "0123456789abcdef", "x9Qk2Lm7Pz4Rt8W"] {
        assert_eq!(node.code("Eve", Some(token), 2).await, Some(RefusalCode::InvalidToken));
    }
}

/// From before there were any rules.
#[tokio::test(start_paused = true)]
async fn who_has_a_name_keeps_it_whatever_the_rules_for_new_ones_are() {
    let store = store();
    let weak = "aaaaaaaaaaaaaaaa";
    for (name, number) in [("admin", 1), ("Аda", 2)] {
        let (owner, id) = (owner("token", &[weak]), UserId::from_stored(number));
        let [now, expires_at] = [0, i64::MAX].map(Timestamp::from_millis);
        let claim = NicknameClaim::new(name.parse().unwrap(), owner, id, now, expires_at)
            .with_kind(ClaimKind::Issued);
        store.claim_nickname(&claim).await.unwrap();
    }
    let node = Node::new(&store, &Limits::default());
    for (name, number) in [("admin", 1), ("ADMIN", 1), ("Аda", 2)] {
        let user = node.take(name, Some(weak), 1).await.unwrap();
        assert_eq!(user.id, UserId::from_stored(number));
    }
}

#[tokio::test(start_paused = true)]
async fn names_that_nobody_renews_are_swept() {
    let store = store();
    let node = Node::new(&store, &Limits::default());
    for name in ["Ada", "Bob"] {
        node.take(name, Some(ADAS), 1).await.unwrap();
    }
    let find = |name: &str| {
        let (store, key) = (Arc::clone(&store), name.parse::<Nickname>().unwrap().key());
        async move { store.find_nickname(&key).await.unwrap().is_some() }
    };
    let sweep = tokio::spawn(node.identities.clone().sweep());
    // Not because the clock was set.
    node.set_clock(200 * DAY);
    sleep(2 * SWEEP_INTERVAL).await;
    assert!(find("Ada").await);
    node.set_clock(Duration::ZERO);
    sleep(LIFETIME / 2).await;
    node.take("Bob", Some(ADAS), 1).await.unwrap();
    sleep(LIFETIME / 2 + 2 * SWEEP_INTERVAL).await;
    assert!(!find("Ada").await && find("Bob").await);
    sweep.abort();
}

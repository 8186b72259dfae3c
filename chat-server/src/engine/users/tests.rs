use std::sync::atomic::{AtomicI64, Ordering};

use chat_core::{NodeId, RoomId};
use chat_store::{Credential, MemoryStore, NicknameStore};
use tokio::time::{advance, sleep};

use super::sweep::SWEEP_INTERVAL;
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
        let registration = Registration::Open;
        let rooms: Arc<dyn RoomStore> = Arc::<MemoryStore>::clone(store);
        let rooms = Some(rooms);
        let rules = Rules { lifetime: LIFETIME, limits, reserved, registration, rooms };
        let store: Arc<dyn UserStore> = Arc::<MemoryStore>::clone(store);
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
        let given = Given { token, ..Given::default() };
        match self.identities.take(name.parse().unwrap(), given, None, source).await {
            Ok(taken) => Ok(taken.user),
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
const EVES: &str = "another one, that Eve has";

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
    let again = node.identities.claim_new(&ada.nickname, ada.holder(), source).await.unwrap();
    assert_eq!(again.id, ada.id);
    let eve = Holder::new(credential_of(&Token::try_from(EVES.to_owned()).unwrap()).unwrap());
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

#[tokio::test(start_paused = true)]
async fn a_device_that_does_not_get_the_name_is_not_kept() {
    let store = store();
    let [first, other] = std::array::from_fn(|_| Node::new(&store, &Limits::default()));
    let ada = first.take("Ada", Some(ADAS), 1).await.unwrap();
    let code = first.identities.device_code(&ada).await.unwrap().code;
    // By the clock of another node it has expired.
    let (owner, eve) = (owner("token", &[EVES]), UserId::from_stored(2));
    let (later, last) = (Timestamp::now(), Timestamp::from_millis(i64::MAX));
    let claim = NicknameClaim::new(ada.nickname, owner, eve, later, last);
    assert_eq!(store.claim_nickname(&claim).await.unwrap(), Claimed::Yes(eve));
    let source = Source::Address([192, 0, 2, 3].into());
    let linked = other.identities.link_device(&code, None, source).await;
    let Err(IdentityError::Refused(refusal)) = linked else { panic!("{linked:?}") };
    assert_eq!(refusal.code, RefusalCode::NicknameTaken);
    assert_eq!(store.devices(ada.id).await.unwrap().len(), 1);
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
    let sweep = tokio::spawn(node.identities.clone().sweep(false));
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

#[tokio::test(start_paused = true)]
async fn users_of_whom_nothing_is_left_are_swept_where_one_store_has_everything() {
    for users_too in [true, false] {
        let store = store();
        let node = Node::new(&store, &Limits::default());
        for (name, token) in [("Ada", ADAS), ("Eve", EVES)] {
            node.take(name, Some(token), 1).await.unwrap();
        }
        let sweep = tokio::spawn(node.identities.clone().sweep(users_too));
        sleep(LIFETIME / 2).await;
        let ada = node.take("Ada", Some(ADAS), 1).await.unwrap();
        sleep(LIFETIME / 2 + 2 * SWEEP_INTERVAL).await;
        let found = async |token: &str| {
            let key = owner("token", &[token]).into();
            store.find_credential(key, Timestamp::from_millis(0)).await.unwrap()
        };
        let is_unknown = found(EVES).await == Credential::Unknown;
        assert_eq!(is_unknown, users_too);
        assert!(matches!(found(ADAS).await, Credential::Kept(of) if of.user == ada.id));
        sweep.abort();
    }
}

/// An issuer whose tokens are the subject and the names, as in `1:John Smith:John`.
struct Texts;

impl Issuer for Texts {
    fn subject(&self, token: Option<&Token>) -> Result<issuer::Subject, Refusal> {
        let refusal = || Refusal::new(RefusalCode::InvalidToken, "no token");
        let mut parts = token.ok_or_else(refusal)?.as_str().split(':').map(ToOwned::to_owned);
        let owner = owner("jwt", &[&parts.next().ok_or_else(refusal)?]);
        let claims = TokenClaims { roles: vec!["tester".into()], ..TokenClaims::default() };
        let until = Some(Timestamp::from_millis(5));
        Ok(issuer::Subject { owner, names: parts.collect(), until, claims: Arc::new(claims) })
    }
}

fn issuing_node(store: &Arc<MemoryStore>) -> Node {
    let mut node = Node::new(store, &Limits::default());
    node.identities.issuer = Some(Arc::new(Texts));
    node
}

async fn issued(node: &Node, token: &str) -> User {
    let token = Token::try_from(token.to_owned()).unwrap();
    node.identities.issued(Some(&token)).await.unwrap().unwrap()
}

async fn issued_name(node: &Node, token: &str) -> String {
    issued(node, token).await.nickname.into()
}

#[tokio::test(start_paused = true)]
async fn a_name_that_somebody_has_gets_a_number_that_stays() {
    let store = store();
    let (one, two) = (issuing_node(&store), issuing_node(&store));
    assert_eq!(issued_name(&one, "1:John Smith").await, "John Smith");
    assert_eq!(issued_name(&one, "2:john smith").await, "john smith 2");
    assert_eq!(issued_name(&two, "3:John Smith").await, "John Smith 3");
    let user = issued(&two, "2:John Smith").await;
    assert_eq!(user.nickname.as_str(), "John Smith 2");
    assert_eq!(
        (user.until, &*user.claims.roles),
        (Some(Timestamp::from_millis(5)), &["tester".into()][..])
    );
    one.identities.renew(&user).await.unwrap();
    // The bare name is free again; those with a number, who came back meanwhile, keep it.
    advance(LIFETIME - DAY).await;
    two.identities.renew(&user).await.unwrap();
    advance(2 * DAY).await;
    assert_eq!(issued_name(&two, "2:John Smith").await, "John Smith 2");
    assert_eq!(issued_name(&two, "4:John Smith").await, "John Smith");
}

#[tokio::test(start_paused = true)]
async fn a_name_is_taken_from_the_token_whatever_it_holds() {
    let node = issuing_node(&store());
    assert_eq!(issued_name(&node, "1:\u{202e}: Eve ❤️").await, "Eve ❤️");
    assert_eq!(issued_name(&node, "2::admin").await, "admin", "the issuer may grant it");
    let neutral = issued_name(&node, "3:\u{200b}: ").await;
    assert!(neutral.starts_with("User ") && neutral.len() == 11, "{neutral}");
    assert_eq!(issued_name(&node, "3").await, neutral);
    assert_ne!(issued_name(&node, "4").await, neutral);
    // Somebody may have the neutral name already, by a token that gives it.
    let other = issuing_node(&store());
    assert_eq!(issued_name(&other, &format!("5:{neutral}")).await, neutral);
    let longer = issued_name(&other, "3").await;
    assert!(longer.starts_with(&neutral) && longer.len() == 17, "{longer}");
}

#[tokio::test(start_paused = true)]
async fn when_all_numbers_are_taken_a_neutral_name_is_left() {
    let node = issuing_node(&store());
    for user in 1..=20 {
        let name = issued_name(&node, &format!("{user}:Guest")).await;
        assert_eq!(
            name.strip_prefix("Guest").map(str::trim),
            Some(&*if user == 1 { String::new() } else { user.to_string() })
        );
    }
    let last = issued_name(&node, "21:Guest").await;
    assert!(last.starts_with("User "), "{last}");
    assert_eq!(issued_name(&node, "21:Guest").await, last);
    // Also when all other names are free again.
    let guest = issued(&node, "21:Guest").await;
    advance(LIFETIME - DAY).await;
    node.identities.renew(&guest).await.unwrap();
    advance(2 * DAY).await;
    assert_eq!(issued_name(&node, "21:Guest").await, last);
    assert_eq!(issued_name(&node, "22:Guest").await, "Guest");
}

#[tokio::test(start_paused = true)]
async fn a_new_token_must_name_the_same_user_and_wrong_ones_are_counted() {
    let node = issuing_node(&store());
    let source = Source::Address([192, 0, 2, 1].into());
    let renew = async |user: Option<&User>, token: &str| {
        let token = Token::try_from(token.to_owned()).unwrap();
        match node.identities.with_new_token(user, &token, source).await {
            Ok(user) => Ok(user),
            Err(IdentityError::Refused(refusal)) => Err(refusal.code),
            Err(IdentityError::Store(error)) => panic!("{error}"),
        }
    };
    issued(&node, "1:John Smith").await;
    let john = issued(&node, "2:John Smith").await;
    assert_eq!(renew(Some(&john), "2:John Smith").await.as_ref(), Ok(&john));
    let renamed = renew(Some(&john), "2:Johnny").await.unwrap();
    assert_eq!((renamed.nickname.as_str(), renamed.owner), ("Johnny", john.owner));
    assert_eq!(renew(None, "2:John Smith").await, Err(RefusalCode::InvalidToken));
    for _ in 0..Limits::default().max_wrong_tokens_per_minute {
        assert_eq!(renew(Some(&john), "1:John Smith").await, Err(RefusalCode::OtherUser));
    }
    assert_eq!(renew(Some(&john), "2:John Smith").await, Err(RefusalCode::SlowDown));
}

/// Whether the name is free, taken or one that nobody may choose: strangers learn nothing.
#[tokio::test(start_paused = true)]
async fn a_closed_registration_takes_users_and_their_devices_and_nobody_else() {
    let mut node = Node::new(&store(), &Limits::default());
    let ada = node.take("Ada", Some(ADAS), 1).await.unwrap();
    node.identities.registration = Registration::Closed;
    for (name, token) in
        [("Eve", None), ("Eve", Some(EVES)), ("Ada", None), ("Ada", Some(EVES)), ("admin", None)]
    {
        let code = node.code(name, token, 2).await;
        assert_eq!(code, Some(RefusalCode::RegistrationClosed), "{name}");
    }
    assert_eq!(node.take("Ada", Some(ADAS), 1).await.unwrap().id, ada.id);
    // A user takes another name, and comes in with it.
    let source = Source::Address([192, 0, 2, 1].into());
    let renamed = node.identities.rename(&ada, &"Countess".parse().unwrap(), source).await.unwrap();
    assert_eq!(renamed.id, ada.id);
    assert_eq!(node.take("Countess", Some(ADAS), 1).await.unwrap().id, ada.id);
    let code = node.identities.device_code(&ada).await.unwrap().code;
    let (linked, _) = node.identities.link_device(&code, None, source).await.unwrap();
    assert_eq!(linked.id, ada.id);
}

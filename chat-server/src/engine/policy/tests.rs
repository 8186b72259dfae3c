use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chat_core::{AccessScope, RefusalCode, RoomId, UserId};
use futures_util::FutureExt;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::asker::PATIENCE;
use super::*;
use crate::engine::delivery::{Following, ReadPosition};
use crate::engine::users::{TokenClaims, User};

/// A policy whose answers a test sets, counts and holds back.
struct Rules {
    answers: Mutex<HashMap<Action, Result<Decision, ()>>>,
    asked: AtomicUsize,
    /// Each question takes one.
    tickets: Semaphore,
}

impl Rules {
    fn new() -> Arc<Self> {
        let tickets = Semaphore::new(1000);
        Arc::new(Self { answers: Mutex::default(), asked: AtomicUsize::new(0), tickets })
    }

    fn set(&self, action: &Action, answer: Result<Decision, ()>) {
        self.answers.lock().unwrap().insert(action.clone(), answer);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    async fn asks(&self, times: usize) {
        while self.asked() < times {
            tokio::task::yield_now().await;
        }
    }
}

/// Another type, because the trait and `Arc` are from elsewhere.
struct Shared(Arc<Rules>);

#[async_trait]
impl Policy for Shared {
    async fn decide(&self, _: &Identity, action: &Action) -> Result<Decision, PolicyError> {
        let Self(rules) = self;
        // Read before it waits, as from a database that is slow to answer.
        let answer = rules.answers.lock().unwrap().get(action).cloned();
        rules.asked.fetch_add(1, Ordering::SeqCst);
        rules.tickets.acquire().await.unwrap().forget();
        answer.unwrap_or(Ok(Decision::allowed())).map_err(|()| PolicyError::new("no database"))
    }
}

fn gate(rules: &Arc<Rules>) -> Gate {
    Gate::new(Arc::new(Shared(Arc::clone(rules))))
}

fn room(name: &str) -> RoomId {
    name.parse().unwrap()
}

fn write() -> Action {
    Action::Write(room("staff"))
}

fn position(rooms: &[&str]) -> Arc<ReadPosition> {
    let since = |name: &&str| (room(name), chat_core::Offset::ZERO.into());
    let following = Following::new(rooms.iter().map(since).collect(), None);
    Arc::new(ReadPosition::new(following, chat_core::Offset::ZERO, true))
}

fn is_held(position: &ReadPosition) -> bool {
    position.now(&Arc::default()).held
}

#[tokio::test(start_paused = true)]
async fn a_decision_is_remembered_until_it_expires() {
    let rules = Rules::new();
    let access = gate(&rules).enter(Identity::anonymous());
    assert!(access.permit_now(&[write()]).is_none(), "it has not been asked");
    for _ in 0..3 {
        access.permit(&[write()]).await.map(drop).unwrap();
    }
    assert_eq!(rules.asked(), 1);
    assert!(access.permit_now(&[write()]).is_some_and(|it| it.is_ok()));
    tokio::time::advance(Decision::DEFAULT_AGE).await;
    assert!(access.permit_now(&[write()]).is_none());
    rules.set(&write(), Ok(Decision::refused().for_up_to(Duration::ZERO)));
    for asked in 2..5 {
        let denied = access.permit(&[write()]).await.map(drop).unwrap_err();
        assert!(matches!(denied, Denied::Refused(it) if it.code == RefusalCode::Forbidden));
        assert_eq!(rules.asked(), asked);
    }
}

#[tokio::test]
async fn a_change_is_forgotten_as_far_as_it_reaches() {
    let rules = Rules::new();
    let gate = gate(&rules);
    let (ada, bob) = (UserId::from_stored(1), UserId::from_stored(2));
    let access = gate.enter(Identity::anonymous().with_user(ada, "Ada".parse().unwrap()));
    let (general, to_bob) = (Action::Write(room("general")), Action::SendPrivately(bob));
    let actions = [write(), general, to_bob, Action::Connect];
    let known = || actions.clone().map(|action| access.permit_now(&[action]).is_some());
    for (scope, expected) in [
        (AccessScope::Room(room("staff")), [false, true, true, true]),
        (AccessScope::User(bob), [true, true, false, true]),
        (AccessScope::User(ada), [false; 4]),
        (AccessScope::User(UserId::from_stored(3)), [true; 4]),
        (AccessScope::Everything, [false; 4]),
    ] {
        access.permit(&actions).await.map(drop).unwrap();
        assert_eq!(known(), [true; 4]);
        gate.forget(&scope);
        assert_eq!(known(), expected, "{scope:?}");
    }
}

#[tokio::test]
async fn a_change_of_a_room_is_one_of_all_its_spellings() {
    let gate = gate(&Rules::new());
    let access = gate.enter(Identity::anonymous());
    let position = position(&["general", "ｓｔａｆｆ"]);
    access.guard(Arc::clone(&position));
    let shouted = Action::Write(room("STAFF"));
    let actions = [write(), shouted, Action::Write(room("general"))];
    access.permit(&actions).await.map(drop).unwrap();
    gate.forget(&AccessScope::Room(room("stage")));
    assert!(access.permit_now(&actions).is_some() && !is_held(&position));
    gate.forget(&AccessScope::Room(room("Staff")));
    let known = actions.map(|action| access.permit_now(&[action]).is_some());
    assert_eq!((known, is_held(&position)), ([false, false, true], true));
}

#[tokio::test]
async fn an_answer_from_before_a_change_does_not_count() {
    let rules = Rules::new();
    let gate = gate(&rules);
    let access = gate.enter(Identity::anonymous());
    rules.tickets.forget_permits(1000);
    let asking = {
        let access = Arc::clone(&access);
        tokio::spawn(async move { access.permit(&[write()]).await.map(drop) })
    };
    rules.asks(1).await;
    rules.set(&write(), Ok(Decision::refused()));
    gate.forget(&AccessScope::Room(room("staff")));
    // The answer of before, and the one after.
    rules.tickets.add_permits(2);
    assert!(matches!(asking.await.unwrap(), Err(Denied::Refused(_))));
    assert_eq!(rules.asked(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_waits_for_an_effect_that_has_begun() {
    let rules = Rules::new();
    let gate = gate(&rules);
    let access = gate.enter(Identity::anonymous());
    access.permit(&[write()]).await.map(drop).unwrap();
    let grant = access.permit_now(&[write()]).unwrap().unwrap();
    let (begun, begins) = std::sync::mpsc::channel();
    let (done, is_done) = std::sync::mpsc::channel();
    let changing = std::thread::spawn(move || {
        begun.send(()).unwrap();
        gate.forget(&AccessScope::Everything);
        done.send(()).unwrap();
    });
    begins.recv().unwrap();
    assert!(is_done.try_recv().is_err(), "the effect has not happened");
    drop(grant);
    is_done.recv().unwrap();
    changing.join().unwrap();
    assert!(access.permit_now(&[write()]).is_none());
}

#[tokio::test]
async fn a_change_about_what_is_read_holds_the_delivery_until_it_is_settled() {
    let rules = Rules::new();
    let gate = gate(&rules);
    let access = gate.enter(Identity::anonymous());
    let position = position(&["staff"]);
    position.hold();
    access.guard(Arc::clone(&position));
    assert!(!access.release(), "nothing is known yet");
    assert!(is_held(&position));

    let standing = Standing::of(&access);
    gate.forget(&AccessScope::Room(room("staff")));
    assert!(!standing.settle(), "access has changed since");
    assert!(Standing::of(&access).settle() && access.release());
    assert!(!is_held(&position));

    gate.forget(&AccessScope::Room(room("general")));
    assert!(access.is_settled() && !is_held(&position), "it is not in this room");
    gate.forget(&AccessScope::Room(room("staff")));
    assert!(!access.is_settled() && is_held(&position));
}

#[tokio::test(start_paused = true)]
async fn what_a_connection_goes_on_doing_is_asked_again_when_its_first_decision_expires() {
    let rules = Rules::new();
    let access = gate(&rules).enter(Identity::anonymous());
    access.guard(position(&["staff"]));
    let mut standing = Standing::of(&access);
    standing.ask(Action::Connect).await.unwrap();
    assert!(standing.settle() && access.is_settled());
    // A room that is joined later, with a decision that expires earlier.
    let read = Action::Read(room("staff"));
    rules.set(&read, Ok(Decision::allowed().for_up_to(Duration::from_secs(5))));
    access.permit(&[read]).await.map(drop).unwrap();
    tokio::time::advance(Duration::from_secs(4)).await;
    assert!(access.is_settled());
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(!access.is_settled());
}

#[tokio::test]
async fn a_page_that_was_read_is_handed_over_only_while_the_room_may_be_read() {
    let rules = Rules::new();
    let gate = gate(&rules);
    let access = gate.enter(Identity::anonymous());
    access.guard(position(&["staff"]));
    let (staff, read) = (room("staff"), Action::Read(room("staff")));
    access.permit(std::slice::from_ref(&read)).await.map(drop).unwrap();
    assert!(access.permit_read(std::slice::from_ref(&staff)).is_ok());
    gate.forget(&AccessScope::Room(staff.clone()));
    assert_eq!(access.permit_read(std::slice::from_ref(&staff)).map(drop), Err(Denied::Undecided));
    rules.set(&read, Ok(Decision::refused()));
    access.permit(&[read]).await.map(drop).unwrap_err();
    assert!(matches!(
        access.permit_read(std::slice::from_ref(&staff)).map(drop),
        Err(Denied::Refused(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_fails_hangs_or_panics_decides_nothing() {
    struct Broken;

    #[async_trait]
    impl Policy for Broken {
        async fn decide(&self, _: &Identity, action: &Action) -> Result<Decision, PolicyError> {
            match action {
                Action::Connect => Err(PolicyError::new("no database")),
                Action::Write(_) => std::future::pending().await,
                _ => panic!("a mistake"),
            }
        }
    }

    let access = Gate::new(Arc::new(Broken)).enter(Identity::anonymous());
    for action in [Action::Connect, write(), Action::Read(room("staff"))] {
        let began = Instant::now();
        let denied = access.permit(&[action]).await.map(drop).unwrap_err();
        assert_eq!(denied, Denied::Undecided);
        assert!(began.elapsed() <= PATIENCE);
        let refusal = chat_core::Refusal::from(denied);
        assert_eq!(refusal.code, RefusalCode::Unavailable);
        assert!(refusal.retry_after.is_some());
    }
}

#[tokio::test]
async fn what_is_remembered_is_bounded() {
    let rules = Rules::new();
    let gate = gate(&rules);
    let access = gate.enter(Identity::anonymous());
    for number in 0..1000 {
        let write = Action::Write(room(&number.to_string()));
        access.permit(&[write]).await.map(drop).unwrap();
        rules.tickets.add_permits(1);
    }
    let known = |number: usize| access.permit_now(&[Action::Write(room(&number.to_string()))]);
    assert_eq!((0..1000).filter(|&number| known(number).is_some()).count(), 64);
    assert!(known(999).is_some(), "the oldest makes room");
}

#[tokio::test]
async fn the_memory_of_clients_that_are_gone_is_released() {
    let gate = gate(&Rules::new());
    let stays = gate.enter(Identity::anonymous());
    for _ in 0..10_000 {
        gate.enter(Identity::anonymous());
    }
    assert!(gate.len() <= 64, "{}", gate.len());
    stays.permit(&[write()]).await.map(drop).unwrap();
    gate.forget(&AccessScope::Everything);
    assert!(stays.permit_now(&[write()]).is_none());
}

#[tokio::test]
async fn a_client_with_another_name_is_asked_about_anew() {
    let rules = Rules::new();
    let access = gate(&rules).enter(Identity::anonymous());
    let position = position(&["staff"]);
    access.guard(Arc::clone(&position));
    access.permit(&[write()]).await.map(drop).unwrap();
    let claims = TokenClaims { roles: vec!["staff".into()], rooms: Some(vec![room("staff")]) };
    let ada = User {
        id: UserId::from_stored(1),
        nickname: "Ada".parse().unwrap(),
        owner: chat_store::OwnerKey([1; 32]),
        credential: chat_store::CredentialKey([1; 32]),
        until: None,
        claims: Arc::new(claims),
    };
    let identity = Identity::anonymous().of_user(&ada);
    assert!(identity.has_role("staff") && identity.rooms() == Some(&[room("staff")][..]));
    access.identify(&ada);
    assert!(access.permit_now(&[write()]).is_none() && is_held(&position));
    assert!(access.permit(&[write()]).now_or_never().is_some_and(|it| it.is_ok()));
    assert_eq!(rules.asked(), 2);
}

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat_core::{AccessScope, Refusal, RefusalCode, RoomId};
use tokio::time::Instant;

use super::asker::Asker;
use super::change::Change;
use super::{Action, Identity, PolicyError};
use crate::engine::delivery::ReadPosition;
use crate::engine::planted::{self, Bug};
use crate::engine::users::User;

/// The most decisions that are remembered for a connection: the oldest one makes room. About 60 bytes each, and the
/// message of a refusal.
const MOST: usize = 64;

/// How often a question is asked again because access has changed meanwhile.
const ATTEMPTS: usize = 4;

/// When to try again what could not be decided.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What one client may do, as far as that is known.
///
/// Effects happen while a [`Grant`] lives, which holds the lock of this. A change of access takes the lock, too: so an
/// effect comes before the change as a whole, or is decided anew.
pub(crate) struct Access {
    asker: Asker,
    state: Mutex<State>,
    /// Held by whoever finds out what the connection may go on doing: one at a time.
    pub(crate) settling: tokio::sync::Mutex<()>,
}

struct State {
    identity: Arc<Identity>,
    /// How often access may have changed: an answer to a question from before does not count.
    changes: u64,
    /// Decisions that still hold, the oldest first.
    remembered: VecDeque<Remembered>,
    /// Until when the connection may go on with what it does. None after a change that may be about that: then nothing
    /// is delivered.
    settled: Option<Instant>,
    /// What the connection reads, once there is one.
    position: Option<Arc<ReadPosition>>,
}

struct Remembered {
    action: Action,
    verdict: Verdict,
}

/// A decision of the policy.
#[derive(Debug, Clone)]
pub(crate) struct Verdict {
    /// None if allowed.
    pub(crate) refusal: Option<Arc<Refusal>>,
    /// How long it may be remembered.
    pub(crate) until: Instant,
}

/// Why a client may not do something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Denied {
    /// The policy refuses it.
    Refused(Refusal),
    /// The policy cannot decide now.
    Undecided,
}

/// Allows an effect while it lives. Changes of access wait for its end: it must be short, must not be held while waiting,
/// and the effect must not use the [`Access`] of the same client.
#[must_use]
pub(crate) struct Grant<'a>(#[expect(dead_code, reason = "held")] Option<MutexGuard<'a, State>>);

impl Grant<'_> {
    /// Returns a grant of a chat that has no policy.
    pub(crate) fn without_policy() -> Self {
        Self(None)
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Refused(refusal) => refusal,
            Denied::Undecided => {
                let message = "whether you may do this cannot be found out now; try again";
                Self::new(RefusalCode::Unavailable, message).with_retry_after(RETRY_AFTER)
            }
        }
    }
}

impl From<PolicyError> for Denied {
    /// It has been logged.
    fn from(_: PolicyError) -> Self {
        Self::Undecided
    }
}

impl Access {
    pub(super) fn new(asker: Asker, identity: Identity) -> Self {
        let state = State {
            identity: Arc::new(identity),
            changes: 0,
            remembered: VecDeque::new(),
            settled: None,
            position: None,
        };
        Self { asker, state: Mutex::new(state), settling: tokio::sync::Mutex::default() }
    }

    /// Sets what the connection reads: a change that may be about that [holds](ReadPosition::hold) it.
    pub(crate) fn guard(&self, position: Arc<ReadPosition>) {
        self.lock().position = Some(position);
    }

    /// Changes who the client is, and forgets all decisions. Holds the delivery until the connection is settled.
    pub(crate) fn identify(&self, user: &User) {
        let mut state = self.lock();
        let identity = Identity::clone(&state.identity).of_user(user);
        if identity == *state.identity {
            return;
        }
        state.identity = Arc::new(identity);
        state.forget(|_| true);
        state.unsettle();
    }

    /// Forgets what a change of access may be about, and holds the delivery until the connection is settled, if the
    /// change may be about that.
    pub(super) fn forget(&self, change: &Change<'_>) {
        let mut state = self.lock();
        let is_about_asker = match change.scope {
            AccessScope::Room(_) => false,
            AccessScope::User(user) => state.identity.user() == Some(*user),
            _ => true,
        };
        state.forget(|action| {
            let is_kept = planted::is(Bug::WriteRemembered) && matches!(action, Action::Write(_));
            !is_kept && (is_about_asker || action.is_in(change))
        });
        if is_about_asker || state.reads(change) {
            state.unsettle();
        }
    }

    /// Returns a grant if all of these actions are allowed, and that is remembered; the refusal if one is not; none if
    /// it must be [asked](Self::permit).
    pub(crate) fn permit_now(&self, actions: &[Action]) -> Option<Result<Grant<'_>, Refusal>> {
        let state = self.lock();
        let now = Instant::now();
        for action in actions {
            if let Some(refusal) = &state.find(action, now)?.refusal {
                return Some(Err(Refusal::clone(refusal)));
            }
        }
        Some(Ok(Grant(Some(state))))
    }

    /// Returns a grant if all of these actions are allowed. Asks what is not remembered, in order, up to the first
    /// refusal. Cancel safe.
    pub(crate) async fn permit(&self, actions: &[Action]) -> Result<Grant<'_>, Denied> {
        Ok(self.permit_and(actions, None).await?.0)
    }

    /// Returns a grant if all of these actions are allowed, and whether another one is allowed, too. Cancel safe.
    pub(crate) async fn permit_and(
        &self,
        actions: &[Action],
        other: Option<&Action>,
    ) -> Result<(Grant<'_>, bool), Denied> {
        for _ in 0..ATTEMPTS {
            let changes = self.changes();
            let mut refusal = None;
            for action in actions {
                refusal = self.verdict(action).await?.refusal;
                if refusal.is_some() {
                    break;
                }
            }
            let is_other_allowed = match other {
                Some(other) if refusal.is_none() => self.verdict(other).await?.refusal.is_none(),
                _ => true,
            };
            let state = self.lock();
            if state.changes == changes {
                return match refusal {
                    Some(refusal) => Err(Denied::Refused(Refusal::clone(&refusal))),
                    None => Ok((Grant(Some(state)), is_other_allowed)),
                };
            }
        }
        Err(Denied::Undecided)
    }

    /// Returns whether an action is allowed, as is remembered or as the policy says now. It counts unless access has
    /// [changed](Self::changes) meanwhile. Cancel safe.
    pub(crate) async fn verdict(&self, action: &Action) -> Result<Verdict, PolicyError> {
        let (identity, changes) = {
            let state = self.lock();
            if let Some(known) = state.find(action, Instant::now()) {
                return Ok(known.clone());
            }
            (Arc::clone(&state.identity), state.changes)
        };
        let (refusal, age) = self.asker.ask(&identity, action).await?.into_parts();
        let verdict = Verdict { refusal: refusal.map(Arc::new), until: Instant::now() + age };
        let mut state = self.lock();
        if state.changes == changes {
            state.remember(action, verdict.clone());
        }
        Ok(verdict)
    }

    /// Returns a grant to hand over messages of these rooms that were read when that was allowed, unless it is not allowed
    /// any more.
    pub(crate) fn permit_read(&self, rooms: &[RoomId]) -> Result<Grant<'_>, Denied> {
        let state = self.lock();
        for room in rooms {
            let is_it = |it: &&Remembered| matches!(&it.action, Action::Read(read) if read == room);
            // Also one that has expired: what the connection goes on doing is asked about again.
            match state.remembered.iter().find(is_it).map(|it| &it.verdict.refusal) {
                Some(Some(refusal)) => return Err(Denied::Refused(Refusal::clone(refusal))),
                Some(None) => {}
                None if state.settled.is_some() && state.is_in(room) => {}
                None => return Err(Denied::Undecided),
            }
        }
        Ok(Grant(Some(state)))
    }

    /// Returns who the client is.
    pub(crate) fn identity(&self) -> Arc<Identity> {
        Arc::clone(&self.lock().identity)
    }

    /// Returns a number that is another one after each change of access, for [`settle`](Self::settle).
    pub(crate) fn changes(&self) -> u64 {
        self.lock().changes
    }

    /// Returns whether the connection may go on with what it does for now.
    pub(crate) fn is_settled(&self) -> bool {
        self.lock().settled.is_some_and(|until| Instant::now() < until)
    }

    /// Notes that the connection may go on with what it does until then, unless access has changed since `changes` was
    /// read. Returns whether that is noted.
    pub(crate) fn settle(&self, changes: u64, until: Instant) -> bool {
        let mut state = self.lock();
        let is_current = state.changes == changes;
        if is_current {
            state.settled = Some(until);
        }
        is_current
    }

    /// Lets the delivery go on if the connection is settled, and returns whether it is, even if that is to be asked
    /// again by now.
    pub(crate) fn release(&self) -> bool {
        let state = self.lock();
        let is_settled = state.settled.is_some();
        if let Some(position) = state.position.as_ref().filter(|_| is_settled) {
            position.release();
        }
        is_settled
    }

    /// Holds the delivery until the connection is [settled](Self::settle): the policy could not decide.
    pub(crate) fn unsettle(&self) {
        self.lock().unsettle();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn find(&self, action: &Action, now: Instant) -> Option<&Verdict> {
        let known = self.remembered.iter().find(|it| it.action == *action);
        known.map(|it| &it.verdict).filter(|verdict| now < verdict.until)
    }

    fn remember(&mut self, action: &Action, verdict: Verdict) {
        if let (Action::Read(_) | Action::SeeUsers(_), Some(until)) = (action, &mut self.settled) {
            *until = verdict.until.min(*until);
        }
        self.remembered.retain(|it| it.action != *action);
        if self.remembered.len() >= MOST {
            self.remembered.pop_front();
        }
        self.remembered.push_back(Remembered { action: action.clone(), verdict });
    }

    fn forget(&mut self, is_it: impl Fn(&Action) -> bool) {
        self.changes += 1;
        self.remembered.retain(|it| !is_it(&it.action));
    }

    /// Returns whether the connection is in a room, as far as that is known.
    fn is_in(&self, room: &RoomId) -> bool {
        self.position.as_ref().is_none_or(|position| position.is_in(room))
    }

    /// Returns whether the connection is in the room of a change, as far as that is known.
    fn reads(&self, change: &Change<'_>) -> bool {
        let AccessScope::Room(_) = change.scope else { return false };
        self.position
            .as_ref()
            .is_none_or(|position| position.following().rooms.keys().any(|room| change.is_of(room)))
    }

    fn unsettle(&mut self) {
        self.settled = None;
        if let Some(position) = &self.position {
            position.hold();
        }
    }
}

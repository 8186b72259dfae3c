//! What moderators do to users, and the log of it.

use std::collections::HashSet;

use chat_core::event::{Kick, LogEntry, LogRequest, Moderate, Moderated, ModerationLog};
use chat_core::{AccessScope, Nickname, RoomId, SanctionKind, Timestamp, UserId};
use chat_store::{AccessChange, AccessNumber, AccessRequest, SanctionKey, Subject};

use super::super::answering::{Failed, made};
use super::desk::{Desk, cut};
use crate::engine::delivery::Answer;
use crate::engine::moderation::{Deed, may};

impl Desk<'_> {
    pub(super) async fn kick(&self, kick: Kick) -> Result<Answer, Failed> {
        let Kick { room, nickname, reason, .. } = kick;
        let user = self.moderates(Some(&room), &nickname).await?;
        let request = AccessRequest::Kick { room: Some(room.key()), subject: Subject::User(user) };
        let number = self.make(request, reason).await?;
        if let Some(number) = number {
            self.connection.services.kicked(user, number).await;
        }
        made(&Moderated::new(number.is_some()))
    }

    pub(super) async fn sanction(
        &self,
        kind: SanctionKind,
        moderate: Moderate,
    ) -> Result<Answer, Failed> {
        let Moderate { nickname, room, duration, reason, .. } = moderate;
        let user = self.moderates(room.as_ref(), &nickname).await?;
        let (room, subject) = (room.map(|room| room.key()), Subject::User(user));
        let until = duration.map(|duration| Timestamp::now().plus(duration));
        let request = AccessRequest::Sanction { key: SanctionKey { room, subject, kind }, until };
        let changed = self.apply(request, reason).await?;
        self.connection.services.access_changed(&AccessScope::User(user)).await;
        made(&Moderated::new(changed))
    }

    pub(super) async fn lift(&self, moderate: Moderate) -> Result<Answer, Failed> {
        let Moderate { nickname, room, kind: only, reason, .. } = moderate;
        let user = self.moderates(room.as_ref(), &nickname).await?;
        let mut changed = false;
        for &kind in SanctionKind::ALL.iter().filter(|&&kind| only.is_none_or(|only| only == kind))
        {
            let (room, subject) = (room.as_ref().map(RoomId::key), Subject::User(user));
            let key = SanctionKey { room, subject, kind };
            changed |= self.apply(AccessRequest::LiftSanction { key }, reason.clone()).await?;
        }
        self.connection.services.access_changed(&AccessScope::User(user)).await;
        made(&Moderated::new(changed))
    }

    pub(super) async fn log(&self, request: LogRequest) -> Result<Answer, Failed> {
        let LogRequest { room, before, limit, .. } = request;
        self.reaches(room.as_ref()).await?;
        may(self.role(room.as_ref()).await?, Deed::Moderate, None, false)?;
        let key = room.as_ref().map(RoomId::key);
        let before = before.map(AccessNumber::new);
        let mut changes = self.rooms.access_changes_before(before, key.as_ref(), limit + 1).await?;
        changes.reverse();
        let more = cut(&mut changes, limit);
        let users: HashSet<UserId> = changes.iter().flat_map(users_of).collect();
        let users: Vec<UserId> = users.into_iter().collect();
        let names = self.connection.services.identities.nicknames(&users).await?;
        let name = |user: Option<UserId>| user.and_then(|user| names.get(&user).cloned());
        let entries = changes.into_iter().map(|change| {
            let (user, address) = match change.subject {
                Some(Subject::User(user)) => (Some(user), None),
                Some(Subject::Address(address)) => (None, Some(address)),
                None => (None, None),
            };
            LogEntry {
                number: change.number.as_u64(),
                at: change.at,
                by: change.by,
                by_nickname: name(change.by),
                action: change.action,
                room: change.room.map(|room| room.as_str().to_owned()),
                user,
                nickname: name(user),
                address,
                role: change.role,
                until: change.until,
                reason: change.reason,
            }
        });
        made(&ModerationLog::new(entries.collect(), more))
    }

    /// Returns the user with a nickname, on whom this one may act as a moderator.
    async fn moderates(
        &self,
        room: Option<&RoomId>,
        nickname: &Nickname,
    ) -> Result<UserId, Failed> {
        self.reaches(room).await?;
        let role = self.role(room).await?;
        // Who is no moderator does not learn who exists.
        may(role, Deed::Moderate, None, false)?;
        let (user, _) = self.connection.services.identities.find(nickname).await?;
        let target = match room {
            Some(room) => self.role_in(room, user).await?,
            None => None,
        };
        may(role, Deed::Moderate, target, user == self.user.id)?;
        Ok(user)
    }
}

/// The users that an entry of the log is about.
fn users_of(change: &AccessChange) -> impl Iterator<Item = UserId> {
    let subject = match change.subject {
        Some(Subject::User(user)) => Some(user),
        _ => None,
    };
    subject.into_iter().chain(change.by)
}

//! What moderators do to users, and the log of it.

use chat_core::event::{Kick, LogRequest, Moderate, Moderated, ModerationLog};
use chat_core::{AccessScope, Nickname, RoomId, SanctionKind, Timestamp, UserId};
use chat_store::{AccessNumber, AccessRequest, SanctionKey, Subject};

use super::super::answering::{Failed, made};
use super::desk::Desk;
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
        let before = before.map(AccessNumber::new);
        let services = &self.connection.services;
        let log = services.moderation_log(room.as_ref(), before, limit).await?;
        made(&log.unwrap_or_else(|| ModerationLog::new(Vec::new(), false)))
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

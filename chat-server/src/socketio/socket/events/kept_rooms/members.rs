//! Members of rooms, their roles, and invitations.

use chat_core::event::{
    Invitation, InvitationId, InvitationName, Invitations, Invite, Invited, LinkCode, Member,
    Members, MembersRequest, Moderated, RevokeInvitation, SetRole,
};
use chat_core::{AccessScope, RefusalCode, RoomId, Timestamp, UserId};
use chat_store::{AccessLimits, AccessRequest, InvitationCode, Refused};

use super::super::answering::{Failed, made};
use super::desk::{Desk, cut, refusal_of};
use super::rooms::shown;
use crate::engine::delivery::Answer;
use crate::engine::moderation::{Deed, may};
use crate::engine::policy::Action;
use crate::engine::users::{hash_of_code, random_link_code};

impl Desk<'_> {
    pub(super) async fn members(&self, request: MembersRequest) -> Result<Answer, Failed> {
        let MembersRequest { room, after, limit, .. } = request;
        self.enters(&room).await?;
        self.permit(Action::SeeUsers(room.clone())).await?;
        let (record, _) = self.kept(&room).await?;
        let mut members = self.rooms.list_members(&room.key(), after, limit + 1).await?;
        let more = cut(&mut members, limit);
        let users: Vec<UserId> = members.iter().map(|member| member.user).collect();
        let mut names = self.connection.services.identities.nicknames(&users).await?;
        let mut member = |it: chat_store::RoomMember| {
            let nickname = names.remove(&it.user);
            Member { user: Some(it.user), nickname, role: it.role }
        };
        made(&Members::new(record.id, members.into_iter().map(&mut member).collect(), more))
    }

    pub(super) async fn set_role(&self, set: SetRole) -> Result<Answer, Failed> {
        let SetRole { room, nickname, role: new, .. } = set;
        let (user, _) = self.connection.services.identities.find(&nickname).await?;
        // Who may not be in the room may still give up what it has there.
        if user != self.user.id {
            self.enters(&room).await?;
        }
        let (_, role) = self.kept(&room).await?;
        let target = self.role_in(&room, user).await?;
        may(role, Deed::Appoint(new), target, user == self.user.id)?;
        let key = room.key();
        let request = match (new, target) {
            // The answer to the first try may have been lost.
            (None, None) => return made(&Moderated::new(false)),
            (None, Some(_)) => AccessRequest::RemoveMember { room: key, user },
            (Some(role), None) => AccessRequest::AddMember { room: key, user, role },
            (Some(role), Some(_)) => AccessRequest::SetRole { room: key, user, role },
        };
        let changed = self.apply(request, None).await?;
        self.connection.services.access_changed(&AccessScope::User(user)).await;
        made(&Moderated::new(changed))
    }

    pub(super) async fn invite(&self, invite: Invite) -> Result<Answer, Failed> {
        let Invite { room, uses, expires_in, .. } = invite;
        self.enters(&room).await?;
        let (_, role) = self.kept(&room).await?;
        may(role, Deed::Arrange, None, false)?;
        let code = random_link_code()?;
        let expires_at = Timestamp::now().plus(expires_in);
        let (room, hash) = (room.key(), hash_of(&code));
        self.apply(AccessRequest::Invite { room, code: hash, expires_at, uses }, None).await?;
        made(&Invited::new(code, expires_at))
    }

    pub(super) async fn accept(&self, code: &LinkCode) -> Result<Answer, Failed> {
        let identities = &self.connection.services.identities;
        identities.admit_code(self.connection.source)?;
        let hash = hash_of(code);
        let Some(invitation) = self.rooms.find_invitation(hash).await? else {
            identities.refused_code(self.connection.source);
            return Err(refusal_of(Refused::InvitationUnknown).into());
        };
        let redeem = AccessRequest::Redeem { code: hash, user: self.user.id };
        let redeemed = self.apply(redeem, None).await;
        if matches!(&redeemed, Err(Failed::Refused(it)) if it.code == RefusalCode::InvalidCode) {
            identities.refused_code(self.connection.source);
        }
        redeemed?;
        self.connection.services.access_changed(&AccessScope::User(self.user.id)).await;
        let access = self.rooms.find_access(&invitation.room, Some(self.user.id)).await?;
        made(&shown(self.connection, access.ok_or(Failed::Store)?))
    }

    pub(super) async fn invitations(&self, room: RoomId) -> Result<Answer, Failed> {
        self.enters(&room).await?;
        let (record, role) = self.kept(&room).await?;
        may(role, Deed::Arrange, None, false)?;
        let found = self.valid_invitations(&room).await?;
        let makers: Vec<UserId> = found.iter().filter_map(|one| one.created_by).collect();
        let names = self.connection.services.identities.nicknames(&makers).await?;
        let invitation = |one: chat_store::Invitation| Invitation {
            id: id_of(one.code),
            uses_left: one.uses_left,
            expires_at: one.expires_at,
            by: one.created_by,
            nickname: one.created_by.and_then(|by| names.get(&by).cloned()),
        };
        made(&Invitations::new(record.id, found.into_iter().map(invitation).collect()))
    }

    pub(super) async fn revoke(&self, revoke: RevokeInvitation) -> Result<Answer, Failed> {
        let RevokeInvitation { room, invitation, .. } = revoke;
        self.enters(&room).await?;
        let (_, role) = self.kept(&room).await?;
        may(role, Deed::Arrange, None, false)?;
        let code = match invitation {
            InvitationName::Code(code) => Some(hash_of(&code)),
            InvitationName::Id(id) => {
                let valid = self.valid_invitations(&room).await?;
                valid.into_iter().map(|one| one.code).find(|code| id_of(*code) == id)
            }
        };
        let Some(code) = code else { return made(&Moderated::new(false)) };
        let request = AccessRequest::RevokeInvitation { room: room.key(), code };
        made(&Moderated::new(self.apply(request, None).await?))
    }

    async fn valid_invitations(
        &self,
        room: &RoomId,
    ) -> Result<Vec<chat_store::Invitation>, Failed> {
        let most = AccessLimits::default().invitations as usize;
        Ok(self.rooms.list_invitations(&room.key(), Timestamp::now(), most).await?)
    }
}

fn hash_of(code: &LinkCode) -> InvitationCode {
    InvitationCode(hash_of_code("invitation", code))
}

fn id_of(InvitationCode([a, b, c, d, e, f, g, h, ..]): InvitationCode) -> InvitationId {
    InvitationId::from_hash([a, b, c, d, e, f, g, h])
}

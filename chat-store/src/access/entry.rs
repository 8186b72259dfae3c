use chat_core::Role;

use super::{AccessChange, AccessNumber, AccessRequest, AccessState, NewAccessChange, Subject};

impl NewAccessChange {
    /// Returns the entry for the log once this change was decided on, for implementations of stores.
    pub fn entry(&self, number: AccessNumber, state: &AccessState) -> AccessChange {
        let room = self.request.room();
        let (subject, role, until) = match &self.request {
            AccessRequest::CreateRoom { owner, .. } => {
                (owner.map(Subject::User), owner.map(|_| Role::Owner), None)
            }
            AccessRequest::ChangeRoom { .. } | AccessRequest::RevokeInvitation { .. } => {
                (None, None, None)
            }
            AccessRequest::AddMember { user, role, .. }
            | AccessRequest::SetRole { user, role, .. } => {
                (Some(Subject::User(*user)), Some(*role), None)
            }
            AccessRequest::RemoveMember { user, .. }
            | AccessRequest::Rename { user }
            | AccessRequest::TakeNickname { user } => (Some(Subject::User(*user)), None, None),
            AccessRequest::Redeem { user, .. } => {
                (Some(Subject::User(*user)), Some(Role::Member), None)
            }
            AccessRequest::Invite { expires_at, .. } => (None, None, Some(*expires_at)),
            AccessRequest::Kick { subject, .. } => (Some(subject.clone()), None, None),
            AccessRequest::Sanction { key, until } => (Some(key.subject.clone()), None, *until),
            AccessRequest::LiftSanction { key } => (Some(key.subject.clone()), None, None),
        };
        AccessChange {
            number,
            at: self.at,
            by: self.by,
            action: self.request.action(),
            room: room.or_else(|| state.invitation.as_ref().map(|one| one.room.clone())),
            subject,
            role,
            until,
            reason: self.reason.clone(),
        }
    }
}

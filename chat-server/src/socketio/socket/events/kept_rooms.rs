use std::sync::Arc;

use chat_core::event::{
    ACCEPT_INVITATION, BAN, CHANGE_ROOM, CREATE_ROOM, INVITE, Invite, Invited, KICK, KeptRoom,
    Kick, LIFT, LinkCode, LogEntry, LogRequest, MEMBERS, MODERATION_LOG, MUTE, Member, Members,
    MembersRequest, Moderate, Moderated, ModerationLog, REVOKE_INVITATION, ROOMS, RevokeInvitation,
    RoomSettings, Rooms, RoomsRequest, SET_ROLE, SetRole, Unread, invitation_from_event,
};
use chat_core::{
    AccessScope, Feed, Posting, Reason, Refusal, RefusalCode, Role, RoomId, SanctionKind,
    Timestamp, UserId, Visibility,
};
use chat_store::{
    AccessChanged, AccessNumber, AccessRequest, InvitationCode, NewAccessChange, Refused,
    RoomAccess, RoomRecord, RoomStore, SanctionKey, StoreError, Subject,
};
use serde::Serialize;
use serde_json::value::to_raw_value;

use super::super::connection::{Connection, Request, TASK_BYTES};
use super::super::event::Event;
use super::super::services::Services;
use crate::engine::delivery::Answer;
use crate::engine::moderation::{Deed, may};
use crate::engine::policy::{Action, Denied};
use crate::engine::rate::Bucket;
use crate::engine::reading::MAX_POSITIONS;
use crate::engine::users::{IdentityError, User, random_link_code};

/// What a client wants with rooms that are kept, or with users in them.
pub(crate) enum Asked {
    Rooms(RoomsRequest),
    Create(RoomSettings),
    Change(RoomSettings),
    Members(MembersRequest),
    SetRole(SetRole),
    Invite(Invite),
    Accept(LinkCode),
    Revoke(RevokeInvitation),
    Kick(Kick),
    Sanction(SanctionKind, Moderate),
    Lift(Moderate),
    Log(LogRequest),
}

macro_rules! events {
    ($($event:ident: $name:ident, $arguments:ty, $read:expr, $asked:expr;)*) => {$(
        #[doc = concat!("[`chat_core::event::", stringify!($name), "`].")]
        pub(crate) struct $event;

        impl Event for $event {
            const NAME: &'static str = $name;
            const TASK_BYTES: usize = TASK_BYTES;

            type Arguments = $arguments;

            fn read(json: &str) -> Result<$arguments, Refusal> {
                $read(json)
            }

            fn handle(connection: &Arc<Connection>, arguments: $arguments, request: Request) {
                later(connection, $asked(arguments), request);
            }
        }
    )*};
}

events! {
    RoomsEvent: ROOMS, RoomsRequest, RoomsRequest::from_event, Asked::Rooms;
    CreateRoomEvent: CREATE_ROOM, RoomSettings, RoomSettings::from_event, Asked::Create;
    ChangeRoomEvent: CHANGE_ROOM, RoomSettings, RoomSettings::from_event, Asked::Change;
    MembersEvent: MEMBERS, MembersRequest, MembersRequest::from_event, Asked::Members;
    SetRoleEvent: SET_ROLE, SetRole, SetRole::from_event, Asked::SetRole;
    InviteEvent: INVITE, Invite, Invite::from_event, Asked::Invite;
    AcceptInvitationEvent: ACCEPT_INVITATION, LinkCode, invitation_from_event, Asked::Accept;
    RevokeInvitationEvent: REVOKE_INVITATION, RevokeInvitation, RevokeInvitation::from_event, Asked::Revoke;
    KickEvent: KICK, Kick, Kick::from_event, Asked::Kick;
    BanEvent: BAN, Moderate, Moderate::from_event, |it| Asked::Sanction(SanctionKind::Ban, it);
    MuteEvent: MUTE, Moderate, Moderate::from_event, |it| Asked::Sanction(SanctionKind::Mute, it);
    LiftEvent: LIFT, Moderate, Moderate::from_event, Asked::Lift;
    ModerationLogEvent: MODERATION_LOG, LogRequest, LogRequest::from_event, Asked::Log;
}

/// Why a request gets no answer of its own.
enum Failed {
    Refused(Refusal),
    /// Silence makes the client retry.
    Store,
}

/// Carries out a request in its turn.
fn later(connection: &Arc<Connection>, asked: Asked, request: Request) {
    let connection = Arc::clone(connection);
    Arc::clone(&connection).requests.later(async move {
        match connection.gone.run_until_cancelled(Desk::answer(&connection, asked)).await {
            Some(Ok(answer)) => request.answer(answer),
            Some(Err(Failed::Refused(refusal))) => request.refuse(refusal),
            Some(Err(Failed::Store)) | None => {}
        }
    });
}

/// Where the requests of a user are handled.
struct Desk<'a> {
    connection: &'a Connection,
    rooms: &'a dyn RoomStore,
    user: Arc<User>,
}

impl Desk<'_> {
    async fn answer(connection: &Connection, asked: Asked) -> Result<Answer, Failed> {
        let Some(rooms) = &connection.services.rooms else {
            let message = "this server does not keep rooms; its operator can turn that on";
            return Err(Refusal::new(RefusalCode::UnknownEvent, message).into());
        };
        // Strangers look around only where they may become users.
        let is_open = connection.services.identities.is_open();
        if let (Asked::Rooms(request), None, true) = (&asked, connection.user(), is_open) {
            return list(connection, &**rooms, None, request).await;
        }
        let Some(user) = connection.user() else {
            let message = "this is for users with a nickname; take one first";
            return Err(Refusal::new(RefusalCode::NicknameRequired, message).into());
        };
        let desk = Desk { connection, rooms: &**rooms, user };
        match asked {
            Asked::Rooms(request) => {
                list(connection, desk.rooms, Some(desk.user.id), &request).await
            }
            Asked::Create(settings) => desk.create(settings).await,
            Asked::Change(settings) => desk.change(settings).await,
            Asked::Members(request) => desk.members(request).await,
            Asked::SetRole(set) => desk.set_role(set).await,
            Asked::Invite(invite) => desk.invite(invite).await,
            Asked::Accept(code) => desk.accept(&code).await,
            Asked::Revoke(revoke) => desk.revoke(revoke).await,
            Asked::Kick(kick) => desk.kick(kick).await,
            Asked::Sanction(kind, moderate) => desk.sanction(kind, moderate).await,
            Asked::Lift(moderate) => desk.lift(moderate).await,
            Asked::Log(request) => desk.log(request).await,
        }
    }

    async fn create(&self, settings: RoomSettings) -> Result<Answer, Failed> {
        let RoomSettings { room, topic, visibility, posting, .. } = settings;
        if let Some(record) = self.rooms.find_room(&room.key()).await? {
            // The answer to the first try may have been lost.
            if record.id == room && record.created_by == Some(self.user.id) {
                return self.show(&room).await;
            }
            return Err(refusal_of(Refused::RoomExists(record)).into());
        }
        self.permit(Action::Write(room.clone())).await?;
        let is_trusted = self.user.claims.role() >= Some(Role::Owner);
        if !is_trusted && room.key() == RoomId::general().key() {
            return Err(in_use().into());
        }
        let services = &self.connection.services;
        let bucket = services.new_rooms.as_ref().map(|all| all.of(&self.user.id));
        let of_address = services.new_rooms_from.as_ref();
        let buckets = [bucket, of_address.map(|all| all.of(&self.connection.source))];
        take_from_all(&buckets, "you have created many rooms; try again later")?;
        // Nobody makes a room of others the own one.
        if !is_trusted && services.log.has_room(&room.key()).await? {
            return Err(in_use().into());
        }
        let request = AccessRequest::CreateRoom {
            room: room.clone(),
            topic: topic.unwrap_or_default(),
            visibility: visibility.unwrap_or(Visibility::Public),
            posting: posting.unwrap_or(Posting::Everyone),
            owner: Some(self.user.id),
        };
        let made = self.apply(request, None).await;
        if made.is_err() {
            buckets.iter().flatten().for_each(|bucket| bucket.give_back(1));
        }
        made?;
        self.room_changed(&room).await;
        self.show(&room).await
    }

    async fn change(&self, settings: RoomSettings) -> Result<Answer, Failed> {
        let RoomSettings { room, topic, visibility, posting, .. } = settings;
        let governs = visibility.is_some() || posting.is_some();
        self.enters(&room).await?;
        let (_, role) = self.kept(&room).await?;
        let deed = if governs { Deed::Govern } else { Deed::Arrange };
        may(role, deed, None, false)?;
        let key = room.key();
        self.apply(AccessRequest::ChangeRoom { room: key, topic, visibility, posting }, None)
            .await?;
        self.room_changed(&room).await;
        self.show(&room).await
    }

    async fn members(&self, request: MembersRequest) -> Result<Answer, Failed> {
        let MembersRequest { room, after, limit, .. } = request;
        self.enters(&room).await?;
        self.permit(Action::SeeUsers(room.clone())).await?;
        let (record, _) = self.kept(&room).await?;
        let mut members = self.rooms.list_members(&room.key(), after, limit + 1).await?;
        let more = cut(&mut members, limit);
        let member = |it: chat_store::RoomMember| Member { user: Some(it.user), role: it.role };
        made(&Members::new(record.id, members.into_iter().map(member).collect(), more))
    }

    async fn set_role(&self, set: SetRole) -> Result<Answer, Failed> {
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

    async fn invite(&self, invite: Invite) -> Result<Answer, Failed> {
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

    async fn accept(&self, code: &LinkCode) -> Result<Answer, Failed> {
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

    async fn revoke(&self, revoke: RevokeInvitation) -> Result<Answer, Failed> {
        let RevokeInvitation { room, code, .. } = revoke;
        self.enters(&room).await?;
        let (_, role) = self.kept(&room).await?;
        may(role, Deed::Arrange, None, false)?;
        let request = AccessRequest::RevokeInvitation { room: room.key(), code: hash_of(&code) };
        made(&Moderated::new(self.apply(request, None).await?))
    }

    async fn kick(&self, kick: Kick) -> Result<Answer, Failed> {
        let Kick { room, nickname, reason, .. } = kick;
        let user = self.moderates(Some(&room), &nickname).await?;
        let request = AccessRequest::Kick { room: Some(room.key()), subject: Subject::User(user) };
        let number = self.make(request, reason).await?;
        if let Some(number) = number {
            self.connection.services.kicked(user, number).await;
        }
        made(&Moderated::new(number.is_some()))
    }

    async fn sanction(&self, kind: SanctionKind, moderate: Moderate) -> Result<Answer, Failed> {
        let Moderate { nickname, room, duration, reason, .. } = moderate;
        let user = self.moderates(room.as_ref(), &nickname).await?;
        let (room, subject) = (room.map(|room| room.key()), Subject::User(user));
        let until = duration.map(|duration| Timestamp::now().plus(duration));
        let request = AccessRequest::Sanction { key: SanctionKey { room, subject, kind }, until };
        let changed = self.apply(request, reason).await?;
        self.connection.services.access_changed(&AccessScope::User(user)).await;
        made(&Moderated::new(changed))
    }

    async fn lift(&self, moderate: Moderate) -> Result<Answer, Failed> {
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

    async fn log(&self, request: LogRequest) -> Result<Answer, Failed> {
        let LogRequest { room, before, limit, .. } = request;
        self.reaches(room.as_ref()).await?;
        may(self.role(room.as_ref()).await?, Deed::Moderate, None, false)?;
        let key = room.as_ref().map(RoomId::key);
        let before = before.map(AccessNumber::new);
        let mut changes = self.rooms.access_changes_before(before, key.as_ref(), limit + 1).await?;
        changes.reverse();
        let more = cut(&mut changes, limit);
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
                action: change.action,
                room: change.room.map(|room| room.as_str().to_owned()),
                user,
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
        nickname: &chat_core::Nickname,
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

    /// Returns the role of this user in a room, which need not be kept, or everywhere.
    async fn role(&self, room: Option<&RoomId>) -> Result<Option<Role>, StoreError> {
        let of_token = self.user.claims.role();
        Ok(match room {
            Some(room) => of_token.max(self.role_in(room, self.user.id).await?),
            // A token for some rooms is one for nothing else.
            None => of_token.filter(|_| self.user.claims.rooms.is_none()),
        })
    }

    async fn role_in(&self, room: &RoomId, user: UserId) -> Result<Option<Role>, StoreError> {
        let access = self.rooms.find_access(&room.key(), Some(user)).await?;
        Ok(access.and_then(|access| access.role))
    }

    /// Returns a room that is kept, and the role of this user there.
    async fn kept(&self, room: &RoomId) -> Result<(RoomRecord, Option<Role>), Failed> {
        let access = self.rooms.find_access(&room.key(), Some(self.user.id)).await?;
        let RoomAccess { room, role, .. } = access.ok_or_else(unknown_room)?;
        Ok((room, role.max(self.user.claims.role())))
    }

    async fn show(&self, room: &RoomId) -> Result<Answer, Failed> {
        let access = self.rooms.find_access(&room.key(), Some(self.user.id)).await?;
        made(&shown(self.connection, access.ok_or(Failed::Store)?))
    }

    /// Checks that the user may be in a room: a role in it is of no use to somebody who is banned from there, or whose
    /// token is for other rooms.
    async fn enters(&self, room: &RoomId) -> Result<(), Failed> {
        self.permit(Action::Read(room.clone())).await
    }

    /// Checks that the user may be in a room, or for none, in the chat.
    async fn reaches(&self, room: Option<&RoomId>) -> Result<(), Failed> {
        self.permit(room.map_or(Action::Connect, |room| Action::Read(room.clone()))).await
    }

    async fn permit(&self, action: Action) -> Result<(), Failed> {
        match self.connection.permit(&[action]).await {
            Ok(_grant) => Ok(()),
            Err(denied) => Err(denied.into()),
        }
    }

    /// Makes a change in the name of this user, and returns whether it has changed anything.
    async fn apply(&self, request: AccessRequest, reason: Option<Reason>) -> Result<bool, Failed> {
        Ok(self.make(request, reason).await?.is_some())
    }

    /// Makes a change in the name of this user, and returns its number if it has changed anything.
    async fn make(
        &self,
        request: AccessRequest,
        reason: Option<Reason>,
    ) -> Result<Option<AccessNumber>, Failed> {
        let changes = self.connection.services.access_rate.as_ref();
        let bucket = changes.map(|all| all.of(&self.user.id));
        take_from_all(&[bucket], "you have changed much; try again later")?;
        let change = NewAccessChange::new(request, Timestamp::now()).with_by(self.user.id);
        let change = match reason {
            Some(reason) => change.with_reason(reason),
            None => change,
        };
        match self.rooms.change_access(&change).await? {
            AccessChanged::Yes(number) => Ok(Some(number)),
            AccessChanged::Unchanged => Ok(None),
            AccessChanged::No(refused) => Err(refusal_of(refused).into()),
        }
    }

    async fn room_changed(&self, room: &RoomId) {
        self.connection.services.access_changed(&AccessScope::Room(room.clone())).await;
    }
}

/// Takes one from each bucket, or nothing from any.
fn take_from_all(buckets: &[Option<Arc<Bucket>>], message: &str) -> Result<(), Refusal> {
    let mut taken: Vec<&Bucket> = Vec::with_capacity(buckets.len());
    for bucket in buckets.iter().flatten() {
        if let Err(wait) = bucket.take(1) {
            taken.iter().for_each(|bucket| bucket.give_back(1));
            return Err(Refusal::slow_down(message, wait));
        }
        taken.push(bucket);
    }
    Ok(())
}

/// Lists rooms, also for somebody without a nickname where registration is open.
async fn list(
    connection: &Connection,
    rooms: &dyn RoomStore,
    user: Option<UserId>,
    request: &RoomsRequest,
) -> Result<Answer, Failed> {
    let after = request.after.as_ref().map(RoomId::key);
    let mut found = rooms.list_rooms(user, after.as_ref(), request.limit + 1).await?;
    let more = cut(&mut found, request.limit);
    let mut found: Vec<_> = found.into_iter().map(|it| shown(connection, it)).collect();
    if let (true, Some(user)) = (request.unread, user) {
        count_unread(connection, user, &mut found).await?;
    }
    made(&Rooms::new(found, more))
}

/// Counts what a user has not read in rooms where the connection is, or of which the user is a member.
async fn count_unread(
    connection: &Connection,
    user: UserId,
    rooms: &mut [KeptRoom],
) -> Result<(), StoreError> {
    let Services { reading, log, .. } = &connection.services;
    let Some(reading) = reading else { return Ok(()) };
    let read = reading.of_user(user, MAX_POSITIONS).await?;
    for room in rooms {
        if room.role.is_some() || connection.position.is_in(&room.room) {
            let feed = Feed::Room(room.room.clone());
            let read = read.get(&feed).copied().unwrap_or_default();
            room.unread = Some(log.count_after(&feed, read, Unread::MAX_COUNT).await?);
        }
    }
    Ok(())
}

/// Cuts a page that was read with one item more than it may have, and returns whether it had that.
fn cut<T>(page: &mut Vec<T>, limit: usize) -> bool {
    let more = page.len() > limit;
    page.truncate(limit);
    more
}

fn shown(connection: &Connection, RoomAccess { room, role, .. }: RoomAccess) -> KeptRoom {
    let users = connection.services.presence.count(&room.id);
    let RoomRecord { id, topic, visibility, posting, members, .. } = room;
    KeptRoom { room: id, topic, visibility, posting, users, members, role, unread: None }
}

fn hash_of(code: &LinkCode) -> InvitationCode {
    InvitationCode(crate::engine::users::hash_of_code("invitation", code))
}

fn in_use() -> Refusal {
    let message = "this room is in use; those who run the chat can make it one that is kept";
    Refusal::new(RefusalCode::Forbidden, message)
}

fn unknown_room() -> Refusal {
    let message = "this room is not kept; create it first";
    Refusal::new(RefusalCode::UnknownRoom, message)
}

fn refusal_of(refused: Refused) -> Refusal {
    match refused {
        Refused::RoomExists(room) => {
            let message = format!("there is a room with this name: {}", room.id);
            Refusal::new(RefusalCode::RoomExists, message)
        }
        Refused::NoRoom => unknown_room(),
        Refused::LastOwner => {
            let message = "the room would have no owner; make somebody else one first";
            Refusal::new(RefusalCode::LastOwner, message)
        }
        Refused::InvitationUnknown
        | Refused::InvitationExpired
        | Refused::InvitationUsedUp
        | Refused::InvitationRedeemed => {
            let message = "this invitation is wrong, was used up, or is too old";
            Refusal::new(RefusalCode::InvalidCode, message)
        }
        Refused::NotMember => {
            Refusal::new(RefusalCode::InvalidArguments, "the user is no member of this room")
        }
        _ => Refusal::new(RefusalCode::QuotaExceeded, "there are as many as there may be"),
    }
}

fn made(answer: &impl Serialize) -> Result<Answer, Failed> {
    match to_raw_value(answer) {
        Ok(json) => Ok(Answer::Made(json.into())),
        Err(error) => {
            tracing::error!("an answer cannot be serialised: {error}");
            Err(Failed::Store)
        }
    }
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Denied> for Failed {
    fn from(denied: Denied) -> Self {
        Self::Refused(denied.into())
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        tracing::debug!("rooms could not be read or changed: {error}");
        Self::Store
    }
}

impl From<IdentityError> for Failed {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::Refused(refusal) => Self::Refused(refusal),
            IdentityError::Store(_) => Self::Store,
        }
    }
}

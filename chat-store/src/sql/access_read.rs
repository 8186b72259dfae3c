//! Reads rooms, members, invitations, sanctions and the log of their changes.

use chat_core::{RoomKey, Timestamp, UserId};

use super::Connection;
use crate::sql::access_rows::{
    self as rows, ChangeRow, InvitationRow, MemberRow, RoomRow, SanctionRow,
};
use crate::sql::rows::at_most;
use crate::{
    AccessChange, AccessNumber, Invitation, InvitationCode, RoomAccess, RoomMember, RoomViewer,
    Sanction, SanctionKey, Subject,
};

/// A room, and the role of a user in it.
pub(super) const FIND: &str = "
    SELECT name, topic, visibility, posting, created_by, created_at, owners, members, role
    FROM chat_rooms LEFT JOIN chat_members ON room = key AND user_id = $2
    WHERE key = $1";

/// The next public rooms and the next private ones of a user, each by an index, and the first of both. Without a join
/// that might go through all private rooms.
pub(super) const LIST_ROOMS: &str = "
    SELECT name, topic, visibility, posting, created_by, created_at, owners, members, role
    FROM (
        SELECT found FROM (
            SELECT key AS found FROM chat_rooms
            WHERE visibility = 'public' AND key > $2 ORDER BY key LIMIT $3
        ) AS public_rooms
        UNION ALL
        SELECT found FROM (
            SELECT room AS found FROM chat_members WHERE user_id = $1 AND room > $2
            AND (SELECT visibility FROM chat_rooms WHERE key = room) = 'private'
            ORDER BY room LIMIT $3
        ) AS private_rooms
    ) AS visible
    JOIN chat_rooms ON key = found
    LEFT JOIN chat_members ON room = found AND user_id = $1
    ORDER BY found LIMIT $3";

pub(super) const LIST_ALL_ROOMS: &str = "
    SELECT name, topic, visibility, posting, created_by, created_at, owners, members, NULL AS role
    FROM chat_rooms WHERE visibility <> 'deleted' AND key > $1 ORDER BY key LIMIT $2";

pub(super) const MEMBER: &str =
    "SELECT user_id, role, since FROM chat_members WHERE room = $1 AND user_id = $2";

pub(super) const LIST_MEMBERS: &str = "
    SELECT user_id, role, since FROM chat_members
    WHERE room = $1 AND user_id > $2 ORDER BY user_id LIMIT $3";

pub(super) const INVITATION: &str = "
    SELECT code, room, expires_at, uses_left, created_by, created_at FROM chat_invitations
    WHERE code = $1";

pub(super) const LIST_INVITATIONS: &str = "
    SELECT code, room, expires_at, uses_left, created_by, created_at FROM chat_invitations
    WHERE room = $1 AND expires_at > $2 ORDER BY expires_at, code LIMIT $3";

pub(super) const SANCTION: &str = "
    SELECT subject, kind, room, until, imposed_by, imposed_at, reason FROM chat_sanctions
    WHERE subject = $1 AND kind = $2 AND room = $3";

pub(super) const LIST_SANCTIONS: &str = "
    SELECT subject, kind, room, until, imposed_by, imposed_at, reason FROM chat_sanctions
    WHERE room = $1 AND (until IS NULL OR until > $2) AND (subject, kind) > ($3, $4)
    ORDER BY subject, kind LIMIT $5";

pub(super) const TAIL: &str = "SELECT coalesce(max(number), 0) FROM chat_access_log";

pub(super) const AFTER: &str = "
    SELECT number, at, changed_by, action, room, subject, role, until, reason FROM chat_access_log
    WHERE number > $1 ORDER BY number LIMIT $2";

pub(super) const BEFORE: &str = "
    SELECT number, at, changed_by, action, room, subject, role, until, reason FROM chat_access_log
    WHERE number < $1 ORDER BY number DESC LIMIT $2";

pub(super) const BEFORE_IN_ROOM: &str = "
    SELECT number, at, changed_by, action, room, subject, role, until, reason FROM chat_access_log
    WHERE number < $1 AND room = $3 ORDER BY number DESC LIMIT $2";

pub(super) async fn find(
    connection: &mut Connection,
    room: &RoomKey,
    user: Option<UserId>,
) -> Result<Option<RoomAccess>, sqlx::Error> {
    let find = sqlx::query_as(FIND).bind(room.as_str().to_owned()).bind(user.map(UserId::as_i64));
    let row: Option<RoomRow> = find.fetch_optional(connection).await?;
    row.map(rows::access).transpose()
}

pub(super) async fn list_rooms(
    connection: &mut Connection,
    viewer: RoomViewer,
    after: Option<&RoomKey>,
    limit: usize,
) -> Result<Vec<RoomAccess>, sqlx::Error> {
    let after = after.map_or("", RoomKey::as_str).to_owned();
    let list = match viewer {
        RoomViewer::Operator => sqlx::query_as(LIST_ALL_ROOMS).bind(after),
        viewer => sqlx::query_as(LIST_ROOMS).bind(viewer.user().map(UserId::as_i64)).bind(after),
    };
    let list = list.bind(at_most(limit));
    rows::all::<RoomRow, _>(list.fetch_all(connection).await?, rows::access)
}

pub(super) async fn member(
    connection: &mut Connection,
    room: &RoomKey,
    user: UserId,
) -> Result<Option<RoomMember>, sqlx::Error> {
    let find = sqlx::query_as(MEMBER).bind(room.as_str().to_owned()).bind(user.as_i64());
    let row: Option<MemberRow> = find.fetch_optional(connection).await?;
    row.map(rows::member).transpose()
}

pub(super) async fn list_members(
    connection: &mut Connection,
    room: &RoomKey,
    after: Option<UserId>,
    limit: usize,
) -> Result<Vec<RoomMember>, sqlx::Error> {
    let list = sqlx::query_as(LIST_MEMBERS)
        .bind(room.as_str().to_owned())
        .bind(after.map_or(i64::MIN, UserId::as_i64))
        .bind(at_most(limit));
    rows::all::<MemberRow, _>(list.fetch_all(connection).await?, rows::member)
}

pub(super) async fn invitation(
    connection: &mut Connection,
    code: InvitationCode,
) -> Result<Option<Invitation>, sqlx::Error> {
    let find = sqlx::query_as(INVITATION).bind(code.0.to_vec());
    let row: Option<InvitationRow> = find.fetch_optional(connection).await?;
    row.map(rows::invitation).transpose()
}

pub(super) async fn list_invitations(
    connection: &mut Connection,
    room: &RoomKey,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Invitation>, sqlx::Error> {
    let list = sqlx::query_as(LIST_INVITATIONS)
        .bind(room.as_str().to_owned())
        .bind(now.as_millis())
        .bind(at_most(limit));
    rows::all::<InvitationRow, _>(list.fetch_all(connection).await?, rows::invitation)
}

pub(super) async fn sanction(
    connection: &mut Connection,
    key: &SanctionKey,
) -> Result<Option<Sanction>, sqlx::Error> {
    let find = sqlx::query_as(SANCTION)
        .bind(key.subject.to_string())
        .bind(key.kind.as_str())
        .bind(rows::scope(key.room.as_ref()));
    let row: Option<SanctionRow> = find.fetch_optional(connection).await?;
    row.map(rows::sanction).transpose()
}

pub(super) async fn list_sanctions(
    connection: &mut Connection,
    room: Option<&RoomKey>,
    now: Timestamp,
    after: Option<&SanctionKey>,
    limit: usize,
) -> Result<Vec<Sanction>, sqlx::Error> {
    let list = sqlx::query_as(LIST_SANCTIONS)
        .bind(rows::scope(room))
        .bind(now.as_millis())
        .bind(after.map(|key| key.subject.to_string()).unwrap_or_default())
        .bind(after.map_or("", |key| key.kind.as_str()))
        .bind(at_most(limit));
    rows::all::<SanctionRow, _>(list.fetch_all(connection).await?, rows::sanction)
}

/// Returns the subjects whose sanctions hold for a user at these addresses, as a table has them.
pub(super) fn subjects(user: Option<UserId>, addresses: &[&str]) -> Vec<String> {
    let user = user.map(Subject::User);
    let addresses = addresses.iter().map(|&address| Subject::Address(address.to_owned()));
    user.into_iter().chain(addresses).map(|subject| subject.to_string()).collect()
}

pub(super) async fn tail(connection: &mut Connection) -> Result<AccessNumber, sqlx::Error> {
    rows::number(sqlx::query_scalar(TAIL).fetch_one(connection).await?)
}

pub(super) async fn changes_after(
    connection: &mut Connection,
    after: AccessNumber,
    limit: usize,
) -> Result<Vec<AccessChange>, sqlx::Error> {
    let read = sqlx::query_as(AFTER).bind(position(after)).bind(at_most(limit));
    rows::all::<ChangeRow, _>(read.fetch_all(connection).await?, rows::change)
}

pub(super) async fn changes_before(
    connection: &mut Connection,
    before: Option<AccessNumber>,
    room: Option<&RoomKey>,
    limit: usize,
) -> Result<Vec<AccessChange>, sqlx::Error> {
    let sql = if room.is_some() { BEFORE_IN_ROOM } else { BEFORE };
    let read = sqlx::query_as(sql).bind(before.map_or(i64::MAX, position)).bind(at_most(limit));
    let read = match room {
        Some(room) => read.bind(room.as_str().to_owned()),
        None => read,
    };
    let mut changes = rows::all::<ChangeRow, _>(read.fetch_all(connection).await?, rows::change)?;
    changes.reverse();
    Ok(changes)
}

fn position(number: AccessNumber) -> i64 {
    i64::try_from(number.as_u64()).unwrap_or(i64::MAX)
}

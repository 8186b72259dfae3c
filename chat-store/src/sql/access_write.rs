//! Makes a change, inside of a transaction during which nobody else makes one.

use chat_core::{Reason, Role, RoomKey, Timestamp, UserId};

use super::{Connection, access_read as read};
use crate::access::{MAX_SWEPT_ACCESS, MAX_SWEPT_LOG};
use crate::sql::access_rows as rows;
use crate::{
    AccessChange, AccessChanged, AccessLimit, AccessNumber, AccessState, AccessWrite, Decided,
    Invitation, InvitationCode, NewAccessChange, RoomMember, RoomRecord, Sanction, SanctionKey,
    Subject,
};

pub(super) const COUNT_ROOMS: &str =
    "SELECT count(*) FROM (SELECT 1 FROM chat_rooms LIMIT $1) AS counted";

pub(super) const COUNT_INVITATIONS: &str = "
    SELECT count(*) FROM (
        SELECT 1 FROM chat_invitations WHERE room = $2 AND expires_at > $3 LIMIT $1
    ) AS counted";

pub(super) const COUNT_SANCTIONS: &str = "
    SELECT count(*) FROM (
        SELECT 1 FROM chat_sanctions WHERE room = $2 AND (until IS NULL OR until > $3) LIMIT $1
    ) AS counted";

pub(super) const REDEEMED: &str =
    "SELECT count(*) FROM chat_redeemed WHERE code = $1 AND user_id = $2";

const PUT_ROOM: &str = "
    INSERT INTO chat_rooms
        (key, name, topic, visibility, posting, created_by, created_at, owners, members)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (key) DO UPDATE SET
        topic = excluded.topic, visibility = excluded.visibility, posting = excluded.posting,
        owners = excluded.owners, members = excluded.members";

const PUT_MEMBER: &str = "
    INSERT INTO chat_members (room, user_id, role, since) VALUES ($1, $2, $3, $4)
    ON CONFLICT (room, user_id) DO UPDATE SET role = excluded.role, since = excluded.since";

pub(super) const DELETE_MEMBER: &str = "DELETE FROM chat_members WHERE room = $1 AND user_id = $2";

const PUT_INVITATION: &str = "
    INSERT INTO chat_invitations (code, room, expires_at, uses_left, created_by, created_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (code) DO UPDATE SET uses_left = excluded.uses_left";

pub(super) const DELETE_INVITATION: [&str; 2] =
    ["DELETE FROM chat_redeemed WHERE code = $1", "DELETE FROM chat_invitations WHERE code = $1"];

const PUT_REDEEMED: &str = "
    INSERT INTO chat_redeemed (code, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";

const PUT_SANCTION: &str = "
    INSERT INTO chat_sanctions (subject, kind, room, until, imposed_by, imposed_at, reason)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (subject, kind, room) DO UPDATE SET
        until = excluded.until, imposed_by = excluded.imposed_by,
        imposed_at = excluded.imposed_at, reason = excluded.reason";

pub(super) const DELETE_SANCTION: &str =
    "DELETE FROM chat_sanctions WHERE subject = $1 AND kind = $2 AND room = $3";

const LOG: &str = "
    INSERT INTO chat_access_log
        (number, at, changed_by, action, room, subject, role, until, reason)
    VALUES (
        (SELECT coalesce(max(number), 0) + 1 FROM chat_access_log),
        $1, $2, $3, $4, $5, $6, $7, $8)
    RETURNING number";

/// Deletes invitations that have expired, by whom they were redeemed first, and sanctions that have ended.
pub(super) const SWEEP: [&str; 3] = [
    "DELETE FROM chat_redeemed WHERE code IN (
        SELECT code FROM chat_invitations WHERE expires_at <= $1 ORDER BY expires_at, code LIMIT $2
    )",
    "DELETE FROM chat_invitations WHERE code IN (
        SELECT code FROM chat_invitations WHERE expires_at <= $1 ORDER BY expires_at, code LIMIT $2
    )",
    "DELETE FROM chat_sanctions WHERE (subject, kind, room) IN (
        SELECT subject, kind, room FROM chat_sanctions WHERE until <= $1 ORDER BY until LIMIT $2
    )",
];

/// Looks at the oldest entries only, so that it costs little when none is old enough.
pub(super) const SWEEP_LOG: &str = "
    DELETE FROM chat_access_log WHERE number IN (
        SELECT number FROM (SELECT number, at FROM chat_access_log
            WHERE number < (SELECT max(number) FROM chat_access_log)
            ORDER BY number LIMIT $2) AS oldest
        WHERE at < $1)";

/// Makes a change and logs it, if it can be made.
pub(super) async fn change(
    connection: &mut Connection,
    change: &NewAccessChange,
) -> Result<AccessChanged, sqlx::Error> {
    let state = state(connection, change).await?;
    let steps = match change.decide(&state) {
        Ok(Decided::Change(steps)) => steps,
        Ok(Decided::Unchanged) => return Ok(AccessChanged::Unchanged),
        Err(refused) => return Ok(AccessChanged::No(refused)),
    };
    for step in steps {
        write(connection, step).await?;
    }
    let entry = change.entry(AccessNumber::ZERO, &state);
    Ok(AccessChanged::Yes(log(connection, &entry).await?))
}

/// Deletes what has ended, up to a limit of each kind, and returns how many invitations and sanctions that was.
pub(super) async fn sweep(
    connection: &mut Connection,
    now: Timestamp,
) -> Result<usize, sqlx::Error> {
    let mut swept = 0;
    for (delete, is_counted) in SWEEP.into_iter().zip([false, true, true]) {
        let delete = sqlx::query(delete).bind(now.as_millis()).bind(MAX_SWEPT_ACCESS as i64);
        let deleted = delete.execute(&mut *connection).await?.rows_affected();
        // Never more than the limit.
        swept += usize::try_from(deleted).map_or(0, |deleted| if is_counted { deleted } else { 0 });
    }
    Ok(swept)
}

/// Deletes old entries of the log, up to a limit, and returns how many.
pub(super) async fn sweep_log(
    connection: &mut Connection,
    before: Timestamp,
) -> Result<usize, sqlx::Error> {
    let delete = sqlx::query(SWEEP_LOG).bind(before.as_millis()).bind(MAX_SWEPT_LOG as i64);
    // Never more than the limit.
    delete.execute(connection).await.map(|deleted| deleted.rows_affected() as usize)
}

/// Reads what bears on a change.
async fn state(
    connection: &mut Connection,
    change: &NewAccessChange,
) -> Result<AccessState, sqlx::Error> {
    let request = &change.request;
    let mut state = AccessState::default();
    if let Some(code) = request.code() {
        state.invitation = read::invitation(connection, code).await?;
        if let Some(user) = request.member() {
            state.is_redeemed = is_redeemed(connection, code, user).await?;
        }
    }
    let room = request.room().or_else(|| state.invitation.as_ref().map(|one| one.room.clone()));
    if let Some(room) = &room {
        state.room = read::find(connection, room, None).await?.map(|access| access.room);
        if let Some(user) = request.member() {
            state.member = read::member(connection, room, user).await?;
        }
    }
    if let Some(key) = request.sanction() {
        state.sanction = read::sanction(connection, key).await?;
    }
    if let Some(limit) = request.counted() {
        state.count = count(connection, limit, room.as_ref(), change).await?;
    }
    Ok(state)
}

async fn is_redeemed(
    connection: &mut Connection,
    code: InvitationCode,
    user: UserId,
) -> Result<bool, sqlx::Error> {
    let count = sqlx::query_scalar(REDEEMED).bind(code.0.to_vec()).bind(user.as_i64());
    let count: i64 = count.fetch_one(connection).await?;
    Ok(count > 0)
}

/// Counts up to the limit.
async fn count(
    connection: &mut Connection,
    limit: AccessLimit,
    room: Option<&RoomKey>,
    change: &NewAccessChange,
) -> Result<u32, sqlx::Error> {
    let sql = match limit {
        AccessLimit::Rooms => COUNT_ROOMS,
        AccessLimit::Invitations => COUNT_INVITATIONS,
        AccessLimit::Sanctions => COUNT_SANCTIONS,
        // The room and the request say how many there are.
        AccessLimit::Members | AccessLimit::Uses => return Ok(0),
    };
    let count = sqlx::query_scalar(sql).bind(i64::from(change.limits.of(limit)));
    let count = match limit {
        AccessLimit::Rooms => count,
        _ => count.bind(rows::scope(room)).bind(change.at.as_millis()),
    };
    rows::count(count.fetch_one(connection).await?)
}

async fn write(connection: &mut Connection, step: AccessWrite) -> Result<(), sqlx::Error> {
    match step {
        AccessWrite::PutRoom(room) => put_room(connection, room).await,
        AccessWrite::PutMember(room, member) => put_member(connection, &room, member).await,
        AccessWrite::DeleteMember(room, user) => {
            let delete = sqlx::query(DELETE_MEMBER).bind(room.as_str().to_owned());
            delete.bind(user.as_i64()).execute(connection).await.map(drop)
        }
        AccessWrite::PutInvitation(invitation) => put_invitation(connection, invitation).await,
        AccessWrite::DeleteInvitation(code) => {
            for delete in DELETE_INVITATION {
                sqlx::query(delete).bind(code.0.to_vec()).execute(&mut *connection).await?;
            }
            Ok(())
        }
        AccessWrite::PutRedeemed(code, user) => {
            let put = sqlx::query(PUT_REDEEMED).bind(code.0.to_vec()).bind(user.as_i64());
            put.execute(connection).await.map(drop)
        }
        AccessWrite::PutSanction(sanction) => put_sanction(connection, sanction).await,
        AccessWrite::DeleteSanction(key) => delete_sanction(connection, &key).await,
    }
}

async fn put_room(connection: &mut Connection, room: RoomRecord) -> Result<(), sqlx::Error> {
    let put = sqlx::query(PUT_ROOM)
        .bind(room.id.key().as_str().to_owned())
        .bind(room.id.as_str().to_owned())
        .bind(room.topic.as_str().to_owned())
        .bind(room.visibility.as_str())
        .bind(room.posting.as_str())
        .bind(room.created_by.map(UserId::as_i64))
        .bind(room.created_at.as_millis())
        .bind(i64::from(room.owners))
        .bind(i64::from(room.members));
    put.execute(connection).await.map(drop)
}

async fn put_member(
    connection: &mut Connection,
    room: &RoomKey,
    member: RoomMember,
) -> Result<(), sqlx::Error> {
    let put = sqlx::query(PUT_MEMBER)
        .bind(room.as_str().to_owned())
        .bind(member.user.as_i64())
        .bind(member.role.as_str())
        .bind(member.since.as_millis());
    put.execute(connection).await.map(drop)
}

async fn put_invitation(
    connection: &mut Connection,
    invitation: Invitation,
) -> Result<(), sqlx::Error> {
    let put = sqlx::query(PUT_INVITATION)
        .bind(invitation.code.0.to_vec())
        .bind(invitation.room.as_str().to_owned())
        .bind(invitation.expires_at.as_millis())
        .bind(i64::from(invitation.uses_left))
        .bind(invitation.created_by.map(UserId::as_i64))
        .bind(invitation.created_at.as_millis());
    put.execute(connection).await.map(drop)
}

async fn put_sanction(connection: &mut Connection, sanction: Sanction) -> Result<(), sqlx::Error> {
    let put = sqlx::query(PUT_SANCTION)
        .bind(sanction.key.subject.to_string())
        .bind(sanction.key.kind.as_str())
        .bind(rows::scope(sanction.key.room.as_ref()))
        .bind(sanction.until.map(Timestamp::as_millis))
        .bind(sanction.by.map(UserId::as_i64))
        .bind(sanction.at.as_millis())
        .bind(sanction.reason.as_ref().map(Reason::as_str).map(str::to_owned));
    put.execute(connection).await.map(drop)
}

async fn delete_sanction(
    connection: &mut Connection,
    key: &SanctionKey,
) -> Result<(), sqlx::Error> {
    let delete = sqlx::query(DELETE_SANCTION)
        .bind(key.subject.to_string())
        .bind(key.kind.as_str())
        .bind(rows::scope(key.room.as_ref()));
    delete.execute(connection).await.map(drop)
}

/// Adds an entry to the log, and returns its number.
async fn log(
    connection: &mut Connection,
    entry: &AccessChange,
) -> Result<AccessNumber, sqlx::Error> {
    let log = sqlx::query_scalar(LOG)
        .bind(entry.at.as_millis())
        .bind(entry.by.map(UserId::as_i64))
        .bind(entry.action.as_str())
        .bind(entry.room.as_ref().map(RoomKey::as_str).map(str::to_owned))
        .bind(entry.subject.as_ref().map(Subject::to_string))
        .bind(entry.role.map(Role::as_str))
        .bind(entry.until.map(Timestamp::as_millis))
        .bind(entry.reason.as_ref().map(Reason::as_str).map(str::to_owned));
    rows::number(log.fetch_one(connection).await?)
}

//! Rows of the tables of rooms as values. SQLite and PostgreSQL have the same tables.

use std::str::FromStr;

use chat_core::{Reason, RoomId, RoomKey, Timestamp, Topic, UserId};

use crate::{
    AccessChange, AccessNumber, Invitation, InvitationCode, RoomAccess, RoomMember, RoomRecord,
    Sanction, SanctionKey, Subject,
};

/// `name, topic, visibility, posting, created_by, created_at, owners, members, role`.
pub(crate) type RoomRow =
    (String, String, String, String, Option<i64>, i64, i64, i64, Option<String>);

/// `user_id, role, since`.
pub(crate) type MemberRow = (i64, String, i64);

/// `code, room, expires_at, uses_left, created_by, created_at`.
pub(crate) type InvitationRow = (Vec<u8>, String, i64, i64, Option<i64>, i64);

/// `subject, kind, room, until, imposed_by, imposed_at, reason`.
pub(crate) type SanctionRow =
    (String, String, String, Option<i64>, Option<i64>, i64, Option<String>);

/// `number, at, changed_by, action, room, subject, role, until, reason`.
pub(crate) type ChangeRow = (
    i64,
    i64,
    Option<i64>,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<String>,
);

pub(crate) fn access(row: RoomRow) -> Result<RoomAccess, sqlx::Error> {
    let (name, topic, visibility, posting, created_by, created_at, owners, members, role) = row;
    let room = RoomRecord {
        id: RoomId::from_stored(name),
        topic: Topic::from_stored(topic),
        visibility: named(&visibility)?,
        posting: named(&posting)?,
        created_by: created_by.map(UserId::from_stored),
        created_at: Timestamp::from_millis(created_at),
        owners: count(owners)?,
        members: count(members)?,
    };
    Ok(RoomAccess { room, role: role.map(|role| named(&role)).transpose()? })
}

pub(crate) fn member((user, role, since): MemberRow) -> Result<RoomMember, sqlx::Error> {
    let (user, since) = (UserId::from_stored(user), Timestamp::from_millis(since));
    Ok(RoomMember { user, role: named(&role)?, since })
}

pub(crate) fn invitation(row: InvitationRow) -> Result<Invitation, sqlx::Error> {
    let (code, room, expires_at, uses_left, created_by, created_at) = row;
    let code = code.try_into().map_err(|_| undecodable("a code of another length".into()))?;
    Ok(Invitation {
        code: InvitationCode(code),
        room: RoomKey::from_stored(room),
        expires_at: Timestamp::from_millis(expires_at),
        uses_left: count(uses_left)?,
        created_by: created_by.map(UserId::from_stored),
        created_at: Timestamp::from_millis(created_at),
    })
}

pub(crate) fn sanction(row: SanctionRow) -> Result<Sanction, sqlx::Error> {
    let (subject, kind, room, until, by, at, reason) = row;
    let room = Some(room).filter(|room| !room.is_empty()).map(RoomKey::from_stored);
    Ok(Sanction {
        key: SanctionKey { room, subject: self::subject(&subject)?, kind: named(&kind)? },
        until: until.map(Timestamp::from_millis),
        by: by.map(UserId::from_stored),
        at: Timestamp::from_millis(at),
        reason: reason.map(Reason::from_stored),
    })
}

pub(crate) fn change(row: ChangeRow) -> Result<AccessChange, sqlx::Error> {
    let (number, at, by, action, room, subject, role, until, reason) = row;
    Ok(AccessChange {
        number: self::number(number)?,
        at: Timestamp::from_millis(at),
        by: by.map(UserId::from_stored),
        action: named(&action)?,
        room: room.map(RoomKey::from_stored),
        subject: subject.map(|subject| self::subject(&subject)).transpose()?,
        role: role.map(|role| named(&role)).transpose()?,
        until: until.map(Timestamp::from_millis),
        reason: reason.map(Reason::from_stored),
    })
}

pub(crate) fn number(number: i64) -> Result<AccessNumber, sqlx::Error> {
    let number = u64::try_from(number).map_err(|error| undecodable(error.into()))?;
    Ok(AccessNumber::new(number))
}

pub(crate) fn count(number: i64) -> Result<u32, sqlx::Error> {
    u32::try_from(number).map_err(|error| undecodable(error.into()))
}

/// Reads all rows.
pub(crate) fn all<Row, T>(
    rows: Vec<Row>,
    read: impl Fn(Row) -> Result<T, sqlx::Error>,
) -> Result<Vec<T>, sqlx::Error> {
    rows.into_iter().map(read).collect()
}

/// The room of a sanction as a table has it: empty for everywhere.
pub(crate) fn scope(room: Option<&RoomKey>) -> String {
    room.map_or("", RoomKey::as_str).to_owned()
}

fn subject(text: &str) -> Result<Subject, sqlx::Error> {
    Subject::from_stored(text).ok_or_else(|| undecodable("an unknown kind of subject".into()))
}

fn named<T: FromStr<Err = chat_core::ParseError>>(text: &str) -> Result<T, sqlx::Error> {
    text.parse().map_err(|error: chat_core::ParseError| undecodable(error.into()))
}

fn undecodable(error: sqlx::error::BoxDynError) -> sqlx::Error {
    sqlx::Error::Decode(error)
}

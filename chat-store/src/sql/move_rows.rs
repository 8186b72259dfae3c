//! Exports and imports: the statements of both SQL stores.

use std::io::{BufRead, Write};

use chat_core::Epoch;
use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, Connection as _, QueryBuilder};

use super::error::Place;
use super::{Connection, move_statements as own, schema};
use crate::StoreError;
use crate::dump::{Column, Header, Kept, MoveError, Rows, TABLES, Table, Type};
use crate::import_mark::IMPORT_MARK;

/// How many rows are stored with one statement and one commit.
const ROWS: usize = 500;

const FIND_MARK: &str = concat!("SELECT state FROM ", own::sessions!(), " WHERE key = $1");

const SET_MARK: &str = concat!(
    "INSERT INTO ",
    own::sessions!(),
    " (key, state, expires_at) VALUES ($1, $2, 9223372036854775807)
    ON CONFLICT (key) DO UPDATE SET state = excluded.state"
);

const REMOVE_MARK: &str = concat!("DELETE FROM ", own::sessions!(), " WHERE key = $1");

/// Checks that there is a log whose tables are those of this version.
pub(super) async fn check_current(
    connection: &mut Connection,
    place: &Place,
) -> Result<(), StoreError> {
    const OTHER: &str = "has no log of this version; start this version's server with it first";
    let is_current = schema::version(connection, place).await? == schema::MIGRATIONS.len();
    if is_current { Ok(()) } else { Err(place.corrupt(OTHER)) }
}

/// Writes everything, as it is at one moment.
pub(super) async fn export(
    connection: &mut Connection,
    to: &mut (dyn Write + Send),
    progress: &mut (dyn FnMut(u64, u64) + Send),
    failed: &(dyn Fn(sqlx::Error) -> MoveError + Sync),
) -> Result<(), MoveError> {
    let mut transaction = own::begin_reading(connection).await.map_err(failed)?;
    let header = header(&mut transaction).await.map_err(failed)?;
    let mut text = serde_json::to_string(&header).map_err(std::io::Error::from)?;
    text.push('\n');
    to.write_all(text.as_bytes())?;
    let (mut done, all) = (1, header.lines());
    for table in &TABLES {
        let columns: Vec<_> = table.columns.iter().map(own::selected).collect();
        let select = format!(
            "SELECT {} FROM {} ORDER BY {}",
            columns.join(", "),
            own::name(table),
            table.order
        );
        let mut rows = sqlx::query(AssertSqlSafe(select)).fetch(&mut *transaction);
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            let kept = table.columns.iter().enumerate();
            let kept = kept.map(|(index, column)| own::kept(&row, index, column));
            let kept = kept.collect::<Result<Vec<_>, _>>().map_err(failed)?;
            to.write_all(table.line(&kept).as_bytes())?;
            done += 1;
            progress(done, all);
        }
    }
    to.flush()?;
    transaction.rollback().await.map_err(failed)
}

async fn header(connection: &mut Connection) -> Result<Header, sqlx::Error> {
    let (epoch, tail, horizon, wiped, plain_keys_upto): (String, i64, i64, i64, Option<i64>) =
        sqlx::query_as(own::LOG).fetch_one(&mut *connection).await?;
    let epoch: Epoch = epoch.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    let mut header = Header::new(epoch);
    (header.tail, header.horizon, header.wiped) = (tail, horizon, wiped);
    header.plain_keys_upto = plain_keys_upto;
    for table in &TABLES {
        let count = format!("SELECT count(*) FROM {}", own::name(table));
        let count: i64 =
            sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&mut *connection).await?;
        header.counts.insert(table.record.to_owned(), count.cast_unsigned());
    }
    let above: i64 =
        sqlx::query_scalar(own::ABOVE).bind(horizon).fetch_one(&mut *connection).await?;
    header.dense = above == tail - horizon;
    Ok(header)
}

/// Reads everything into an empty store.
pub(super) async fn import(
    connection: &mut Connection,
    from: &mut (dyn BufRead + Send),
    progress: &mut (dyn FnMut(u64, u64) + Send),
    failed: &(dyn Fn(sqlx::Error) -> MoveError + Sync),
) -> Result<u64, MoveError> {
    let mut first = String::new();
    from.read_line(&mut first)?;
    let (header, id) = (Header::read(&first)?, Header::id(&first));
    let stored = begun(&id, connection, failed).await?;
    let all = header.lines();
    let mut rows = Rows::new(from, header.clone());
    while let Some((table, part)) = rows.part(ROWS)? {
        let done = rows.done();
        if done <= stored {
            continue;
        }
        // A part that was stored in another cut is stored as far as it is new.
        let part = &part
            [part.len() - usize::try_from(done - stored).unwrap_or(usize::MAX).min(part.len())..];
        let mut transaction = connection.begin().await.map_err(failed)?;
        let inserted = insert(table, part, &mut transaction).await;
        inserted.map_err(|error| refused(error, done, failed))?;
        mark(&format!("{id} {done}"), &mut transaction).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        progress(done, all);
    }
    let mut transaction = connection.begin().await.map_err(failed)?;
    own::finish(&header, &mut transaction).await.map_err(failed)?;
    let removed =
        sqlx::query(REMOVE_MARK).bind(IMPORT_MARK.to_vec()).execute(&mut *transaction).await;
    removed.map_err(failed)?;
    transaction.commit().await.map_err(failed)?;
    Ok(all)
}

/// Returns how many lines of this export are stored, and notes that it has begun.
async fn begun(
    id: &str,
    connection: &mut Connection,
    failed: &(dyn Fn(sqlx::Error) -> MoveError + Sync),
) -> Result<u64, MoveError> {
    let found =
        sqlx::query_scalar(FIND_MARK).bind(IMPORT_MARK.to_vec()).fetch_optional(&mut *connection);
    let found: Option<own::State> = found.await.map_err(failed)?;
    if let Some(found) = found.map(own::text) {
        let stored = found.strip_prefix(id).and_then(|stored| stored.trim().parse().ok());
        return stored.ok_or(MoveError::NotEmpty);
    }
    for table in &TABLES {
        let any = format!("SELECT EXISTS (SELECT 1 FROM {})", own::name(table));
        let any = sqlx::query_scalar(AssertSqlSafe(any)).fetch_one(&mut *connection);
        if any.await.map_err(failed)? {
            return Err(MoveError::NotEmpty);
        }
    }
    let log: (String, i64, i64, i64, Option<i64>) =
        sqlx::query_as(own::LOG).fetch_one(&mut *connection).await.map_err(failed)?;
    if log.1 > 0 {
        return Err(MoveError::NotEmpty);
    }
    mark(&format!("{id} 1"), connection).await.map_err(failed)?;
    Ok(1)
}

async fn mark(state: &str, connection: &mut Connection) -> Result<(), sqlx::Error> {
    let set = sqlx::query(SET_MARK).bind(IMPORT_MARK.to_vec()).bind(own::state(state));
    set.execute(connection).await.map(drop)
}

async fn insert(
    table: &Table,
    rows: &[Vec<Kept>],
    connection: &mut Connection,
) -> Result<(), sqlx::Error> {
    let names: Vec<_> = table.columns.iter().map(|column| column.name).collect();
    let begin = format!("INSERT INTO {} ({}) ", own::name(table), names.join(", "));
    let mut insert = QueryBuilder::<own::Db>::new(begin);
    insert.push_values(rows, |mut values, row| {
        for (column, kept) in table.columns.iter().zip(row) {
            match (column, kept.clone()) {
                (_, Kept::Number(number)) => values.push_bind(number),
                (_, Kept::Bytes(bytes)) => values.push_bind(bytes),
                (Column { kind: Type::Content, .. }, Kept::Text(text)) => {
                    values.push_bind(own::content(text.unwrap_or_default()))
                }
                (Column { kind: Type::Room, .. }, Kept::Text(room)) => {
                    values.push_bind(own::room(room))
                }
                (_, Kept::Text(text)) => values.push_bind(text),
            };
        }
    });
    insert.build().execute(connection).await.map(drop)
}

/// Returns why rows up to a line could not be stored: something is there twice, or missing, or the store fails.
fn refused(
    error: sqlx::Error,
    line: u64,
    failed: &(dyn Fn(sqlx::Error) -> MoveError + Sync),
) -> MoveError {
    match error.as_database_error() {
        Some(reason) if !matches!(reason.kind(), sqlx::error::ErrorKind::Other) => {
            MoveError::line(line, format!("or one shortly before cannot be stored: {reason}"))
        }
        _ => failed(error),
    }
}

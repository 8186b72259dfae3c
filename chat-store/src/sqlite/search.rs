//! The search index: a file of its own beside the log's, so that no commit of the log waits for one of the index.

use async_trait::async_trait;
use chat_core::Offset;
use sqlx::SqliteConnection;

use super::SqliteStore;
use super::search_pieces;
use super::search_statements::{
    DROP, FIRST, MATCH, POSITION, PUT, REMOVE, SCHEMA, SET_POSITION, expression,
};
use super::transaction::begin;
use crate::search_index::of_document;
use crate::sql::rows::offset;
use crate::{
    IndexAdvanced, IndexBatch, IndexChange, IndexSearch, SearchIndex, StoreError, Trimmed,
};

/// How many messages are removed at a time from the beginning.
const FORGOTTEN: usize = 64;

#[async_trait]
impl SearchIndex for SqliteStore {
    async fn position(&self, version: u32) -> Result<Offset, StoreError> {
        let opened = self.index.opened().await?;
        let mut reader = opened.reader().await?;
        let read = position(&mut reader, self.epoch.as_str(), version).await;
        read.map_err(|error| opened.error(error))
    }

    async fn apply(&self, batch: &IndexBatch) -> Result<IndexAdvanced, StoreError> {
        let opened = self.index.opened().await?;
        let mut writer = opened.writer().await;
        let connection = writer.as_mut().ok_or(StoreError::Closed)?.as_mut();
        let applied = apply(connection, self.epoch.as_str(), batch).await;
        let (advanced, is_wiped) = applied.map_err(|error| opened.error(error))?;
        if is_wiped {
            opened.wipe();
        }
        Ok(advanced)
    }

    async fn forget_upto(&self, upto: Offset) -> Result<Trimmed, StoreError> {
        let opened = self.index.opened().await?;
        let mut writer = opened.writer().await;
        let connection = writer.as_mut().ok_or(StoreError::Closed)?.as_mut();
        let removed = forget_upto(connection, upto).await.map_err(|error| opened.error(error))?;
        if removed == 0 {
            return Ok(Trimmed::All);
        }
        opened.wipe();
        Ok(if removed < FORGOTTEN { Trimmed::All } else { Trimmed::More })
    }

    async fn clear(&self) -> Result<(), StoreError> {
        let opened = self.index.opened().await?;
        let mut writer = opened.writer().await;
        let connection = writer.as_mut().ok_or(StoreError::Closed)?.as_mut();
        let cleared = async {
            let mut transaction = begin(connection).await?;
            clear(&mut transaction).await?;
            transaction.commit().await
        };
        cleared.await.map_err(|error| opened.error(error))?;
        opened.wipe();
        Ok(())
    }

    async fn search(&self, search: &IndexSearch) -> Result<Vec<Offset>, StoreError> {
        let opened = self.index.opened().await?;
        let mut reader = opened.reader().await?;
        let Some(expression) = expression(search) else { return Ok(Vec::new()) };
        let before = search.before.map_or(i64::MAX, |before| before.as_u64().cast_signed());
        let found = sqlx::query_scalar(MATCH)
            .bind(expression)
            .bind(search.after.as_u64().cast_signed())
            .bind(before)
            .bind(i64::try_from(search.limit).unwrap_or(i64::MAX))
            .fetch_all(&mut *reader)
            .await;
        let offsets = found.and_then(|found| found.into_iter().map(offset).collect());
        offsets.map_err(|error| opened.error(error))
    }
}

async fn position(
    connection: &mut SqliteConnection,
    epoch: &str,
    version: u32,
) -> Result<Offset, sqlx::Error> {
    let position = sqlx::query_scalar(POSITION).bind(epoch.to_owned()).bind(version);
    offset(position.fetch_optional(connection).await?.unwrap_or(0))
}

/// Also returns whether something was removed.
async fn apply(
    connection: &mut SqliteConnection,
    epoch: &str,
    batch: &IndexBatch,
) -> Result<(IndexAdvanced, bool), sqlx::Error> {
    let mut transaction = begin(connection).await?;
    let current = position(&mut transaction, epoch, batch.version).await?;
    if current != batch.after {
        return Ok((IndexAdvanced::Elsewhere(current), false));
    }
    let (is_new, mut is_wiped) = (current == Offset::ZERO, false);
    if is_new {
        clear(&mut transaction).await?;
    }
    for change in &batch.changes {
        let id = change.offset().as_u64().cast_signed();
        is_wiped |= change.offset() <= current;
        match change {
            IndexChange::Remove(_) => sqlx::query(REMOVE).bind(id),
            IndexChange::Put(document) => sqlx::query(PUT)
                .bind(id)
                .bind(document.words.join(" "))
                .bind(of_document(document).join(" ")),
        }
        .execute(&mut *transaction)
        .await?;
    }
    if is_wiped {
        search_pieces::mark(&mut transaction).await?;
    }
    sqlx::query(SET_POSITION)
        .bind(epoch.to_owned())
        .bind(batch.version)
        .bind(batch.upto.as_u64().cast_signed())
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok((IndexAdvanced::Done, is_wiped || is_new))
}

/// Removes the first messages up to an offset, and returns how many.
async fn forget_upto(
    connection: &mut SqliteConnection,
    upto: Offset,
) -> Result<usize, sqlx::Error> {
    let first = sqlx::query_scalar(FIRST).bind(upto.as_u64().cast_signed());
    let first: Vec<i64> = first.bind(FORGOTTEN as i64).fetch_all(&mut *connection).await?;
    let mut transaction = begin(connection).await?;
    for id in &first {
        sqlx::query(REMOVE).bind(id).execute(&mut *transaction).await?;
    }
    if !first.is_empty() {
        search_pieces::mark(&mut transaction).await?;
    }
    transaction.commit().await?;
    Ok(first.len())
}

async fn clear(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    for sql in [DROP, SCHEMA] {
        sqlx::raw_sql(sql).execute(&mut *connection).await?;
    }
    Ok(())
}

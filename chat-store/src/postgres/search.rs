//! The search index: texts of the words with their places, which PostgreSQL does not cut into words again.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use async_trait::async_trait;
use chat_core::Offset;
use chat_core::search::Phrase;
use sqlx::{Connection as _, PgConnection};

use super::PostgresStore;
use super::connections::{CALL_TIMEOUT, within};
use crate::search_index::{of_document, of_scope, of_writer};
use crate::sql::rows::offset;
use crate::{
    Document, IndexAdvanced, IndexBatch, IndexChange, IndexSearch, SearchIndex, StoreError, Trimmed,
};

/// A word has at most so many places in a `tsvector`.
const MOST_PLACES: usize = 256;

const POSITION: &str =
    "SELECT position FROM chat_search_position WHERE epoch = $1 AND version = $2";

const SET_POSITION: &str = "
    INSERT INTO chat_search_position (epoch, version, position) VALUES ($1, $2, $3)
    ON CONFLICT (one) DO UPDATE SET
        epoch = excluded.epoch, version = excluded.version, position = excluded.position";

const PUT: &str = "
    INSERT INTO chat_search (id, words) SELECT * FROM unnest($1, $2::text[]::tsvector[])
    ON CONFLICT (id) DO UPDATE SET words = excluded.words";

const REMOVE: &str = "DELETE FROM chat_search WHERE id = ANY ($1)";

const FORGET: &str = "DELETE FROM chat_search
    WHERE id IN (SELECT id FROM chat_search WHERE id <= $1 ORDER BY id LIMIT $2)";

/// How many messages are removed at a time from the beginning.
const FORGOTTEN: u64 = 512;

const SEARCH: &str = "SELECT id FROM chat_search
    WHERE words @@ $1::tsquery AND id > $2 AND id < $3 ORDER BY id DESC LIMIT $4";

/// One process applies a batch at a time. The log has what a crash takes back.
const BEGIN: [&str; 2] = [
    "SET LOCAL synchronous_commit = off",
    "LOCK TABLE chat_search_position IN SHARE ROW EXCLUSIVE MODE",
];

#[async_trait]
impl SearchIndex for PostgresStore {
    async fn position(&self, version: u32) -> Result<Offset, StoreError> {
        let mut lease = self.searches.lease().await?;
        let position = within(CALL_TIMEOUT, position(&mut lease, self.epoch.as_str(), version));
        let position = position.await;
        lease.settle(position)
    }

    async fn apply(&self, batch: &IndexBatch) -> Result<IndexAdvanced, StoreError> {
        let (batch, epoch) = (batch.clone(), self.epoch.clone());
        let mut lease = self.index.lease().await?;
        let applied = self.finish(async move {
            let applied = within(CALL_TIMEOUT, apply(&mut lease, epoch.as_str(), &batch)).await;
            lease.settle(applied)
        });
        applied.await
    }

    async fn forget_upto(&self, upto: Offset) -> Result<Trimmed, StoreError> {
        let mut lease = self.index.lease().await?;
        let forgotten = self.finish(async move {
            let forget = sqlx::query(FORGET).bind(upto.as_u64().cast_signed());
            let forget = forget.bind(FORGOTTEN.cast_signed()).execute(&mut *lease);
            let forgotten = within(CALL_TIMEOUT, forget).await;
            lease.settle(forgotten)
        });
        let is_all = forgotten.await?.rows_affected() < FORGOTTEN;
        Ok(if is_all { Trimmed::All } else { Trimmed::More })
    }

    async fn clear(&self) -> Result<(), StoreError> {
        let mut lease = self.index.lease().await?;
        let cleared = self.finish(async move {
            let cleared = async {
                let mut transaction = lease.begin().await?;
                clear(&mut transaction).await?;
                transaction.commit().await
            };
            let cleared = within(CALL_TIMEOUT, cleared).await;
            lease.settle(cleared)
        });
        cleared.await
    }

    async fn search(&self, search: &IndexSearch) -> Result<Vec<Offset>, StoreError> {
        let mut lease = self.searches.lease().await?;
        let Some(query) = query(search) else { return lease.settle(Ok(Vec::new())) };
        let found = within(CALL_TIMEOUT, find(&mut lease, search, query)).await;
        lease.settle(found)
    }
}

async fn position(
    connection: &mut PgConnection,
    epoch: &str,
    version: u32,
) -> Result<Offset, sqlx::Error> {
    let position = sqlx::query_scalar(POSITION).bind(epoch).bind(i64::from(version));
    offset(position.fetch_optional(connection).await?.unwrap_or(0))
}

async fn apply(
    connection: &mut PgConnection,
    epoch: &str,
    batch: &IndexBatch,
) -> Result<IndexAdvanced, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    for sql in BEGIN {
        sqlx::query(sql).execute(&mut *transaction).await?;
    }
    let current = position(&mut transaction, epoch, batch.version).await?;
    if current != batch.after {
        transaction.rollback().await?;
        return Ok(IndexAdvanced::Elsewhere(current));
    }
    if current == Offset::ZERO {
        clear(&mut transaction).await?;
    }
    let (mut ids, mut words, mut removed) = (Vec::new(), Vec::new(), Vec::new());
    for change in &batch.changes {
        let id = change.offset().as_u64().cast_signed();
        match change {
            IndexChange::Remove(_) => removed.push(id),
            IndexChange::Put(document) => {
                ids.push(id);
                words.push(vector(document));
            }
        }
    }
    if !removed.is_empty() {
        sqlx::query(REMOVE).bind(removed).execute(&mut *transaction).await?;
    }
    if !ids.is_empty() {
        sqlx::query(PUT).bind(ids).bind(words).execute(&mut *transaction).await?;
    }
    let position = batch.upto.as_u64().cast_signed();
    let set = sqlx::query(SET_POSITION).bind(epoch).bind(i64::from(batch.version)).bind(position);
    set.execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(IndexAdvanced::Done)
}

async fn clear(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql("TRUNCATE chat_search; DELETE FROM chat_search_position")
        .execute(connection)
        .await
        .map(drop)
}

/// Planned anew each time: whether to go back through the messages or to look up a word depends on how common that is.
async fn find(
    connection: &mut PgConnection,
    search: &IndexSearch,
    query: String,
) -> Result<Vec<Offset>, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    // The index of words has nothing else.
    sqlx::query("SET LOCAL enable_bitmapscan = on").execute(&mut *transaction).await?;
    let before = search.before.map_or(i64::MAX, |before| before.as_u64().cast_signed());
    let found = sqlx::query_scalar(SEARCH)
        .bind(query)
        .bind(search.after.as_u64().cast_signed())
        .bind(before)
        .bind(i64::try_from(search.limit).unwrap_or(i64::MAX))
        .persistent(false)
        .fetch_all(&mut *transaction)
        .await?;
    transaction.rollback().await?;
    found.into_iter().map(offset).collect()
}

/// Returns the text of a `tsvector`. Words have neither quotation marks nor backslashes.
fn vector(document: &Document) -> String {
    let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, word) in document.words.iter().enumerate() {
        let places = places.entry(word).or_default();
        if places.len() < MOST_PLACES {
            places.push(index + 1);
        }
    }
    let mut vector = String::new();
    for (word, places) in places {
        let places: Vec<_> = places.iter().map(usize::to_string).collect();
        let _ = write!(vector, "'{word}':{} ", places.join(","));
    }
    for label in of_document(document) {
        let _ = write!(vector, "'={label}' ");
    }
    vector
}

/// Returns the text of a `tsquery`; none if nothing can match.
fn query(search: &IndexSearch) -> Option<String> {
    let mut all = Vec::new();
    if let Some(labels) = of_scope(&search.scope) {
        if labels.is_empty() {
            return None;
        }
        all.push(any(labels.into_iter()));
    }
    if !search.writers.is_empty() {
        all.push(any(search.writers.iter().map(of_writer)));
    }
    all.extend(search.with.iter().map(words));
    if all.is_empty() {
        // Every message has labels.
        all.push("'=':*".to_owned());
    }
    all.extend(search.without.iter().map(|phrase| format!("!({})", words(phrase))));
    Some(all.join(" & "))
}

fn any(labels: impl Iterator<Item = String>) -> String {
    let labels: Vec<_> = labels.map(|label| format!("'={label}'")).collect();
    format!("({})", labels.join(" | "))
}

fn words(phrase: &Phrase) -> String {
    let words: Vec<_> = phrase.words.iter().map(|word| format!("'{word}'")).collect();
    let star = if phrase.is_prefix { ":*" } else { "" };
    format!("({}{star})", words.join(" <-> "))
}

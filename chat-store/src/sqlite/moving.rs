//! Moves a log out of a file, and into one.

use std::io::{BufRead, Write};
use std::path::Path;

use sqlx::Connection as _;

use super::error::Place;
use super::{SqliteStore, backup, files, move_rows};
use crate::MessageStore as _;
use crate::dump::MoveError;

impl SqliteStore {
    /// As [`export`](crate::export).
    pub(crate) async fn export(
        path: &Path,
        to: &mut (dyn Write + Send),
        progress: &mut (dyn FnMut(u64, u64) + Send),
    ) -> Result<(), MoveError> {
        let place = Place::new(path);
        let failed = |error| MoveError::from(place.error(error));
        let mut connection = backup::open(path, &place, |options| options).await?;
        move_rows::check_current(&mut connection, &place).await?;
        move_rows::export(&mut connection, to, progress, &failed).await?;
        connection.close().await.map_err(failed)
    }

    /// As [`import`](crate::import).
    pub(crate) async fn import(
        path: &Path,
        from: &mut (dyn BufRead + Send),
        progress: &mut (dyn FnMut(u64, u64) + Send),
    ) -> Result<u64, MoveError> {
        let place = Place::new(path);
        let failed = |error| MoveError::from(place.error(error));
        // A server would go on with the identity that its log had before.
        if path.exists()
            && let Some(held) = backup::held_alone(path, &place).await?
        {
            // Dropped, it would be closed a moment later.
            held.close().await.map_err(failed)?;
        }
        files::create(path);
        // Makes the tables.
        Self::open(path).await?.close().await;
        let mut connection = backup::open(path, &place, |options| options).await?;
        let lines = move_rows::import(&mut connection, from, progress, &failed).await?;
        connection.close().await.map_err(failed)?;
        Ok(lines)
    }
}

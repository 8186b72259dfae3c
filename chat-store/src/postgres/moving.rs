//! Moves a log out of a database, and into one.

use std::io::{BufRead, Write};

use sqlx::Connection as _;

use super::error::Place;
use super::{PostgresStore, connections, move_rows, options, schema};
use crate::dump::MoveError;

impl PostgresStore {
    /// As [`export`](crate::export).
    pub(crate) async fn export(
        url: &str,
        to: &mut (dyn Write + Send),
        progress: &mut (dyn FnMut(u64, u64) + Send),
    ) -> Result<(), MoveError> {
        let options = options(url)?;
        let place = Place::new(&options);
        let failed = |error| MoveError::from(place.error(error));
        let mut connection = connections::connect(&options).await.map_err(failed)?;
        move_rows::check_current(&mut connection, &place).await?;
        move_rows::export(&mut connection, to, progress, &failed).await?;
        connection.close().await.map_err(failed)
    }

    /// As [`import`](crate::import).
    pub(crate) async fn import(
        url: &str,
        from: &mut (dyn BufRead + Send),
        progress: &mut (dyn FnMut(u64, u64) + Send),
    ) -> Result<u64, MoveError> {
        let options = options(url)?;
        let place = Place::new(&options);
        let failed = |error| MoveError::from(place.error(error));
        let mut connection = connections::connect(&options).await.map_err(failed)?;
        schema::prepare(&mut connection, &place).await?;
        let lines = move_rows::import(&mut connection, from, progress, &failed).await?;
        connection.close().await.map_err(failed)?;
        Ok(lines)
    }
}

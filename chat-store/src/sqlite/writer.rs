use sqlx::SqliteConnection;

use super::rooms::Progress;

/// The connection that writes, and what it has to know.
pub(super) struct Writer {
    pub(super) connection: SqliteConnection,
    pub(super) rooms: Progress,
}

impl AsMut<SqliteConnection> for Writer {
    fn as_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}

use std::fmt;
use std::io::ErrorKind;

use sqlx::error::DatabaseError;
use sqlx::postgres::{PgConnectOptions, PgDatabaseError, PgSeverity};

use crate::StoreError;

const NO_TLS: &str =
    "give it TLS, or say `sslmode=disable` in its URL if nobody else can listen on the way";
const NO_TRUST: &str = "check its certificate, and `sslmode` and `sslrootcert` in its URL";

/// The name of the database for people. It converts Postgres's errors into ours.
#[derive(Debug, Clone)]
pub(super) struct Place(String);

impl Place {
    pub(super) fn new(options: &PgConnectOptions) -> Self {
        let database = options.get_database().unwrap_or(options.get_username());
        let port = options.get_port();
        match options.get_socket() {
            Some(socket) => Self(format!("the database {database} at {}", socket.display())),
            None => Self(format!("the database {database} at {}:{port}", options.get_host())),
        }
    }

    /// Returns the error for a database with wrong contents.
    pub(super) fn corrupt(&self, problem: impl Into<String>) -> StoreError {
        StoreError::Corrupt { place: self.0.clone(), problem: problem.into(), source: None }
    }

    /// Returns the error for tables of a later version.
    pub(super) fn newer(&self) -> StoreError {
        StoreError::Newer { place: self.0.clone() }
    }

    /// Returns the error for a database that has another log than when it was opened.
    pub(super) fn other_log(&self) -> StoreError {
        StoreError::OtherLog { place: self.0.clone() }
    }

    /// Converts an error of a database that has been open before.
    ///
    /// If it now refuses a connection that it accepted before, it is under maintenance. That passes.
    pub(super) fn error_in_use(&self, error: sqlx::Error) -> StoreError {
        match self.error(error) {
            StoreError::Open { place, source, .. } => StoreError::Unavailable { place, source },
            error => error,
        }
    }

    /// Converts an error of a database that is being opened.
    pub(super) fn error(&self, error: sqlx::Error) -> StoreError {
        let place = self.0.clone();
        let state = match &error {
            sqlx::Error::Tls(cause) if cause.to_string().contains("does not support") => {
                return self.unopened(NO_TLS, error);
            }
            sqlx::Error::Tls(_) => return self.unopened(NO_TRUST, error),
            sqlx::Error::Io(cause) if cause.kind() == ErrorKind::InvalidData => {
                return self.unopened(NO_TRUST, error);
            }
            sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => {
                let problem =
                    "holds a message or a session that this program does not understand".into();
                return StoreError::Corrupt { place, problem, source: Some(error.into()) };
            }
            error => error.as_database_error().and_then(DatabaseError::code).unwrap_or_default(),
        };
        // <https://www.postgresql.org/docs/current/errcodes-appendix.html>: the first two characters
        // are the class.
        let (state, class) = (state.to_string(), state.get(..2).unwrap_or_default().to_string());
        match (state.as_str(), class.as_str()) {
            ("53100", _) => StoreError::Full { place, source: error.into() },
            ("55P03", _) => StoreError::Locked { place, source: error.into() },
            ("25006", _) => StoreError::ReadOnly {
                place,
                advice: "choose the primary, or a role that may write",
                source: error.into(),
            },
            (_, "28") => self.unopened("check the user and the password in its URL", error),
            ("3D000", _) => self.unopened("create it with CREATE DATABASE", error),
            ("42501", _) => self.unopened("GRANT its user CREATE on the schema", error),
            ("3F000", _) => {
                self.unopened("create the schema that its `search_path` names first", error)
            }
            ("XX001" | "XX002", _) => {
                let problem = "is damaged".into();
                StoreError::Corrupt { place, problem, source: Some(error.into()) }
            }
            // Our statements are right for our tables: so the tables are not ours.
            (_, "21" | "22" | "23" | "42") => {
                let problem = "has tables that this program does not understand".into();
                StoreError::Corrupt { place, problem, source: Some(error.into()) }
            }
            _ => StoreError::Unavailable { place, source: error.into() },
        }
    }

    fn unopened(&self, advice: &'static str, source: sqlx::Error) -> StoreError {
        StoreError::Open { place: self.0.clone(), advice, source: source.into() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns a timeout as an error of the library.
pub(super) fn timed_out() -> sqlx::Error {
    sqlx::Error::Io(ErrorKind::TimedOut.into())
}

/// Returns whether the connection can be used for the next call. Not if it leads to a read-only server: the next
/// connection may find the server that has replaced it.
pub(super) fn leaves_connection_usable(error: &sqlx::Error) -> bool {
    let error = error.as_database_error().and_then(|error| error.try_downcast_ref());
    error.is_some_and(|error: &PgDatabaseError| {
        matches!(error.severity(), PgSeverity::Error) && error.code() != "25006"
    })
}

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chat_core::Timestamp;

use crate::import_mark::IMPORT_MARK;
use crate::{MemoryStore, SchemaVersion, SessionKey, Store, StoreError};

/// Opens the store that a URL names.
///
/// | URL | store |
/// |---|---|
/// | `sqlite:chat.db`, `sqlite://chat.db` | `SqliteStore` in this file of the current folder |
/// | `sqlite:/srv/chat.db`, `sqlite:///srv/chat.db` | `SqliteStore` in this file |
/// | `postgres://ada:secret@db/chat`, `postgresql://…` | `PostgresStore` in this database |
/// | `memory:` | [`MemoryStore`], empty |
///
/// The part after `sqlite:` is a plain path: `%`, `?` and `#` stand for themselves, so there is nothing to escape and
/// there are no parameters. A path that ends in parameters, such as `chat.db?mode=rwc` for other programs, is refused
/// unless a file of that name exists, because nobody intends to create one.
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let store = chat_store::open("memory:").await?;
/// assert_eq!(store.tail().await?, chat_core::Offset::ZERO);
/// # Ok::<_, Box<dyn std::error::Error>>(()) })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`StoreError::Url`] or [`StoreError::Feature`] for an unsuitable URL, otherwise why the store could not be opened.
/// No error repeats the URL, which may contain a password.
pub async fn open(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    let store = open_any(url).await?;
    refuse_part(&*store).await?;
    Ok(store)
}

/// Refuses a store that has a part of an import: clients would take it for a log that has lost its end, and the import
/// could not go on.
async fn refuse_part(store: &dyn Store) -> Result<(), StoreError> {
    if store.session(SessionKey(IMPORT_MARK), Timestamp::now()).await?.is_some() {
        store.close().await;
        return Err(StoreError::Corrupt {
            place: "the store".to_owned(),
            problem: "has a part of an import; start `import` again with the same file".to_owned(),
            source: None,
        });
    }
    Ok(())
}

async fn open_any(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    match url.split_once(':') {
        Some(("memory", "" | "//")) => Ok(Arc::new(MemoryStore::new())),
        Some(("memory", _)) => Err(url_error("a memory: store takes no path")),
        Some(("sqlite", path)) => match path.strip_prefix("//").unwrap_or(path) {
            "" => Err(url_error("the sqlite: URL names no file")),
            ":memory:" => Err(url_error("SQLite in memory would lose its log between connections")),
            path if has_parameters(path) && !Path::new(path).exists() => Err(url_error(
                "a sqlite: URL takes no parameters, and there is no file with these in its name; leave \
                 out what begins with the question mark",
            )),
            path => open_sqlite(path).await,
        },
        Some(("postgres" | "postgresql", _)) => open_postgres(url).await,
        Some((scheme, _)) if is_scheme(scheme) => {
            Err(url_error(format!("there is no store with the scheme {scheme:?}")))
        }
        _ => Err(url_error("the URL of the store does not begin with a scheme")),
    }
}

/// Copies the log that a URL names to a new file while servers use it; see `SqliteStore::back_up`.
///
/// # Errors
/// [`StoreError::Url`] if the store is not a file, otherwise why it could not be copied.
pub async fn back_up(
    url: &str,
    to: &Path,
    progress: impl FnMut(u64, u64) + Send,
) -> Result<(), StoreError> {
    let path = sqlite_path(url)?;
    #[cfg(feature = "sqlite")]
    return crate::SqliteStore::back_up(path, to, progress).await;
    #[cfg(not(feature = "sqlite"))]
    return without_sqlite((path, to, progress));
}

/// Puts a copy of a backup into the place of the log that a URL names, and returns where the file that was there is kept;
/// see `SqliteStore::restore`.
///
/// # Errors
/// [`StoreError::Url`] if the store is not a file, otherwise why it could not be restored.
pub async fn restore(
    url: &str,
    backup: &Path,
    progress: impl FnMut(u64, u64) + Send,
) -> Result<Option<PathBuf>, StoreError> {
    let path = sqlite_path(url)?;
    #[cfg(feature = "sqlite")]
    return crate::SqliteStore::restore(path, backup, progress).await;
    #[cfg(not(feature = "sqlite"))]
    return without_sqlite((path, backup, progress));
}

/// Gives the log that a URL names a new epoch, while no server uses it; see `SqliteStore::renew_epoch` and
/// `PostgresStore::renew_epoch`.
///
/// # Errors
/// [`StoreError::Url`] for a store in memory, otherwise why it could not be done.
pub async fn renew_epoch(url: &str) -> Result<(), StoreError> {
    match database(url)? {
        #[cfg(feature = "sqlite")]
        Database::Sqlite(path) => crate::SqliteStore::renew_epoch(path).await,
        #[cfg(feature = "postgres")]
        Database::Postgres(url) => crate::PostgresStore::renew_epoch(url).await,
        #[cfg(not(any(feature = "sqlite", feature = "postgres")))]
        Database::None(none) => match *none {},
    }
}

/// Returns the version of the store that a URL names, and changes nothing.
///
/// # Errors
/// [`StoreError::Url`] for a store in memory, [`StoreError::Newer`] if a later program has changed it, otherwise why it could
/// not be read.
pub async fn schema_version(url: &str) -> Result<SchemaVersion, StoreError> {
    match database(url)? {
        #[cfg(feature = "sqlite")]
        Database::Sqlite(path) => crate::SqliteStore::schema_version(path).await,
        #[cfg(feature = "postgres")]
        Database::Postgres(url) => crate::PostgresStore::schema_version(url).await,
        #[cfg(not(any(feature = "sqlite", feature = "postgres")))]
        Database::None(none) => match *none {},
    }
}

/// A store that others can open, too.
pub(crate) enum Database<'a> {
    /// A file.
    #[cfg(feature = "sqlite")]
    Sqlite(&'a Path),
    /// The URL of a server's.
    #[cfg(feature = "postgres")]
    Postgres(&'a str),
    /// There is none.
    #[cfg(not(any(feature = "sqlite", feature = "postgres")))]
    #[expect(dead_code, reason = "there is none")]
    None(&'a std::convert::Infallible),
}

/// Returns the database that a URL names.
///
/// # Errors
/// [`StoreError::Url`] for a store in memory, and [`StoreError::Feature`].
pub(crate) fn database(url: &str) -> Result<Database<'_>, StoreError> {
    if let Some(("postgres" | "postgresql", _)) = url.split_once(':') {
        #[cfg(feature = "postgres")]
        return Ok(Database::Postgres(url));
        #[cfg(not(feature = "postgres"))]
        return Err(StoreError::Feature { scheme: "postgres", feature: "postgres" });
    }
    let path = sqlite_path(url)?;
    #[cfg(feature = "sqlite")]
    return Ok(Database::Sqlite(path));
    #[cfg(not(feature = "sqlite"))]
    return without_sqlite(path);
}

/// Returns the file that a URL names.
fn sqlite_path(url: &str) -> Result<&Path, StoreError> {
    match url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path)) {
        Some(path) if !path.is_empty() => Ok(Path::new(path)),
        _ => Err(url_error("the store is not a file")),
    }
}

#[cfg(not(feature = "sqlite"))]
fn without_sqlite<T>(_unused: impl Sized) -> Result<T, StoreError> {
    Err(StoreError::Feature { scheme: "sqlite", feature: "sqlite" })
}

#[cfg(feature = "sqlite")]
async fn open_sqlite(path: &str) -> Result<Arc<dyn Store>, StoreError> {
    Ok(Arc::new(crate::SqliteStore::open(path).await?))
}

#[cfg(not(feature = "sqlite"))]
async fn open_sqlite(_path: &str) -> Result<Arc<dyn Store>, StoreError> {
    Err(StoreError::Feature { scheme: "sqlite", feature: "sqlite" })
}

#[cfg(feature = "postgres")]
async fn open_postgres(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    Ok(Arc::new(crate::PostgresStore::connect(url).await?))
}

#[cfg(not(feature = "postgres"))]
async fn open_postgres(_url: &str) -> Result<Arc<dyn Store>, StoreError> {
    Err(StoreError::Feature { scheme: "postgres", feature: "postgres" })
}

fn url_error(reason: impl Into<String>) -> StoreError {
    StoreError::Url { reason: reason.into() }
}

/// Returns whether the path ends like a URL with parameters: `?mode=rwc`, or several.
fn has_parameters(path: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let is_parameter = |part: &str| part.split_once('=').is_some_and(|(name, _)| is_name(name));
    path.split_once('?').is_some_and(|(_, query)| query.split(['?', '&']).any(is_parameter))
}

/// Returns whether the text is a scheme by RFC 3986. Anything else may be part of a password and must not be shown.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn refusal(url: &str) -> String {
        open(url).await.err().expect("it is refused").to_string()
    }

    #[tokio::test]
    async fn a_wrong_url_is_refused_with_what_would_be_right() {
        for (url, reason) in [
            ("mysql://me:secret@db/chat", "there is no store with the scheme \"mysql\""),
            ("chat.db", "the URL of the store does not begin with a scheme"),
            ("p@ss:word", "the URL of the store does not begin with a scheme"),
            ("", "the URL of the store does not begin with a scheme"),
            ("sqlite:", "the sqlite: URL names no file"),
            ("sqlite://", "the sqlite: URL names no file"),
            ("sqlite::memory:", "SQLite in memory would lose its log between connections"),
            ("memory:chat", "a memory: store takes no path"),
            ("postgres:/me:secret@db/chat", "a postgres: URL begins with postgres://"),
            ("postgres:me:secret@db/chat", "a postgres: URL begins with postgres://"),
        ] {
            let expected = format!(
                "{reason}; a store is sqlite:PATH, postgres://USER@HOST/DATABASE or memory:"
            );
            assert_eq!(refusal(url).await, expected, "{url}");
        }
    }

    #[tokio::test]
    async fn parameters_that_another_program_would_understand_are_refused_and_make_no_file() {
        let reason = "a sqlite: URL takes no parameters, and there is no file with these in its name; \
                      leave out what begins with the question mark";
        for path in ["chat.db?mode=rwc", "chat.db?cache=shared&mode=rwc", "no?w.db?mode=memory"] {
            for url in [format!("sqlite:{path}"), format!("sqlite://{path}")] {
                assert!(refusal(&url).await.starts_with(reason), "{url}");
                assert!(!Path::new(path).exists(), "{url}");
            }
        }
    }

    #[test]
    fn a_question_mark_alone_is_no_parameter() {
        for path in ["what?.db", "what?", "50% off?#top", "a=b.db", "who?=me", "is it 3 ? 4 = 5.db"]
        {
            assert!(!has_parameters(path), "{path}");
        }
    }

    #[cfg(not(feature = "sqlite"))]
    #[tokio::test]
    async fn a_store_that_is_not_compiled_in_names_its_feature() {
        assert_eq!(
            refusal("sqlite:chat.db").await,
            "this program was built without sqlite stores; build it with the feature \"sqlite\""
        );
    }

    #[cfg(not(feature = "postgres"))]
    #[tokio::test]
    async fn a_postgres_store_that_is_not_compiled_in_names_its_feature() {
        for url in ["postgres://ada:secret@db/chat", "postgresql:///chat"] {
            assert_eq!(
                refusal(url).await,
                "this program was built without postgres stores; build it with the feature \
                 \"postgres\""
            );
        }
    }
}

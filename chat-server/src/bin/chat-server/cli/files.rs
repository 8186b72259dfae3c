use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use chat_store::{DirectoryStore, FileStore};

/// Where files are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FilesPlace {
    Nowhere,
    Directory(PathBuf),
}

impl FromStr for FilesPlace {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text == "off" { Self::Nowhere } else { Self::Directory(text.into()) })
    }
}

/// Returns where files are kept: beside the file of the store if nothing is said, and nowhere if there is no such file.
pub(super) fn store(place: Option<&FilesPlace>, store: &str) -> Option<Arc<dyn FileStore>> {
    let directory = match place {
        Some(FilesPlace::Nowhere) => return None,
        Some(FilesPlace::Directory(directory)) => directory.clone(),
        None => {
            let path = store.strip_prefix("sqlite:")?;
            format!("{}-files", path.strip_prefix("//").unwrap_or(path)).into()
        }
    };
    Some(Arc::new(DirectoryStore::new(directory)))
}

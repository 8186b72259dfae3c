//! The hub that connects the workers of a server.

use std::path::{Path, PathBuf};

/// The hub of the workers; it ends when this is dropped.
pub(super) struct Hub {
    path: PathBuf,
    #[cfg(feature = "cluster")]
    _hub: chat_adapter::ClusterHub,
    /// Dropped after the hub, whose socket is in it.
    #[cfg(feature = "cluster")]
    _folder: Option<tempfile::TempDir>,
}

impl Hub {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Opens a hub for the workers; none if their adapter reaches other machines.
#[cfg(feature = "cluster")]
pub(super) async fn open(url: &str) -> anyhow::Result<Option<Hub>> {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use anyhow::Context;

    let (path, folder) = match url.split_once(':') {
        Some(("local", "")) => {
            let folder = tempfile::Builder::new()
                .prefix("chat-server-")
                .permissions(Permissions::from_mode(0o700))
                .tempdir()
                .context("cannot make a folder for the socket of the workers")?;
            (folder.path().join("hub"), Some(folder))
        }
        Some(("cluster", path)) => (PathBuf::from(path), None),
        _ => return Ok(None),
    };
    let hub = chat_adapter::ClusterHub::bind(&path).await?;
    Ok(Some(Hub { path, _hub: hub, _folder: folder }))
}

#[cfg(not(feature = "cluster"))]
pub(super) async fn open(url: &str) -> anyhow::Result<Option<Hub>> {
    match url.split_once(':') {
        Some(("local" | "cluster", _)) => anyhow::bail!(
            "this program was built without workers; build it with the feature \"cluster\""
        ),
        _ => Ok(None),
    }
}

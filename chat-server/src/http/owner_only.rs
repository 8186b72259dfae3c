//! Files with secrets, which nobody but their owner may use.

use std::io;
use std::path::Path;

/// Returns whether others than the owner may use a file.
#[cfg(unix)]
pub(super) fn is_exposed(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;

    Ok(std::fs::metadata(path)?.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
pub(super) fn is_exposed(_path: &Path) -> io::Result<bool> {
    Ok(false)
}

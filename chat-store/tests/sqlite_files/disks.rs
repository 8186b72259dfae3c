//! Disks that are full or read-only: mounted for the test, which takes root.

use std::path::{Path, PathBuf};
use std::process::Command;

use chat_store::{Appended, MessageStore, SqliteStore, StoreError};
use tempfile::TempDir;

use crate::{assert_dense, keyed, new, read_all};

/// A small file system of its own, which ends with this value.
struct Disk(TempDir);

impl Disk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        mount(&["-t", "tmpfs", "-o", "size=2m", "tmpfs"], folder.path());
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn make_read_only(&self) {
        mount(&["-o", "remount,ro"], self.0.path());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a connection may still be closing its files.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

fn mount(arguments: &[&str], folder: &Path) {
    let status = Command::new("mount").args(arguments).arg(folder).status().unwrap();
    assert!(status.success(), "mounting takes root");
}

#[tokio::test]
#[ignore = "needs root to mount a tmpfs"]
async fn a_full_disk_is_reported_and_the_store_goes_on_when_there_is_space() {
    let disk = Disk::new();
    let ballast = disk.path("ballast");
    std::fs::write(&ballast, vec![0; 1024 * 1024]).unwrap();
    let store = SqliteStore::open(disk.path("chat.db")).await.unwrap();
    let batch =
        |n: usize| [keyed(&format!("{n} a"), &"x".repeat(9_000)), keyed(&format!("{n} b"), "x")];

    let mut stored = 0;
    let error = loop {
        match store.append(&batch(stored)).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    assert!(error.is_retryable());
    assert!(stored > 3);
    for _ in 0..3 {
        store.append(&batch(stored)).await.unwrap_err();
    }
    let messages = read_all(&store).await;
    assert_dense(&messages);
    assert_eq!(messages.len(), 2 * stored, "nothing of the batch that failed");

    std::fs::remove_file(ballast).unwrap();
    let appended = store.append(&batch(stored)).await.unwrap();
    assert!(appended.iter().all(|one| matches!(one, Appended::New(_))), "{appended:?}");
    assert_eq!(
        store.append(&[new("b")]).await.unwrap()[0].offset().unwrap().as_u64(),
        2 * stored as u64 + 3
    );
    store.close().await;
}

#[tokio::test]
#[ignore = "needs root to mount a tmpfs"]
async fn a_disk_that_is_full_from_the_start_is_reported() {
    let disk = Disk::new();
    std::fs::write(disk.path("ballast"), vec![0; 2 * 1024 * 1024]).unwrap();
    let error = SqliteStore::open(disk.path("chat.db")).await.unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    std::fs::remove_file(disk.path("ballast")).unwrap();
    SqliteStore::open(disk.path("chat.db")).await.unwrap();
}

#[tokio::test]
#[ignore = "needs root to mount a tmpfs"]
async fn a_disk_that_is_read_only_is_reported() {
    let disk = Disk::new();
    SqliteStore::open(disk.path("chat.db")).await.unwrap().close().await;
    disk.make_read_only();
    for name in ["chat.db", "new.db"] {
        let error = SqliteStore::open(disk.path(name)).await.unwrap_err();
        let reported = matches!(error, StoreError::ReadOnly { .. } | StoreError::Open { .. });
        assert!(reported, "{name}: {error:?}");
        assert!(!error.is_retryable());
        assert!(error.to_string().contains("permissions"), "{error}");
    }
}

#[tokio::test]
#[ignore = "needs root to mount a file"]
async fn a_file_that_is_read_only_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    SqliteStore::open(&path).await.unwrap().close().await;
    let file = path.to_str().unwrap();
    mount(&["--bind", file], &path);
    mount(&["-o", "remount,bind,ro"], &path);
    let error = SqliteStore::open(&path).await;
    let status = Command::new("umount").arg("-l").arg(&path).status().unwrap();
    assert!(status.success());
    let error = error.unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
    let expected = "cannot be written; check its permissions and those of its folder";
    assert_eq!(error.to_string(), format!("{file} {expected}"));
    SqliteStore::open(&path).await.unwrap();
}

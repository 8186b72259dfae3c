//! A server whose disk is full: mounted for the test, which takes root.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::javascript;

/// A small file system of its own, which ends with this value.
struct Disk(TempDir);

impl Disk {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let mount = ["-t", "tmpfs", "-o", "size=8m", "tmpfs"];
        let status = Command::new("mount").args(mount).arg(folder.path()).status().unwrap();
        assert!(status.success(), "mounting takes root");
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[test]
#[ignore = "needs root to mount a tmpfs, and Node.js with npm"]
fn a_full_disk_is_one_outage() {
    let disk = Disk::new();
    let path = disk.path().to_str().unwrap();
    javascript::run("full_disk.test.mjs", &[("CHAT_DISK", path)]);
}

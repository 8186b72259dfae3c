//! What the operating system has to allow.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, bail};
use rustix::fs::statfs;
use rustix::process::{Resource, getrlimit, setrlimit};

/// The number by which Linux knows its file system in memory.
const TMPFS: i64 = 0x0102_1994;

/// Lets this process, and the servers it starts, have as many connections as the system allows.
pub(crate) fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        eprintln!("the number of open files stays as it is: {error}");
    }
}

/// The folder for what is kept: the one that was asked for, or one beside this program.
pub(crate) fn cache_folder(asked: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let beside = || Some(std::env::current_exe().ok()?.parent()?.join("load-cache"));
    let folder = asked.or_else(beside).context("name a folder with --cache")?;
    fs::create_dir_all(&folder)
        .with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    let kind = statfs(&folder).context("the file system cannot be asked what it is")?.f_type;
    if kind == TMPFS {
        bail!(
            "{} is in memory, where a commit costs nothing; name a folder on a disk with --cache",
            folder.display()
        );
    }
    Ok(folder)
}

//! Tells the tests of a crate which servers this machine has, so that those that need another one are shown as ignored
//! instead of passing without having run. Part of the build scripts.

use std::env;
use std::path::{Path, PathBuf};

/// Where packages put servers; `PATH` of an ordinary user often leaves `sbin` out.
const FOLDERS: [&str; 3] = ["/usr/bin", "/usr/sbin", "/usr/local/bin"];

/// Where Debian's package `postgresql` puts its programs, a folder a version. The tests look for them nowhere else.
const POSTGRES: &str = "/usr/lib/postgresql";

/// Sets `cfg(has_postgres)` if there is a PostgreSQL server, and for each of these executables that is installed
/// `cfg(has_…)`, with `_` in place of `-`.
pub(crate) fn tell_of(executables: &[&str]) {
    println!("cargo::rerun-if-changed=../testing/installed.rs");
    println!("cargo::rerun-if-env-changed=PATH");
    let mut folders: Vec<PathBuf> =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    for folder in FOLDERS.map(PathBuf::from).into_iter().filter(|folder| folder.is_dir()) {
        // A server that is installed later is found then.
        println!("cargo::rerun-if-changed={}", folder.display());
        folders.push(folder);
    }
    for executable in executables {
        let is_there = folders.iter().any(|folder| folder.join(executable).is_file());
        tell(&executable.replace('-', "_"), is_there);
    }
    println!("cargo::rerun-if-changed={POSTGRES}");
    let mut versions = Path::new(POSTGRES).read_dir().into_iter().flatten().flatten();
    tell("postgres", versions.any(|version| version.path().join("bin/initdb").is_file()));
}

fn tell(name: &str, is_there: bool) {
    println!("cargo::rustc-check-cfg=cfg(has_{name})");
    if is_there {
        println!("cargo::rustc-cfg=has_{name}");
    }
}

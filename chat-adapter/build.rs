//! Tells the tests which servers this machine has, so that those that need another one are shown as
//! ignored instead of passing without having run.

use std::env;
use std::path::{Path, PathBuf};

/// The executable and the name of its `cfg`.
const SERVERS: [(&str, &str); 2] =
    [("redis-server", "has_redis_server"), ("nats-server", "has_nats_server")];

/// Where packages put servers; `PATH` of an ordinary user often leaves `sbin` out.
const FOLDERS: [&str; 3] = ["/usr/bin", "/usr/sbin", "/usr/local/bin"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=PATH");
    let mut folders: Vec<PathBuf> =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    for folder in FOLDERS.map(PathBuf::from).into_iter().filter(|folder| folder.is_dir()) {
        // A server that is installed later is found then.
        println!("cargo::rerun-if-changed={}", folder.display());
        folders.push(folder);
    }
    find_postgres();
    for (executable, cfg) in SERVERS {
        println!("cargo::rustc-check-cfg=cfg({cfg})");
        if folders.iter().any(|folder| folder.join(executable).is_file()) {
            println!("cargo::rustc-cfg={cfg}");
        }
    }
}

/// Debian's package `postgresql` puts its programs into a folder a version.
fn find_postgres() {
    const VERSIONS: &str = "/usr/lib/postgresql";
    println!("cargo::rustc-check-cfg=cfg(has_postgres)");
    println!("cargo::rerun-if-changed={VERSIONS}");
    let mut versions = Path::new(VERSIONS).read_dir().into_iter().flatten().flatten();
    if versions.any(|version| version.path().join("bin/initdb").is_file()) {
        println!("cargo::rustc-cfg=has_postgres");
    }
}

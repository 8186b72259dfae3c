//! Tells the tests whether there is a PostgreSQL server that they can start.

use std::path::Path;

/// Where Debian's package `postgresql` puts its programs, a folder a version.
const VERSIONS: &str = "/usr/lib/postgresql";

fn main() {
    println!("cargo::rustc-check-cfg=cfg(has_postgres)");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={VERSIONS}");
    let has_server = |version: &Path| version.join("bin/initdb").is_file();
    let mut versions = Path::new(VERSIONS).read_dir().into_iter().flatten().flatten();
    if versions.any(|version| has_server(&version.path())) {
        println!("cargo::rustc-cfg=has_postgres");
    }
}

//! Tells the tests which servers this machine has, so that those that need another one are shown as
//! ignored instead of passing without having run.

use std::env;
use std::path::PathBuf;

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
    for (executable, cfg) in SERVERS {
        println!("cargo::rustc-check-cfg=cfg({cfg})");
        if folders.iter().any(|folder| folder.join(executable).is_file()) {
            println!("cargo::rustc-cfg={cfg}");
        }
    }
}

//! Fetches the official Socket.IO browser client, so that the server can hand it out as the Node.js
//! server does, and bundles the chat page. Without npm, or without a network, the build succeeds: the server then lacks the
//! client, and has the page as it is in `web`.

#[path = "../testing/installed.rs"]
mod installed;
#[path = "build/npm.rs"]
mod npm;
#[path = "build/page.rs"]
mod page;

use std::path::Path;
use std::{env, fs, io};

/// All that the Node.js server serves beside its endpoint.
const CLIENT_FILES: [&str; 8] = [
    "socket.io.js",
    "socket.io.js.map",
    "socket.io.min.js",
    "socket.io.min.js.map",
    "socket.io.esm.min.js",
    "socket.io.esm.min.js.map",
    "socket.io.msgpack.min.js",
    "socket.io.msgpack.min.js.map",
];

fn main() -> io::Result<()> {
    println!("cargo::rustc-check-cfg=cfg(has_socket_io_client)");
    println!("cargo::rerun-if-changed=build.rs");
    // The tests are those of the program.
    if env::var_os("CARGO_FEATURE_PROGRAM").is_some() {
        let programs =
            ["redis-server", "nats-server", "nginx", "promtool", "python3", "systemd-analyze"];
        installed::tell_of(&programs);
        find_browser();
        find_other_clients();
    }
    if env::var_os("CARGO_FEATURE_PAGE").is_none() {
        return Ok(());
    }
    println!("cargo::rerun-if-changed=web");

    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    let out = Path::new(&out);
    let packages = out.join("npm");
    let node_modules = packages.join("node_modules");
    println!("cargo::rustc-env=CHAT_NODE_MODULES={}", node_modules.display());

    let generated = match npm::install(&packages).and_then(|()| embed(&node_modules)) {
        Ok(generated) => {
            println!("cargo::rustc-cfg=has_socket_io_client");
            println!("cargo::metadata=node_modules={}", node_modules.display());
            generated
        }
        Err(reason) => {
            println!(
                "cargo::warning=the Socket.IO browser client is not built in ({reason}): \
                 the chat page will not work until Node.js with npm is installed and the server built again"
            );
            // A file that never exists: cargo runs this script again at every build until it succeeds.
            println!("cargo::rerun-if-changed={}", out.join("try-again").display());
            embedding("", "")
        }
    };
    fs::write(out.join("socket_io_client.rs"), generated)?;
    page::write(out, &node_modules)
}

/// Tells the tests of the page whether there is a browser and what drives it, which `scripts/test` installs;
/// the server itself needs neither.
fn find_browser() {
    println!("cargo::rustc-check-cfg=cfg(has_browser)");
    // The directory, which is always there: for a file that is missing, cargo would run this every time.
    println!("cargo::rerun-if-changed=tests/browser/npm");
    println!("cargo::rerun-if-changed=/usr/bin/chromium");
    let driver = Path::new("tests/browser/npm/node_modules/.installed");
    if driver.exists() && Path::new("/usr/bin/chromium").exists() {
        println!("cargo::rustc-cfg=has_browser");
    }
}

/// Tells the tests with clients in other languages and of other versions whether those are there, which `scripts/test`
/// installs; the server itself needs none of them.
fn find_other_clients() {
    println!("cargo::rustc-check-cfg=cfg(has_other_clients)");
    let mut all = true;
    for (directory, installed) in [
        ("tests/clients/npm", "node_modules/.installed"),
        ("tests/clients/python", "venv/.installed"),
    ] {
        // The directory, as for the browser.
        println!("cargo::rerun-if-changed={directory}");
        all &= Path::new(directory).join(installed).exists();
    }
    if all {
        println!("cargo::rustc-cfg=has_other_clients");
    }
}

/// The Rust source that embeds the client's files.
fn embed(node_modules: &Path) -> Result<String, String> {
    let package = node_modules.join("socket.io-client");
    let manifest = fs::read_to_string(package.join("package.json")).map_err(|e| e.to_string())?;
    let version = manifest
        .split_once("\"version\": \"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(version, _)| version)
        .ok_or("socket.io-client names no version")?;
    let mut files = String::new();
    for name in CLIENT_FILES {
        let path = package.join("dist").join(name);
        if !path.is_file() {
            return Err(format!("socket.io-client has no {name}"));
        }
        // Not the whole path: the target folder may be moved with what is built.
        files += &format!(
            "    ({name:?}, include_bytes!(\"npm/node_modules/socket.io-client/dist/{name}\")),\n"
        );
    }
    Ok(embedding(version, &files))
}

fn embedding(version: &str, files: &str) -> String {
    format!("const VERSION: &str = {version:?};\nconst FILES: &[(&str, &[u8])] = &[\n{files}];\n")
}

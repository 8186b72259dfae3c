//! Tells the tests where `chat-server` has installed the official JavaScript client, if it could, and whether there is a
//! browser.

use std::env;
use std::path::Path;

/// What drives the browser in the tests of `chat-server`, and is installed by `scripts/test`.
const DRIVER: &str = "../../chat-server/tests/browser/npm";

fn main() {
    println!("cargo::rustc-check-cfg=cfg(has_socket_io_client)");
    println!("cargo::rerun-if-changed=build.rs");
    if let Ok(node_modules) = env::var("DEP_CHAT_SERVER_NODE_MODULES") {
        println!("cargo::rustc-cfg=has_socket_io_client");
        println!("cargo::rustc-env=CHAT_NODE_MODULES={node_modules}");
    }
    println!("cargo::rustc-check-cfg=cfg(has_browser)");
    println!("cargo::rerun-if-changed={DRIVER}");
    println!("cargo::rerun-if-changed=/usr/bin/chromium");
    let is_installed = Path::new(DRIVER).join("node_modules/.installed").exists();
    if is_installed && Path::new("/usr/bin/chromium").exists() {
        println!("cargo::rustc-cfg=has_browser");
    }
}

//! The pages of the steps in a real browser: each test here runs one file of `tests/browser`.
//!
//! By hand: `TUTORIAL_BIN=target/debug/step_10_events_of_your_own CHAT_NODE_MODULES=… node
//! tests/browser/killed.test.mjs`. `scripts/pictures` makes the pictures of the walkthrough.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn run(name: &str) {
    let Some(node_modules) = option_env!("CHAT_NODE_MODULES") else {
        panic!("install Node.js 18 or later with npm and build again");
    };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/browser/{name}.test.mjs"));
    let pictures = std::env::var_os("TUTORIAL_PICTURES").map_or_else(
        || Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("screenshots").join("tutorial"),
        PathBuf::from,
    );
    let output = Command::new("node")
        .arg("--test-reporter=spec")
        .arg(file)
        .env("TUTORIAL_BIN", env!("CARGO_BIN_EXE_step_10_events_of_your_own"))
        .env("TUTORIAL_PICTURES", pictures)
        .env("CHAT_NODE_MODULES", node_modules)
        .stdin(Stdio::null())
        .output()
        .expect("node must be on the path");
    println!("{}", String::from_utf8_lossy(&output.stdout));
    println!("{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name} failed: {}", output.status);
}

#[test]
#[cfg_attr(
    not(all(has_browser, has_socket_io_client)),
    ignore = "needs chromium and Node.js with npm; scripts/test installs what drives it"
)]
fn killed() {
    run("killed");
}

#[test]
#[cfg_attr(
    not(all(has_browser, has_socket_io_client)),
    ignore = "needs chromium and Node.js with npm; scripts/test installs what drives it"
)]
fn pictures() {
    run("pictures");
}

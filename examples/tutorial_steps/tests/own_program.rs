//! "Your own program" of the walkthrough: its lines alone, in an empty folder, make the program of step 7.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const FILES: [&str; 3] = ["Cargo.toml", "src/main.rs", "src/index.html"];

/// The block below the line that is the file's name and a colon.
fn file_of_the_walkthrough<'a>(page: &'a str, name: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("\n`{name}`:\n\n```")).expect(name);
    let (_language, rest) = rest.split_once('\n').expect(name);
    rest.split_once("```\n").expect(name).0
}

/// Writes the program into an empty folder and builds it, with this repository as the clone.
fn build(folder: &Path, root: &Path) -> PathBuf {
    let page = fs::read_to_string(root.join("docs/TUTORIAL.md")).unwrap();
    let program = folder.join("my_chat");
    fs::create_dir_all(program.join("src")).unwrap();
    for name in FILES {
        // The clone is where it is, so that cargo knows what it has built of it.
        let clone = format!("\"{}/", root.display());
        let file = file_of_the_walkthrough(&page, name).replace("\"../chat/", &clone);
        fs::write(program.join(name), file).unwrap();
    }
    // The versions that are here already: nothing is fetched.
    fs::copy(root.join("Cargo.lock"), program.join("Cargo.lock")).unwrap();
    // Where most dependencies have been built already, in the profile of this workspace.
    let target =
        Path::new(env!("CARGO_BIN_EXE_step_7_server_delivery")).ancestors().nth(2).unwrap();
    let built = Command::new(env!("CARGO"))
        .args(["build", "--offline", "--target-dir"])
        .arg(target)
        .env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only")
        .current_dir(&program)
        .status()
        .unwrap();
    assert!(built.success());
    target.join("debug/my_chat")
}

#[test]
#[cfg_attr(not(has_socket_io_client), ignore = "needs Node.js with npm")]
fn the_lines_of_the_walkthrough_make_the_program_of_step_7_in_an_empty_folder() {
    let Some(node_modules) = option_env!("CHAT_NODE_MODULES") else {
        panic!("install Node.js 18 or later with npm and build again");
    };
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package.join("../..").canonicalize().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let program = build(folder.path(), &root);
    for checks in ["step_7_server_delivery", "own_program"] {
        let tested = Command::new("node")
            .arg("--test-reporter=spec")
            .arg(package.join(format!("tests/js/{checks}.test.mjs")))
            .env("TUTORIAL_BIN", &program)
            .env("CHAT_NODE_MODULES", node_modules)
            .stdin(Stdio::null())
            .status()
            .unwrap();
        assert!(tested.success(), "{checks}");
    }
}

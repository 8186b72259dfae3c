//! "Your own program" of the walkthrough: its lines alone, in an empty folder, make the program of step 7, and its commands
//! take the program of step 10 along.

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

/// The block of this language that begins with this text.
fn block_of_the_walkthrough<'a>(page: &'a str, language: &str, start: &str) -> &'a str {
    let start = format!("\n```{language}\n{start}");
    let at = page.find(&start).expect(&start) + "\n```\n".len() + language.len();
    page[at..].split_once("```\n").expect(&start).0
}

/// Writes the program into an empty folder, takes that of step 10 along, and builds both, with this repository as the
/// clone. Returns the folder with the programs.
fn build(folder: &Path, root: &Path) -> PathBuf {
    let page = fs::read_to_string(root.join("docs/TUTORIAL.md")).unwrap();
    // The clone is where it is, so that cargo knows what it has built of it.
    let page = page.replace("../chat/", &format!("{}/", root.display()));
    let program = folder.join("my_chat");
    fs::create_dir_all(program.join("src")).unwrap();
    for name in FILES {
        fs::write(program.join(name), file_of_the_walkthrough(&page, name)).unwrap();
    }
    let more = block_of_the_walkthrough(&page, "toml", "async-trait");
    let manifest = file_of_the_walkthrough(&page, "Cargo.toml").to_owned() + more;
    fs::write(program.join("Cargo.toml"), manifest).unwrap();
    let copy = block_of_the_walkthrough(&page, "sh", "mkdir -p src/bin");
    let copied = Command::new("sh").args(["-ec", copy]).current_dir(&program).status().unwrap();
    assert!(copied.success());
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
    target.join("debug")
}

#[test]
#[cfg_attr(not(has_socket_io_client), ignore = "needs Node.js with npm")]
fn the_lines_of_the_walkthrough_make_the_programs_of_steps_7_and_10_in_an_empty_folder() {
    let Some(node_modules) = option_env!("CHAT_NODE_MODULES") else {
        panic!("install Node.js 18 or later with npm and build again");
    };
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package.join("../..").canonicalize().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let built = build(folder.path(), &root);
    for (program, checks) in [
        ("my_chat", "step_7_server_delivery"),
        ("my_chat", "own_program"),
        ("to_do", "step_10_events_of_your_own"),
    ] {
        let tested = Command::new("node")
            .arg("--test-reporter=spec")
            .arg(package.join(format!("tests/js/{checks}.test.mjs")))
            .env("TUTORIAL_BIN", built.join(program))
            .env("CHAT_NODE_MODULES", node_modules)
            .stdin(Stdio::null())
            .status()
            .unwrap();
        assert!(tested.success(), "{checks}");
    }
}

//! The official JavaScript client against the binary: each test here runs one file of `tests/js`.
//!
//! To run one file by hand, with its output as it comes:
//! `CHAT_SERVER_BIN=… CHAT_NODE_MODULES=… node tests/js/cuts.test.mjs`.

use std::path::Path;
use std::process::{Command, Stdio};

use tokio::sync::Mutex;

/// One file at a time: they measure time and memory, and each keeps a small machine busy.
pub(crate) static MACHINE: Mutex<()> = Mutex::const_new(());

/// Runs one file when it is its turn, with these variables beside those that every file gets.
pub(crate) fn run(file: &str, variables: &[(&str, &str)]) {
    let _turn = MACHINE.blocking_lock();
    run_now(file, variables);
}

/// Runs one file for a caller that has the machine.
pub(crate) fn run_now(file: &str, variables: &[(&str, &str)]) {
    run_in("js", file, variables);
}

/// Runs one file of a directory of tests, for a caller that has the machine.
pub(crate) fn run_in(directory: &str, file: &str, variables: &[(&str, &str)]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(directory).join(file);
    // Without `--test`, the test runner is the same, in one process: nothing can outlive it.
    node(&path, &["--test-reporter=spec"], &[], variables);
}

/// Runs a program with these options of Node.js and arguments of its own, for a caller that has the machine.
pub(crate) fn node(
    program: &Path,
    options: &[&str],
    arguments: &[&str],
    variables: &[(&str, &str)],
) {
    let Some(node_modules) = option_env!("CHAT_NODE_MODULES") else {
        panic!("the build script did not say where it installed the JavaScript client");
    };
    if !cfg!(has_socket_io_client) {
        panic!(
            "the JavaScript client is missing: install Node.js 18 or later with npm and build again"
        );
    }
    let output = Command::new("node")
        .args(options)
        .arg(program)
        .args(arguments)
        .env("CHAT_SERVER_BIN", env!("CARGO_BIN_EXE_chat-server"))
        .env("CHAT_NODE_MODULES", node_modules)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("node must be on the path");
    println!("{}", String::from_utf8_lossy(&output.stdout));
    println!("{}", String::from_utf8_lossy(&output.stderr));
    let name = program.file_name().unwrap_or_default().display();
    assert!(output.status.success(), "{name} failed: {}", output.status);
}

macro_rules! files {
    ($($name:ident)*) => {$(
        #[test]
        #[cfg_attr(not(has_socket_io_client), ignore = "needs Node.js with npm")]
        fn $name() {
            run(concat!(stringify!($name), ".test.mjs"), &[]);
        }
    )*};
}

files! {
    administrator
    backups
    changes
    cli
    client_files
    client_handover
    client_library
    client_library_past
    client_library_alone
    client_mentions
    config
    crash
    cuts
    drain
    duplicates
    erasure
    file_limits
    files
    forks
    handshake
    history
    history_event
    importing
    input
    join
    kept_rooms
    keys
    lost_polls
    malformed
    metrics
    moderation
    moved_files
    moving
    msgpack
    names
    nicknames
    operator
    operator_history
    operator_nodes
    origins
    page_texts
    pipeline
    presence
    private_messages
    protocol
    public_id
    reading
    readme
    recovery
    registration
    retention
    rooms
    search
    sessions
    shutdown
    tls
    token_keys
    tokens
    tutorial
    unread
    upgrade
    users
}

#[test]
fn every_file_is_listed() {
    let listed = concat!(
        include_str!("javascript.rs"),
        include_str!("disks.rs"),
        include_str!("guarded.rs"),
        include_str!("nginx.rs"),
        include_str!("nodes.rs"),
        include_str!("policy.rs"),
        include_str!("rate.rs")
    );
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/js");
    for entry in directory.read_dir().expect("the directory of the tests is there") {
        let name = entry.expect("its entries can be read").file_name();
        let name = name.to_str().expect("their names are plain");
        if let Some(stem) = name.strip_suffix(".test.mjs") {
            let is_listed = listed.lines().any(|line| line.trim() == stem || line.contains(name));
            assert!(is_listed, "no test runs {name}");
        }
    }
}

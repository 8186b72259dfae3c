//! The quick comparison, which only counts, and two nodes, against real servers: nothing missing,
//! repeated or reordered.

#![allow(clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// The server that lies beside this package's programs. Whoever tests the whole workspace has built
/// it; else it is built now.
fn chat_server() -> PathBuf {
    let server = Path::new(env!("CARGO_BIN_EXE_load")).with_file_name("chat-server");
    if !server.is_file() {
        let built = Command::new(env!("CARGO")).args(["build", "-p", "chat-server"]).status();
        assert!(built.expect("cargo runs").success(), "the server is built");
    }
    server
}

fn load(arguments: &[&str]) -> (bool, String, String) {
    let cache = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let output = Command::new(env!("CARGO_BIN_EXE_load"))
        .args(arguments)
        .arg("--server")
        .arg(chat_server())
        .arg("--cache")
        .arg(cache.path())
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    let (out, err) = (text(output.stdout), text(output.stderr));
    println!("{out}\n{err}");
    (output.status.success(), out, err)
}

#[test]
fn every_mode_finds_every_delivery_once_and_in_order() {
    let small = ["--scale", "0.01", "--duration", "200ms", "--warm-up", "100ms"];
    let (success, table, _) = load(&[&["compare", "--quick"], &small[..]].concat());
    assert!(success);
    let right = table.matches("| 0 / 0 / 0 ").count();
    assert_eq!(right, table.matches("missing / repeated / out of order").count());
    assert!(right >= 15, "{right} scenarios were measured");
}

#[test]
fn receivers_at_another_node_get_every_delivery_once_and_in_order() {
    let small = ["--receivers", "3", "--duration", "200ms", "--warm-up", "100ms", "--allow-debug"];
    let (success, table, _) = load(&[&["nodes", "--adapters", "cluster"], &small[..]].concat());
    assert!(success);
    assert_eq!(table.matches("| 0 / 0 / 0 ").count(), 2, "{table}");
}

#[test]
fn a_server_that_loses_messages_is_found_out() {
    // It replays a history in a loop, and what does not fit into a socket's buffer is lost.
    let arguments = ["replay", "--messages", "20000", "--on", "naive", "--allow-debug"];
    let (_, table, log) = load(&arguments);
    assert!(!table.contains("| 0 / 0 / 0 "), "{table}");
    assert!(log.contains("missing: "), "{log}");
}

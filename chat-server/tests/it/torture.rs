//! Half a minute of `examples/torture` each, which users can run for longer.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::javascript::MACHINE;

/// Runs it with these arguments when it is its turn.
fn torture(arguments: &[&str]) {
    let _turn = MACHINE.blocking_lock();
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/torture/torture.mjs");
    let Some(node_modules) = option_env!("CHAT_NODE_MODULES") else {
        panic!("the build script did not say where it installed the JavaScript client");
    };
    let output = Command::new("node")
        .arg(program)
        .args(["--story", "--seconds", "20", "--server", env!("CARGO_BIN_EXE_chat-server")])
        .args(arguments)
        .env("CHAT_NODE_MODULES", node_modules)
        .stdin(Stdio::null())
        .output()
        .expect("node must be on the path");
    println!("{}", String::from_utf8_lossy(&output.stdout));
    println!("{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {}", output.status);
}

#[test]
#[cfg_attr(not(has_socket_io_client), ignore = "needs Node.js with npm")]
fn one_node() {
    torture(&[]);
}

#[test]
#[cfg(all(feature = "postgres", feature = "redis"))]
#[cfg_attr(
    not(all(has_socket_io_client, has_redis_server, has_postgres)),
    ignore = "needs Node.js with npm, redis-server and postgresql"
)]
fn two_nodes_with_postgres_and_redis() {
    torture(&["--nodes", "2", "--store", "postgres", "--adapter", "redis"]);
}

//! Half a minute of `examples/torture` each, which users can run for longer.

use std::path::Path;

use crate::javascript::{MACHINE, node};

/// Runs it with these arguments when it is its turn.
fn torture(arguments: &[&str]) {
    let _turn = MACHINE.blocking_lock();
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/torture/torture.mjs");
    let always = ["--story", "--seconds", "20", "--server", env!("CARGO_BIN_EXE_chat-server")];
    node(&program, &[], &[&always, arguments].concat(), &[]);
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

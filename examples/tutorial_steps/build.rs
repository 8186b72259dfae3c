//! Tells the tests where `chat-server` has installed the official JavaScript client, if it could.

use std::env;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(has_socket_io_client)");
    println!("cargo::rerun-if-changed=build.rs");
    if let Ok(node_modules) = env::var("DEP_CHAT_SERVER_NODE_MODULES") {
        println!("cargo::rustc-cfg=has_socket_io_client");
        println!("cargo::rustc-env=CHAT_NODE_MODULES={node_modules}");
    }
}

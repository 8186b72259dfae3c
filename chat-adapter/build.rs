//! Tells the tests which brokers they can start.

#[path = "../testing/installed.rs"]
mod installed;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    installed::tell_of(&["redis-server", "nats-server"]);
}

//! Tells the tests whether there is a PostgreSQL server that they can start.

#[path = "../testing/installed.rs"]
mod installed;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    installed::tell_of(&[]);
}

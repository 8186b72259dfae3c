//! Every program does what its step says: each test here starts one and talks to it with the official
//! JavaScript client, as the file of `tests/js` with its name says.
//!
//! By hand: `TUTORIAL_BIN=… CHAT_NODE_MODULES=… node tests/js/step_5_broadcasting.test.mjs`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::process::{Command, Stdio};

fn run(name: &str, program: &str) {
    let Some(node_modules) = option_env!("CHAT_NODE_MODULES") else {
        panic!("install Node.js 18 or later with npm and build again");
    };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/js/{name}.test.mjs"));
    // Without `--test`, the test runner is the same, in one process: nothing can outlive it.
    let output = Command::new("node")
        .arg("--test-reporter=spec")
        .arg(file)
        .env("TUTORIAL_BIN", program)
        .env("CHAT_NODE_MODULES", node_modules)
        .stdin(Stdio::null())
        .output()
        .expect("node must be on the path");
    println!("{}", String::from_utf8_lossy(&output.stdout));
    println!("{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name} failed: {}", output.status);
}

macro_rules! programs {
    ($($name:ident)*) => {
        const PROGRAMS: &[&str] = &[$(stringify!($name)),*];

        $(
            #[test]
            #[cfg_attr(not(has_socket_io_client), ignore = "needs Node.js with npm")]
            fn $name() {
                run(stringify!($name), env!(concat!("CARGO_BIN_EXE_", stringify!($name))));
            }
        )*
    };
}

programs! {
    step_1_hello_world
    step_2_serving_the_page
    step_3_integrating_socket_io
    step_4_emitting_events
    step_5_broadcasting
    api_overview
    step_6_connection_state_recovery
    step_7_server_delivery
    step_8_client_delivery
    step_9_scaling
    step_10_events_of_your_own
    step_11_who_may_what
    step_12_bot
    step_12_other_programs
    homework_comings_and_goings
    homework_nicknames
    homework_own_messages
    homework_private_messages
    homework_typing
    homework_who_is_online
}

/// The names of the files in a folder of this package.
fn names(folder: &str) -> Vec<String> {
    let entries = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).read_dir().unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn every_program_is_tested_and_in_the_table() {
    let table = include_str!("../README.md");
    for name in names("src/bin") {
        let name = name.strip_suffix(".rs").unwrap();
        assert!(PROGRAMS.contains(&name), "no test runs {name}");
        assert!(table.contains(&format!("](src/bin/{name}.rs)")), "{name} is not in the table");
        assert!(table.contains(&format!("`cargo run -p tutorial_steps --bin {name}`")), "{name}");
    }
}

#[test]
fn every_program_and_its_page_fit_on_a_few_screens() {
    for (folder, most) in [("src/bin", 120), ("pages", 120)] {
        for name in names(folder) {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(&name);
            let lines = std::fs::read_to_string(path).unwrap().lines().count();
            assert!(lines <= most, "{name} has {lines} lines");
        }
    }
}

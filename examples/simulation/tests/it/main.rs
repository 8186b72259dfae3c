//! Runs the program, which needs processes without other threads.

use std::process::{Command, Output};

#[expect(clippy::unwrap_used, reason = "it is there")]
fn simulation(arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_simulation");
    Command::new(program).args(arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_promises_hold() {
    let output = simulation(&["--seeds", "120"]);
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn they_hold_while_somebody_moderates() {
    let output = simulation(&["--moderated", "--seeds", "60"]);
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn they_hold_while_the_log_loses_its_end() {
    let output = simulation(&["--forked", "--seeds", "100"]);
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn they_hold_while_the_beginning_of_the_log_is_deleted() {
    let output = simulation(&["--retained", "--seeds", "100"]);
    assert!(output.status.success(), "{}", text(&output));
}

/// Each was broken by a fault that is mended. What a seed does changes with the simulation, so this is no proof.
#[test]
fn what_was_broken_once_holds() {
    for seed in ["1199", "4464", "5028", "5635", "72845"] {
        let output = simulation(&["--seed", seed]);
        assert!(output.status.success(), "{seed}: {}", text(&output));
    }
}

#[test]
fn a_run_is_a_function_of_its_seed() {
    let hash = |seed: u64| text(&simulation(&["--seed", &seed.to_string(), "--trace-hash"]));
    let hashes: Vec<String> = (1..=8).map(hash).collect();
    assert_eq!(hashes, (1..=8).map(hash).collect::<Vec<_>>());
    assert_ne!(hashes[0], hashes[1]);
    // Also in the middle of other runs.
    assert_eq!(hashes.concat(), text(&simulation(&["--seeds", "8", "--trace-hash"])));
}

#[test]
fn planted_bugs_are_found() {
    let output = simulation(&["--plants", "--seeds", "400"]);
    assert!(output.status.success(), "{}", text(&output));
}

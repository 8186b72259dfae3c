//! [`model::append`].

use crate::check::{breaks, holds};
use model::append::{Append, Bug};

#[test]
fn it_holds() {
    holds(&Append::SMALL);
}

#[test]
fn it_holds_when_the_store_fails() {
    holds(&Append::SMALL_FAILURES);
}

#[test]
fn planted_bugs_are_found() {
    const ACKED: &str = "G1: an ack names the message in the log";
    const ONCE: &str = "G2: a key is stored once";
    const DENSE: &str = "G3: offsets are dense and visible in order";
    const ORDER: &str = "G3: a connection's messages are in the order it sent them";
    const ANSWERED: &str = "in the end everything is answered";
    for (bug, property) in [
        (Bug::AckBeforeCommit, ACKED),
        (Bug::CommitNotSynced, ACKED),
        (Bug::KeysForgotten, ONCE),
        (Bug::KeysPerNode, ONCE),
        (Bug::KeysOfAnybody, ACKED),
        (Bug::KeysOfAnybody, "G2: only another message's key is refused"),
        (Bug::ConflictAcked, ACKED),
        (Bug::FailureUsesOffsets, DENSE),
        (Bug::OffsetsBeforeLock, DENSE),
        (Bug::NewestFirst, ORDER),
        (Bug::LastBatchNotTold, ANSWERED),
        (Bug::NoRetry, ANSWERED),
    ] {
        breaks(&Append { bug: Some(bug), failures: 1, ..Append::SMALL }, property);
    }
}

//! [`model::delivery`].

use model::delivery::{Bug, Delivery};

use crate::check::{breaks, holds};

const ROOM: &str = "G4: a client gets the messages of its room in order, each once, without a gap";
const ARRIVES: &str = "in the end everything arrives";

#[test]
fn it_holds_with_little_memory() {
    holds(&Delivery::SMALL_MEMORY);
}

#[test]
fn it_holds_over_a_crash() {
    holds(&Delivery::SMALL_CRASH);
}

#[test]
fn it_holds_over_a_broken_connection() {
    holds(&Delivery::SMALL_CUT);
}

#[test]
fn it_holds_with_a_second_room() {
    holds(&Delivery::SMALL_JOIN);
}

#[test]
fn planted_bugs_are_found() {
    let (memory, cut) = (&Delivery::SMALL_MEMORY, &Delivery::SMALL_CUT);
    for (bug, property, model) in [
        (Bug::GapNotSeen, ROOM, &Delivery { memory: 8, ..memory.clone() }),
        (Bug::HintTrusted, "G3: a client gets only what is in the log", memory),
        (Bug::NoPoll, ARRIVES, &Delivery::SMALL_CRASH),
        (Bug::CursorBeforeHandOver, ROOM, memory),
        (Bug::FeedWithoutFloor, ROOM, cut),
        (Bug::TailAfterRead, ARRIVES, &Delivery { rooms: &[1, 1, 0], ..cut.clone() }),
        (Bug::GrownForgotten, ARRIVES, &Delivery { limit: 1, memory: 8, ..memory.clone() }),
        (Bug::ResumesAtTheEnd, ROOM, cut),
    ] {
        breaks(&Delivery { bug: Some(bug), ..model.clone() }, property);
    }
}

#[test]
fn planted_bugs_of_joins_are_found() {
    let silent = Delivery { join_answered: false, ..Delivery::SMALL_JOIN };
    // What is joined lies within a page.
    let spread = Delivery { rooms: &[0, 1, 0], crashes: 0, ..Delivery::SMALL_JOIN };
    let failing = Delivery { memory: 0, failures: 1, ..silent.clone() };
    for (bug, property, model) in [
        (Bug::RewindWithoutMarks, ROOM, &Delivery::SMALL_JOIN),
        (Bug::PageKeptOverRewind, ARRIVES, &spread),
        (Bug::PageKeptOverJoin, ARRIVES, &spread),
        (Bug::AnswerNotSaved, "G6: an answered join is kept", &Delivery::SMALL_JOIN),
        (Bug::RewindNotSaved, ROOM, &silent),
        (Bug::RewindNotSavedAfterFailure, ROOM, &failing),
    ] {
        breaks(&Delivery { bug: Some(bug), ..model.clone() }, property);
    }
}

/// The offset of a client does not tell whether it is from before a rewind; the rewinds of its position do.
#[test]
fn it_holds_over_a_connection_that_breaks_around_a_rewind() {
    let model = Delivery { crashes: 0, cuts: 1, ..Delivery::SMALL_JOIN };
    holds(&model);
    breaks(&Delivery { bug: Some(Bug::PositionAfterRewind), ..model.clone() }, ARRIVES);
    breaks(&Delivery { bug: Some(Bug::PositionBeforeRewind), ..model.clone() }, ROOM);
    breaks(&Delivery { bug: Some(Bug::ResumeNotSaved), cuts: 2, ..model }, ROOM);
}

//! [`model::session`].

use model::session::{Bug, Ownership};

use crate::check::{breaks, holds};

const FENCE: &str = "G6: once an owner has saved, no earlier one does";
const GENERATION: &str = "G6: no two owners have the same generation";
const KEPT: &str = "G6: an answered change is not forgotten";
const NEWEST: &str = "G6: the newest connection is not evicted";
const FOUND: &str = "G6: a session is found again";
const SETTLED: &str = "in the end the newest connection alone has it";

#[test]
fn it_holds() {
    holds(&Ownership::SMALL);
}

#[test]
fn it_holds_over_crashes_and_failures() {
    holds(&Ownership::SMALL_FAULTS);
}

#[test]
fn planted_bugs_are_found() {
    let (small, faults) = (&Ownership::SMALL, &Ownership::SMALL_FAULTS);
    for (bug, property, model) in [
        (Bug::FenceIgnored, FENCE, small),
        (Bug::RevisionIgnored, KEPT, faults),
        (Bug::LastHandledWins, NEWEST, small),
        (Bug::SessionSavedAfterAnswer, FOUND, faults),
        (Bug::ChangeAnsweredBeforeSave, KEPT, faults),
        (Bug::StoreNotAsked, KEPT, small),
        (Bug::FailedSaveForgotten, SETTLED, faults),
    ] {
        breaks(&Ownership { bug: Some(bug), ..model.clone() }, property);
    }
}

/// A known limit, see the README.
#[test]
fn three_connections_of_one_millisecond_on_two_nodes_can_share_a_generation() {
    breaks(&Ownership { same_tick: true, ..Ownership::SMALL }, GENERATION);
}

//! [`model::wake`], [`model::turns`] and [`model::window`].

use model::turns::{self, Turns};
use model::wake::{Bug, Wake};
use model::window::{self, Window};

use crate::check::{breaks, holds};

#[test]
fn they_hold() {
    holds(&Wake::SMALL);
    holds(&Turns::SMALL);
    holds(&Window::SMALL);
}

#[test]
fn planted_bugs_of_the_delivery_task_are_found() {
    const ANSWERS: &str = "in the end all answers are handed over";
    const MESSAGES: &str = "in the end all messages are handed over";
    for (bug, property) in [
        (Bug::WakeBeforeMark, MESSAGES),
        (Bug::NotificationNotKept, ANSWERS),
        (Bug::NotificationNotKept, "in the end a drained task has ended"),
        (Bug::NoLookAfterStore, MESSAGES),
        (Bug::MarkUnsetLate, MESSAGES),
    ] {
        breaks(&Wake { bug: Some(bug), ..Wake::SMALL }, property);
    }
    // A shutdown hands over what was forgotten.
    breaks(&Wake { bug: Some(Bug::FlagUnsetLate), drains: false, ..Wake::SMALL }, ANSWERS);
}

#[test]
fn planted_bugs_of_the_request_queue_are_found() {
    const ORDER: &str = "G3: requests have their effects in order";
    for (bug, property) in [
        (turns::Bug::NotPolledAtOnce, ORDER),
        (turns::Bug::TurnForAnybody, ORDER),
        (turns::Bug::TurnKept, "in the end all requests are done"),
    ] {
        breaks(&Turns { bug: Some(bug), ..Turns::SMALL }, property);
    }
}

#[test]
fn planted_bugs_of_the_window_are_found() {
    const DONE: &str = "in the end all requests are read and done";
    for (bug, property) in [
        (window::Bug::CheckBeforeRegister, DONE),
        (window::Bug::WakeBeforeSubtract, DONE),
        (window::Bug::WakeAtTheLimitOnly, DONE),
        (window::Bug::OneMore, "G8: no request is read at the limit"),
    ] {
        breaks(&Window { bug: Some(bug), ..Window::SMALL }, property);
    }
}

//! What the tests of all models do.

use model::{Protocol, counterexample, endless_run, explore};

/// Checks that no property is broken, that everything that should be possible is, and that each run ends.
pub(crate) fn holds<M: Protocol>(model: &M) {
    let (explored, broken) = explore(model, None, |_| ());
    assert!(broken.is_empty(), "{:?}: {broken:#?}", explored);
    assert_eq!(endless_run(model), None);
    println!("{} states, depth {}, {:?}", explored.states, explored.depth, explored.time);
}

/// Checks that a property is broken.
pub(crate) fn breaks<M: Protocol + std::fmt::Debug>(model: &M, property: &'static str) {
    let found = counterexample(model, property);
    assert!(found.is_some(), "{property}: {model:?}");
}

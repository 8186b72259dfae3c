use std::collections::{BTreeSet, HashMap};
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use stateright::{Checker, HasDiscoveries, Model};

/// A model with faults. Everything else is what the protocol does when it is left alone.
pub trait Protocol:
    Model<
        State: Clone + Debug + Hash + PartialEq + Send + Sync,
        Action: Clone + Debug + PartialEq + Send + Sync,
    > + Clone
    + Send
    + Sync
    + 'static
{
    /// Returns whether an action is a fault, so that it need not happen.
    fn is_fault(action: &Self::Action) -> bool;

    /// Carries out an action.
    fn apply(&self, state: &mut Self::State, action: &Self::Action);

    /// Returns the state after an action; none if it changes nothing.
    fn applied(&self, state: &Self::State, action: &Self::Action) -> Option<Self::State> {
        let mut next = state.clone();
        self.apply(&mut next, action);
        (next != *state).then_some(next)
    }

    /// Returns whether nothing happens any more unless there is another fault.
    fn is_at_rest(&self, state: &Self::State) -> bool {
        let mut actions = Vec::new();
        self.actions(state, &mut actions);
        let mut own = actions.into_iter().filter(|action| !Self::is_fault(action));
        !own.any(|action| self.next_state(state, action).is_some())
    }
}

/// How much was explored.
#[derive(Debug, Clone, Copy)]
pub struct Explored {
    /// The number of different states.
    pub states: usize,
    /// The number of steps to a state.
    pub steps: usize,
    /// The length of the longest of the shortest ways to a state.
    pub depth: usize,
    /// How long it took.
    pub time: Duration,
    /// Whether these are all states within the bounds.
    pub all: bool,
}

/// A run that breaks a property.
#[derive(Debug, Clone)]
pub struct Counterexample {
    /// The property.
    pub property: &'static str,
    /// Its actions, in order.
    pub story: Vec<String>,
}

/// Explores all states, or the first `most` of them, and returns what breaks a property or was never seen although it
/// should be possible. Calls `progress` every second with the number of states.
pub fn explore<M: Protocol>(
    model: &M,
    most: Option<usize>,
    mut progress: impl FnMut(usize),
) -> (Explored, Vec<Counterexample>) {
    let begun = Instant::now();
    let mut builder = model.clone().checker().threads(2).finish_when(HasDiscoveries::AnyFailures);
    if let Some(most) = most {
        builder = builder.target_state_count(most);
    }
    let checker = builder.spawn_bfs();
    let mut told = Instant::now();
    while !checker.is_done() {
        std::thread::sleep(Duration::from_millis(5));
        if told.elapsed() >= Duration::from_secs(1) {
            progress(checker.unique_state_count());
            told = Instant::now();
        }
    }
    let (states, steps) = (checker.unique_state_count(), checker.state_count());
    let all = most.is_none_or(|most| steps < most);
    let discoveries = checker.discoveries();
    let mut broken = Vec::new();
    for property in model.properties() {
        let found = discoveries.get(property.name);
        if property.expectation.discovery_is_failure() {
            let story = found.map(|path| path.clone().into_actions());
            broken.extend(story.map(|actions| Counterexample {
                property: property.name,
                story: actions.iter().map(|action| format!("{action:?}")).collect(),
            }));
        } else if found.is_none() && all {
            broken.push(Counterexample { property: property.name, story: Vec::new() });
        }
    }
    let depth = checker.max_depth();
    (Explored { states, steps, depth, time: begun.elapsed(), all }, broken)
}

/// Returns the shortest run that breaks a property.
pub fn counterexample<M: Protocol>(model: &M, property: &'static str) -> Option<Counterexample> {
    let wanted = HasDiscoveries::AnyOf(BTreeSet::from([property]));
    let checker = model.clone().checker().finish_when(wanted).spawn_bfs().join();
    let path = checker.discovery(property)?;
    let story = path.into_actions().iter().map(|action| format!("{action:?}")).collect();
    Some(Counterexample { property, story })
}

/// Returns the actions of a run that never ends, if there is one.
///
/// With this, a property of all states at rest is one of all runs: each of them comes to rest. stateright's own
/// `eventually` overlooks runs that end in a circle.
pub fn endless_run<M: Protocol>(model: &M) -> Option<Vec<String>> {
    // Whether a state is on the current way, by its hash.
    let mut seen = HashMap::<u64, bool>::new();
    for state in model.init_states() {
        let mut way = vec![(hash(&state), String::new(), model.next_steps(&state))];
        seen.insert(hash(&state), true);
        while let Some((key, _, rest)) = way.last_mut() {
            let Some((action, next)) = rest.pop() else {
                seen.insert(*key, false);
                way.pop();
                continue;
            };
            let key = hash(&next);
            match seen.get(&key) {
                Some(true) => {
                    let from = way.iter().position(|(before, ..)| *before == key).unwrap_or(0);
                    let actions = way.drain(from + 1..).map(|(_, action, _)| action);
                    return Some(actions.chain([format!("{action:?}")]).collect());
                }
                Some(false) => {}
                None => {
                    seen.insert(key, true);
                    way.push((key, format!("{action:?}"), model.next_steps(&next)));
                }
            }
        }
    }
    None
}

fn hash(state: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}

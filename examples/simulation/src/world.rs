use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::consumer::Consumed;
use crate::disk::Disk;
use crate::faults::Fault;
use crate::plants::Plant;
use crate::rng::Rng;
use crate::rules::Rules;

/// The most bytes of a line of the story.
const LONGEST_LINE: usize = 300;

/// What to simulate. A run is a function of this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Decides everything.
    pub seed: u64,
    /// The bug to plant, if any.
    pub plant: Option<Plant>,
    /// The kinds of faults that do not happen, by their numbers.
    pub without: Vec<Fault>,
    /// The number of clients, if the seed is not to decide it.
    pub clients: Option<usize>,
    /// Whether to tell what happens if no promise is broken, too.
    pub story: bool,
    /// Whether somebody moderates in any case.
    pub moderated: bool,
    /// Whether the log loses its end from time to time.
    pub forked: bool,
    /// Whether the beginning of the log is deleted.
    pub retained: bool,
}

impl Run {
    /// A run of this seed as it is.
    pub const fn new(seed: u64) -> Self {
        Self {
            seed,
            plant: None,
            without: Vec::new(),
            clients: None,
            story: false,
            moderated: false,
            forked: false,
            retained: false,
        }
    }
}

/// What came of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// A hash of all that happened, with its times.
    pub hash: u64,
    /// The first promise that was broken, if any was.
    pub violation: Option<String>,
    /// What happened, a line each.
    pub story: Vec<String>,
    /// How often each fault happened, in the order of [`Fault::ALL`].
    pub faults: Vec<u64>,
    /// The simulated time in milliseconds.
    pub millis: u64,
    /// How many messages clients got, each of them checked.
    pub received: u64,
    /// How many answers clients got, each of them checked.
    pub answered: u64,
    /// How many connections clients made, and how many of them recovered their session.
    pub connected: (u64, u64),
}

/// What all parts of a run share: its random numbers, its story, and what is on the disk.
pub(crate) struct World {
    pub(crate) plant: Option<Plant>,
    /// Whether the story is wanted if no promise is broken.
    tells: bool,
    began: Instant,
    state: Mutex<State>,
    disk: Mutex<Disk>,
    /// Held by whoever commits.
    pub(crate) log: tokio::sync::Mutex<()>,
    /// Whether rooms are kept, and somebody changes who may read and write there.
    pub(crate) is_moderated: bool,
    /// Whether the log loses its end from time to time. Clients then ask for nothing that names an offset.
    pub(crate) is_forked: bool,
    /// Whether nodes keep only the newest messages.
    pub(crate) is_retained: bool,
    rules: Mutex<Rules>,
    /// Whether each node has a consumer.
    pub(crate) is_consumed: bool,
    consumed: Mutex<Consumed>,
    asked: Mutex<BTreeMap<usize, Asked>>,
}

/// What a client asks for now: the room, and on which node.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) room: String,
    pub(crate) node: usize,
    /// Since when.
    pub(crate) since: Instant,
    /// Whether it is to be done to somebody.
    pub(crate) is_deed: bool,
}

struct State {
    rng: Rng,
    outcome: Outcome,
    /// How often each kind of fault happens, in thousandths of the opportunities.
    rates: [usize; Fault::ALL.len()],
    calm: bool,
    latency: usize,
    /// How long messages are at least, in bytes.
    length: usize,
    /// How often clients have said something more after everything had arrived.
    round: usize,
}

impl World {
    pub(crate) fn new(run: &Run) -> Arc<Self> {
        let mut rng = Rng::new(run.seed);
        let is_forked = run.forked || run.plant.is_some_and(Plant::needs_forks);
        // Some runs have many kinds of faults, others few: what hides one bug shows another.
        let many = [0, 200, 500, 800][rng.below(4)];
        let rates = Fault::ALL.map(|fault| {
            if fault.is_fork() {
                return if is_forked && !run.without.contains(&fault) { 1000 } else { 0 };
            }
            let (on, rate) = (rng.chance(many), [10, 50, 200][rng.below(3)]);
            match run.plant {
                _ if run.without.contains(&fault) => 0,
                Some(plant) if plant.needs().contains(&fault) => 200,
                _ if on => rate,
                _ => 0,
            }
        });
        let latency = [1, 5, 40][rng.below(3)];
        let length = [0, 0, 0, 6000][rng.below(4)];
        let is_moderated = match run.plant {
            Some(plant) => plant.needs_rules() || run.moderated,
            None => rng.chance(400) || run.moderated,
        };
        let is_retained = run.retained || run.plant.is_some_and(Plant::needs_retention);
        let is_moderated = is_moderated && !is_forked && !is_retained;
        let is_consumed = (rng.chance(300) || Self::must_consume(run.plant)) && !is_forked;
        let is_consumed = is_consumed && !is_retained;
        let faults = vec![0; Fault::ALL.len()];
        let outcome = Outcome { hash: 0xcbf2_9ce4_8422_2325, faults, ..Outcome::default() };
        let disk = Mutex::new(Disk::new(run.plant, [1, 3, 1000][rng.below(3)]));
        let state =
            Mutex::new(State { rng, outcome, rates, calm: false, latency, length, round: 0 });
        let mut rules = Rules::default();
        rules.effects.set_latency(Duration::from_millis(latency as u64));
        Arc::new(Self {
            plant: run.plant,
            tells: run.story,
            began: Instant::now(),
            state,
            disk,
            log: tokio::sync::Mutex::default(),
            is_moderated,
            is_forked,
            is_retained,
            rules: Mutex::new(rules),
            is_consumed,
            consumed: Mutex::default(),
            asked: Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn consumed(&self) -> MutexGuard<'_, Consumed> {
        self.consumed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What clients ask for now, by their numbers.
    pub(crate) fn asked(&self) -> MutexGuard<'_, BTreeMap<usize, Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn random<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut self.state().rng)
    }

    /// Returns whether a fault happens now, and counts it.
    pub(crate) fn happens(&self, fault: Fault) -> bool {
        let state = &mut *self.state();
        let rate = if state.calm { 0 } else { state.rates[fault as usize] };
        let happens = state.rng.chance(rate);
        state.outcome.faults[fault as usize] += u64::from(happens);
        happens
    }

    /// Returns whether a planted bug shows now.
    pub(crate) fn is_planted(&self, plant: Plant, thousandths: usize) -> bool {
        self.plant == Some(plant) && self.random(|rng| rng.chance(thousandths))
    }

    /// Returns whether frames are forged in this run.
    pub(crate) fn is_forging(&self) -> bool {
        self.state().rates[Fault::FrameForged as usize] > 0
    }

    /// The kinds of faults of this run that happen from time to time.
    pub(crate) fn occasional_faults(&self) -> Vec<Fault> {
        let state = self.state();
        let on = |fault: &Fault| !fault.is_of_a_call() && state.rates[*fault as usize] > 0;
        Fault::ALL.into_iter().filter(on).collect()
    }

    pub(crate) fn count(&self, fault: Fault) {
        self.state().outcome.faults[fault as usize] += 1;
    }

    /// Takes as long as a step of a disk or a network does.
    pub(crate) async fn take_time(&self) {
        let micros = {
            let state = &mut *self.state();
            let slow = state.rng.chance(20);
            let most = state.latency * 1000 * if slow { 20 } else { 1 };
            state.rng.below(most)
        };
        sleep(Duration::from_micros(micros as u64)).await;
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.state().calm
    }

    /// Ends all faults.
    pub(crate) fn calm(&self) {
        self.state().calm = true;
        self.note("— no more faults —");
    }

    /// Makes a text as long as messages are in this run.
    pub(crate) fn padded(&self, text: String) -> String {
        let length = self.state().length;
        format!("{text:.<length$}")
    }

    pub(crate) fn round(&self) -> usize {
        self.state().round
    }

    /// Everything has arrived: clients say something more.
    pub(crate) fn next_round(&self) {
        self.state().round += 1;
    }

    /// Adds a line to the story.
    pub(crate) fn note(&self, what: impl std::fmt::Display) {
        let at = self.began.elapsed();
        let mut line = String::new();
        let _ = write!(line, "{:>8}.{:03} {what}", at.as_millis(), at.subsec_micros() % 1000);
        line.truncate(line.floor_char_boundary(LONGEST_LINE));
        let outcome = &mut self.state().outcome;
        for byte in line.bytes() {
            outcome.hash = (outcome.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        // What comes after a broken promise is of no interest.
        if outcome.violation.is_none() {
            outcome.story.push(line);
        }
    }

    /// Reports a broken promise.
    pub(crate) fn violated(&self, promise: impl std::fmt::Display) {
        let mut promise = promise.to_string();
        promise.truncate(promise.floor_char_boundary(LONGEST_LINE));
        self.note(format_args!("BROKEN: {promise}"));
        self.state().outcome.violation.get_or_insert(promise);
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.state().outcome.violation.is_some()
    }

    pub(crate) fn tally(&self, add: impl FnOnce(&mut Outcome)) {
        add(&mut self.state().outcome);
    }

    pub(crate) fn outcome(&self) -> Outcome {
        let mut outcome = self.state().outcome.clone();
        if !self.tells && outcome.violation.is_none() {
            outcome.story.clear();
        }
        outcome.millis = self.began.elapsed().as_millis() as u64;
        outcome
    }
}

/// The life of a node, from its start to its crash.
///
/// A node that has crashed is cut off from all that it could have an effect on: its calls of the store never happen
/// and never end, its frames go nowhere, and its connections are gone.
pub(crate) struct Life {
    pub(crate) node: usize,
    state: Mutex<(bool, Instant)>,
}

impl Life {
    pub(crate) fn new(node: usize) -> Arc<Self> {
        Arc::new(Self { node, state: Mutex::new((true, Instant::now())) })
    }

    fn state(&self) -> MutexGuard<'_, (bool, Instant)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.state().0
    }

    pub(crate) fn end(&self) {
        self.state().0 = false;
    }

    pub(crate) fn pause(&self, duration: Duration) {
        self.state().1 = Instant::now() + duration;
    }

    /// Waits while the node is paused, and for ever if it has crashed.
    pub(crate) async fn go_on(&self) {
        loop {
            let (alive, until) = *self.state();
            if !alive {
                return std::future::pending().await;
            }
            if until <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }
}

//! Simulates many seeds, or shows what happens with one.

use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use simulation::{Fault, Outcome, Plant, Run};

/// Simulates a chat cluster with its faults and clients, and checks the promises.
#[derive(Parser)]
struct Options {
    /// How many seeds to run.
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first one.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Runs one seed and tells whether the promises hold.
    #[arg(long)]
    seed: Option<u64>,
    /// Prints what happens with that seed.
    #[arg(long)]
    trace: bool,
    /// Prints a hash of what happens with that seed, and nothing else.
    #[arg(long)]
    trace_hash: bool,
    /// Plants a bug.
    #[arg(long)]
    plant: Option<Plant>,
    /// Plants each bug in turn, and looks for it in up to `--seeds` seeds.
    #[arg(long)]
    plants: bool,
    /// Does without these kinds of faults.
    #[arg(long, value_parser = fault)]
    without: Vec<Fault>,
}

fn fault(name: &str) -> Result<Fault, String> {
    let named = Fault::ALL.into_iter().find(|fault| format!("{fault:?}") == name);
    named.ok_or_else(|| format!("there are {:?}", Fault::ALL))
}

fn main() -> ExitCode {
    let options = Options::parse();
    let holds = match options.seed {
        Some(seed) => one(&options, seed),
        None if options.plants => plants(&options),
        None => many(&options),
    };
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Options {
    fn run(&self, seed: u64) -> Run {
        Run { plant: self.plant, without: self.without.clone(), ..Run::new(seed) }
    }
}

fn one(options: &Options, seed: u64) -> bool {
    let run = options.run(seed);
    let Some(outcome) = run.simulate_alone() else {
        println!("seed {seed}: the process crashed");
        return false;
    };
    if options.trace_hash {
        println!("{:016x}", outcome.hash);
        return outcome.violation.is_none();
    }
    if options.trace {
        outcome.story.iter().for_each(|line| println!("{line}"));
    }
    println!("seed {seed}: {}", outcome.violation.as_deref().unwrap_or("all promises hold"));
    outcome.violation.is_none()
}

fn many(options: &Options) -> bool {
    let (began, mut total, mut failed) = (Instant::now(), Total::default(), 0);
    for (number, seed) in (options.from..).take(options.seeds as usize).enumerate() {
        match options.run(seed).simulate_alone() {
            Some(outcome) => {
                total.add(&outcome);
                if let Some(promise) = outcome.violation {
                    failed += 1;
                    println!("seed {seed}: {promise}");
                    if failed == 1 {
                        shrink(options.run(seed)).print();
                    }
                }
            }
            None => {
                failed += 1;
                println!("seed {seed}: the process crashed");
            }
        }
        if (number + 1) % 1000 == 0 {
            let rate = (number + 1) as f64 / began.elapsed().as_secs_f64();
            eprintln!("{} seeds, {rate:.0} a second", number + 1);
        }
    }
    total.print();
    let (seconds, seeds) = (began.elapsed().as_secs_f64(), options.seeds);
    println!("{seeds} seeds in {seconds:.1} s, {:.0} a second", seeds as f64 / seconds);
    println!("{failed} of them broke a promise");
    failed == 0
}

/// A run that fails, with as few kinds of faults as possible.
struct Shrunk(Run, Outcome);

/// Leaves out kinds of faults and clients for as long as the run fails.
fn shrink(run: Run) -> Shrunk {
    let fails = |run: &Run| run.simulate_alone().filter(|outcome| outcome.violation.is_some());
    let mut outcome = fails(&run).unwrap_or_default();
    let mut shrunk = run;
    for fault in Fault::ALL {
        let mut smaller = shrunk.clone();
        smaller.without.push(fault);
        if let Some(found) = fails(&smaller) {
            (shrunk, outcome) = (smaller, found);
        }
    }
    for clients in 1..4 {
        let smaller = Run { clients: Some(clients), ..shrunk.clone() };
        if let Some(found) = fails(&smaller) {
            (shrunk, outcome) = (smaller, found);
            break;
        }
    }
    Shrunk(shrunk, outcome)
}

impl Shrunk {
    fn print(&self) {
        let Self(run, outcome) = self;
        let with = Fault::ALL.into_iter().filter(|fault| outcome.faults.get(*fault as usize) > Some(&0));
        let with: Vec<_> = with.map(Fault::text).collect();
        println!("  it also happens with only {with:?} and clients {:?}:", run.clients);
        let from = outcome.story.len().saturating_sub(60);
        outcome.story[from..].iter().for_each(|line| println!("  {line}"));
    }
}

fn plants(options: &Options) -> bool {
    let mut all = true;
    for plant in Plant::value_variants() {
        let began = Instant::now();
        let found = (options.from..).take(options.seeds as usize).find_map(|seed| {
            let run = Run { plant: Some(*plant), ..options.run(seed) };
            let violation = match run.simulate_alone() {
                Some(outcome) => outcome.violation?,
                None => "the process crashed".to_owned(),
            };
            Some((seed, violation))
        });
        let seconds = began.elapsed().as_secs_f32();
        match found {
            Some((seed, promise)) => {
                let number = seed - options.from + 1;
                println!("{plant:?}: seed {number}, {seconds:.1} s: {promise}");
            }
            None => {
                all = false;
                println!("{plant:?}: not found in {} seeds, {seconds:.1} s", options.seeds);
            }
        }
    }
    all
}

/// What many runs did.
#[derive(Default)]
struct Total {
    millis: u64,
    faults: Vec<u64>,
    received: u64,
    answered: u64,
    connected: (u64, u64),
}

impl Total {
    fn add(&mut self, outcome: &Outcome) {
        self.millis += outcome.millis;
        self.faults.resize(Fault::ALL.len(), 0);
        self.faults.iter_mut().zip(&outcome.faults).for_each(|(sum, count)| *sum += count);
        self.received += outcome.received;
        self.answered += outcome.answered;
        self.connected.0 += outcome.connected.0;
        self.connected.1 += outcome.connected.1;
    }

    fn print(&self) {
        println!("{:.1} simulated hours", self.millis as f64 / 3_600_000.0);
        println!("{} messages received and {} answers, all checked", self.received, self.answered);
        let (connected, recovered) = self.connected;
        println!("{connected} connections, of which {recovered} recovered a session");
        for (fault, count) in Fault::ALL.into_iter().zip(&self.faults) {
            println!("{count:>10} {}", fault.text());
        }
    }
}

//! Simulates many seeds, or shows what happens with one.

use std::collections::VecDeque;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use simulation::{Fault, Outcome, Plant, Run, Started};

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
    /// Prints a hash of what happens, a line for each seed, and nothing else if the promises hold.
    #[arg(long)]
    trace_hash: bool,
    /// How many seeds to run at the same time.
    #[arg(long, default_value_t = std::thread::available_parallelism().map_or(1, Into::into))]
    jobs: usize,
    /// Plants a bug.
    #[arg(long)]
    plant: Option<Plant>,
    /// Plants each bug in turn, and looks for it in up to `--seeds` seeds.
    #[arg(long)]
    plants: bool,
    /// Has somebody change who may read and write where in every run.
    #[arg(long)]
    moderated: bool,
    /// Has the log lose its end from time to time in every run.
    #[arg(long)]
    forked: bool,
    /// Has the beginning of the log deleted in every run.
    #[arg(long)]
    retained: bool,
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
        Run {
            story: self.trace,
            plant: self.plant,
            without: self.without.clone(),
            moderated: self.moderated,
            forked: self.forked,
            retained: self.retained,
            ..Run::new(seed)
        }
    }
}

fn one(options: &Options, seed: u64) -> bool {
    let outcome = finish(options.run(seed).start().ok());
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
    for (number, (seed, outcome)) in (1..).zip(outcomes(options, options.plant)) {
        total.add(&outcome);
        if options.trace_hash {
            println!("{:016x}", outcome.hash);
        }
        if let Some(promise) = outcome.violation {
            failed += 1;
            println!("seed {seed}: {promise}");
            if failed == 1 {
                shrink(options.run(seed)).print();
            }
        }
        if number % 1000 == 0 {
            let rate = f64::from(number) / began.elapsed().as_secs_f64();
            eprintln!("{number} seeds, {failed} broke a promise, {rate:.0} a second");
        }
    }
    if options.trace_hash {
        return failed == 0;
    }
    total.print();
    let (seconds, seeds) = (began.elapsed().as_secs_f64(), options.seeds);
    println!("{seeds} seeds in {seconds:.1} s, {:.0} a second", seeds as f64 / seconds);
    println!("{failed} of them broke a promise");
    failed == 0
}

/// Runs the seeds, several at a time, and returns their outcomes in order.
fn outcomes(
    options: &Options,
    plant: Option<Plant>,
) -> impl Iterator<Item = (u64, Outcome)> + use<'_> {
    let jobs = options.jobs.max(1);
    let mut seeds = (options.from..).take(options.seeds as usize);
    let mut running = VecDeque::new();
    std::iter::from_fn(move || {
        while running.len() < jobs
            && let Some(seed) = seeds.next()
        {
            let run = Run { plant, ..options.run(seed) };
            running.push_back((seed, run.start().ok()));
        }
        let (seed, started) = running.pop_front()?;
        Some((seed, finish(started)))
    })
}

/// Returns the outcome of a run, also if its process crashed.
fn finish(started: Option<Started>) -> Outcome {
    started.and_then(Started::outcome).unwrap_or_else(|| {
        let violation = Some("the process crashed".to_owned());
        Outcome { violation, ..Outcome::default() }
    })
}

/// A run that fails, with as few kinds of faults as possible.
struct Shrunk(Run, Outcome);

/// Leaves out kinds of faults and clients for as long as the run fails.
fn shrink(run: Run) -> Shrunk {
    let fails = |run: &Run| {
        Some(finish(run.clone().start().ok())).filter(|outcome| outcome.violation.is_some())
    };
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
        let with =
            Fault::ALL.into_iter().filter(|fault| outcome.faults.get(*fault as usize) > Some(&0));
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
        let found = outcomes(options, Some(*plant))
            .find_map(|(seed, outcome)| Some((seed, outcome.violation?)));
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

//! Explores the models in larger bounds than the tests do, and reports how much there is.

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use model::append::Append;
use model::delivery::Delivery;
use model::session::Ownership;
use model::turns::Turns;
use model::wake::Wake;
use model::window::Window;
use model::{Protocol, endless_run, explore};

/// Explores models of delivery, recovery and session ownership, and checks the promises in every state.
#[derive(Parser)]
struct Options {
    /// The models to explore; all of them if none is named.
    models: Vec<Name>,
    /// Explores the bounds of the tests instead of the larger ones.
    #[arg(long)]
    small: bool,
    /// Stops after this many steps to a state, seen before or not. The answer is then partial.
    #[arg(long, value_name = "STEPS")]
    most: Option<usize>,
    /// Also looks for runs that never end, one state at a time: takes about as long again, and more memory.
    #[arg(long)]
    endless: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Writers, keys, batches, failures of the store, crashes.
    Append,
    /// Memory of nodes, notifications, cursors, resuming.
    Delivery,
    /// The same, with a second room that is joined from an earlier offset on.
    Join,
    /// Owners of a session, generations, saves, claims.
    Session,
    /// The wake-ups of a delivery task.
    Wake,
    /// The request queue of a connection.
    Turns,
    /// The bytes in flight of a connection.
    Window,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let mut holds = true;
    let all = options.models.is_empty();
    let wanted = |name| all || options.models.contains(&name);
    if wanted(Name::Append) {
        holds &= run("append", &options, Append::SMALL, Append::LARGE);
    }
    if wanted(Name::Delivery) {
        holds &= run("delivery", &options, Delivery::SMALL_CRASH, Delivery::LARGE);
    }
    if wanted(Name::Join) {
        holds &= run("join", &options, Delivery::SMALL_JOIN, Delivery::LARGE_JOIN);
    }
    if wanted(Name::Session) {
        holds &= run("session", &options, Ownership::SMALL, Ownership::LARGE);
    }
    if wanted(Name::Wake) {
        holds &= run("wake", &options, Wake::SMALL, Wake::LARGE);
    }
    if wanted(Name::Turns) {
        holds &= run("turns", &options, Turns::SMALL, Turns::LARGE);
    }
    if wanted(Name::Window) {
        holds &= run("window", &options, Window::SMALL, Window::LARGE);
    }
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Explores a model, and returns whether it holds.
fn run<M: Protocol>(name: &str, options: &Options, small: M, large: M) -> bool {
    let model = if options.small { small } else { large };
    let (explored, broken) = explore(&model, options.most, |states| {
        eprint!("\r{name}: {states} states");
        std::io::stderr().flush().ok();
    });
    let part = if explored.all { "" } else { ", not all" };
    eprint!("\r");
    println!(
        "{name}: {} states, {} steps, depth {}, {:.1?}{part}",
        explored.states, explored.steps, explored.depth, explored.time
    );
    for found in &broken {
        println!("  {}", found.property);
        found.story.iter().for_each(|step| println!("    {step}"));
    }
    let endless = options.endless.then(|| endless_run(&model)).flatten();
    if let Some(circle) = &endless {
        println!("  a run that never ends");
        circle.iter().for_each(|step| println!("    {step}"));
    }
    broken.is_empty() && endless.is_none()
}

//! A load generator for Socket.IO chat servers, and this project's server beside others: see
//! `README.md`.

mod cli;
mod client;
mod compare;
mod counts;
mod floors;
mod history;
mod limits;
mod measure;
mod modes;
mod report;
mod scenarios;
mod servers;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::{Parser, ValueEnum};
use tokio::task::LocalSet;

use cli::{Cli, Command, Options};
use compare::compare;
use modes::connect::connect;
use modes::fanout::fanout;
use modes::ingest::ingest;
use modes::nodes::Nodes;
use modes::reconnect_storm::reconnect_storm;
use modes::replay::replay;
use modes::rooms::rooms;
use modes::{Mode, Pace, Window};
use report::{Results, nodes_table, table, targets};
use scenarios::Scenario;
use servers::{Adapter, Kind, Servers};

const ALL: [Kind; 4] = [Kind::ChatServer, Kind::Plain, Kind::Naive, Kind::Node];

/// How long each floor is measured.
const FLOOR: Duration = Duration::from_secs(2);

fn main() -> anyhow::Result<ExitCode> {
    let Cli { command, options } = Cli::parse();
    let quick = matches!(command, Command::Compare { quick: true, .. });
    if cfg!(debug_assertions) && !options.allow_debug && !quick {
        bail!(
            "this is a build without optimisation; build it with --release, or say --allow-debug"
        );
    }
    limits::raise_open_files();
    let cache = limits::cache_folder(options.cache.clone())?;
    let results = match &command {
        Command::Floors => {
            let floors = Some(floors::measure(&cache, FLOOR)?);
            Results { floors, ..Results::default() }
        }
        Command::Nodes { adapters, receivers, in_flight } => {
            let adapters = match &**adapters {
                [] => Adapter::value_variants().to_vec(),
                adapters => adapters.to_vec(),
            };
            let nodes = Nodes { adapters, receivers: *receivers, in_flight: *in_flight };
            run_nodes(&nodes, &options, &cache)?
        }
        command => run(command, &options, &cache)?,
    };
    show(&results, matches!(command, Command::Compare { .. }) && !quick);
    if let Some(file) = &options.json {
        let json = serde_json::to_string_pretty(&results)?;
        fs::write(file, json).with_context(|| format!("{} cannot be written", file.display()))?;
    }
    let counts = results.counts(Kind::ChatServer);
    if counts.all_right() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("chat-server broke its promise: {counts:?}");
    Ok(ExitCode::FAILURE)
}

fn run(command: &Command, options: &Options, cache: &Path) -> anyhow::Result<Results> {
    let scenarios = scenarios_of(command);
    let full = matches!(command, Command::Compare { quick: false, .. });
    let kinds = match &*options.kinds {
        [] if full => ALL.to_vec(),
        [] => vec![Kind::ChatServer],
        kinds => kinds.to_vec(),
    };
    let runs = options.runs.unwrap_or(if full { 3 } else { 1 });
    let servers = Servers::find(options.server.clone(), cache, &kinds)?;
    let profile = options.profile.as_deref();
    let window = window(options);
    let measure = compare(&servers, cache, &scenarios, &kinds, runs, window, profile);
    let mut results = on_one_thread(measure)?;
    if full {
        eprintln!("what the machine can do without a server …");
        results.floors = Some(floors::measure(cache, FLOOR)?);
    }
    Ok(results)
}

fn run_nodes(nodes: &Nodes, options: &Options, cache: &Path) -> anyhow::Result<Results> {
    ensure!(options.profile.is_none(), "a profile is of one server; leave --profile out");
    let servers = Servers::find(options.server.clone(), cache, &[Kind::ChatServer])?;
    let measure = nodes.measure(&servers, options.runs.unwrap_or(1), window(options));
    Ok(Results { nodes: on_one_thread(measure)?, ..Results::default() })
}

fn window(options: &Options) -> Window {
    Window { warm_up: options.warm_up, duration: options.duration }
}

/// One thread: the other processor is the server's.
fn on_one_thread<T>(measure: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, measure)
}

fn scenarios_of(command: &Command) -> Vec<Scenario> {
    let (id, title, mode): (_, _, Mode) = match *command {
        Command::Ingest { senders, in_flight, history } => {
            let title = format!("ingest, {senders} × {in_flight}, {history} stored");
            ("ingest", title, ingest(senders, in_flight, history))
        }
        Command::Fanout { receivers, senders, in_flight, rate, until_delivered } => {
            let pace = match rate {
                Some(rate) => Pace::Rate(rate),
                None if until_delivered => Pace::Delivered,
                None => Pace::Acked,
            };
            let title = format!("fan-out, {senders} × {in_flight} to {receivers}");
            ("fanout", title, fanout(receivers, senders, in_flight, pace))
        }
        Command::Connect { connections } => {
            ("connect", format!("{connections} idle connections"), connect(connections))
        }
        Command::Replay { clients, messages } => {
            let title = format!("replay of {messages} to {clients}");
            ("replay", title, replay(clients, messages))
        }
        Command::ReconnectStorm { clients, missed } => {
            let title = format!("{clients} clients that each missed {missed}");
            ("reconnect-storm", title, reconnect_storm(clients, missed))
        }
        Command::Rooms { senders, in_flight, rooms_each } => {
            let title = format!("{senders} × {in_flight}, {rooms_each} rooms each");
            ("rooms", title, rooms(senders, in_flight, rooms_each))
        }
        Command::Compare { quick, scale, ref only, largest } => {
            let scale = scale.unwrap_or(if quick { 0.1 } else { 1.0 });
            let mut all = scenarios::all(scale, largest);
            all.retain(|scenario| scenario.id.contains(only));
            return all;
        }
        Command::Floors | Command::Nodes { .. } => return Vec::new(),
    };
    vec![Scenario::new(id, title, mode, &ALL)]
}

fn show(results: &Results, with_targets: bool) {
    if !results.scenarios.is_empty() {
        println!("{}", table(results));
    }
    if !results.nodes.is_empty() {
        println!("{}", nodes_table(&results.nodes));
    }
    if let Some(floors) = &results.floors {
        println!("{floors}");
    }
    if with_targets {
        println!("{}", targets(results));
    }
}

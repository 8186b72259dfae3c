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

use anyhow::{Context, bail};
use clap::Parser;
use tokio::task::LocalSet;

use cli::{Cli, Command, Options};
use compare::compare;
use modes::connect::connect;
use modes::fanout::fanout;
use modes::ingest::ingest;
use modes::reconnect_storm::reconnect_storm;
use modes::replay::replay;
use modes::rooms::rooms;
use modes::{Mode, Pace, Window};
use report::{Results, table, targets};
use scenarios::Scenario;
use servers::{Kind, Servers};

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
    let window = Window { warm_up: options.warm_up, duration: options.duration };
    let servers = Servers::find(options.server.clone(), cache, &kinds)?;
    // One thread: the other processor is the server's.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let profile = options.profile.as_deref();
    let measure = compare(&servers, cache, &scenarios, &kinds, runs, window, profile);
    let mut results = LocalSet::new().block_on(&runtime, measure)?;
    if full {
        eprintln!("what the machine can do without a server …");
        results.floors = Some(floors::measure(cache, FLOOR)?);
    }
    Ok(results)
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
        Command::Floors => return Vec::new(),
    };
    vec![Scenario::new(id, title, mode, &ALL)]
}

fn show(results: &Results, with_targets: bool) {
    if !results.scenarios.is_empty() {
        println!("{}", table(results));
    }
    if let Some(floors) = &results.floors {
        println!("{floors}");
    }
    if with_targets {
        println!("{}", targets(results));
    }
}

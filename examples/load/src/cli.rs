//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::servers::{Adapter, Kind};

/// Puts load on Socket.IO chat servers and counts every delivery.
///
/// Each server is started for each measurement, with a store of its own that is empty or has a
/// history. Every message carries its sender, its number and its time, so that missing, repeated
/// and reordered deliveries are counted exactly. Progress is on standard error, the results on
/// standard output.
#[derive(Debug, Parser)]
#[command(max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) options: Options,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Options for all commands")]
pub(crate) struct Options {
    /// The chat-server to measure [default: the one beside this program]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) server: Option<PathBuf>,

    /// Which servers to measure [default: all with compare, else chat-server]
    #[arg(long = "on", global = true, value_name = "SERVER", value_delimiter = ',')]
    pub(crate) kinds: Vec<Kind>,

    /// How often to measure each; the table shows medians [default: 3 with compare, else 1]
    #[arg(long, global = true, value_name = "N")]
    pub(crate) runs: Option<usize>,

    /// How long to measure, as in 3s or 500ms
    #[arg(
        long,
        global = true,
        value_name = "DURATION",
        default_value = "3s",
        value_parser = humantime::parse_duration
    )]
    pub(crate) duration: Duration,

    /// How long the load lasts before it is measured
    #[arg(
        long,
        global = true,
        value_name = "DURATION",
        default_value = "500ms",
        value_parser = humantime::parse_duration
    )]
    pub(crate) warm_up: Duration,

    /// Where stores, histories and the packages of the Node.js server are kept; it has to be on a
    /// disk [default: load-cache beside this program]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) cache: Option<PathBuf>,

    /// Also have perf write where the server's time went while it was measured, for perf report or
    /// perf script; with one measurement only, as scripts/profile does
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) profile: Option<PathBuf>,

    /// Also write all measurements to a file
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Measure even though this program was built without optimisation
    #[arg(long, global = true)]
    pub(crate) allow_debug: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Senders that write as fast as they get acks, each in a room of its own
    Ingest {
        /// How many clients send
        #[arg(long, default_value_t = 64)]
        senders: usize,
        /// How many messages of each are on their way at once
        #[arg(long, default_value_t = 16)]
        in_flight: usize,
        /// How many messages are in the store before
        #[arg(long, default_value_t = 0)]
        history: u64,
    },
    /// Many receivers in one room
    Fanout {
        /// How many clients receive, the senders included
        #[arg(long, default_value_t = 1000)]
        receivers: usize,
        /// How many of them send
        #[arg(long, default_value_t = 1)]
        senders: usize,
        /// How many messages of each are on their way at once
        #[arg(long, default_value_t = 1)]
        in_flight: usize,
        /// Messages a second, over all senders [default: as fast as they are acked]
        #[arg(long, conflicts_with = "in_flight")]
        rate: Option<f64>,
        /// A message is on its way until all have it, rather than until it is acked; for one sender
        #[arg(long, conflicts_with = "rate")]
        until_delivered: bool,
    },
    /// Idle connections
    Connect {
        /// How many
        #[arg(long, default_value_t = 10_000)]
        connections: usize,
    },
    /// Clients that get a whole history at once
    Replay {
        /// How many clients
        #[arg(long, default_value_t = 1)]
        clients: usize,
        /// How many messages there are
        #[arg(long, default_value_t = 1_000_000)]
        messages: u64,
    },
    /// Clients that connect all at once and have missed something
    ReconnectStorm {
        /// How many clients
        #[arg(long, default_value_t = 10_000)]
        clients: usize,
        /// How many messages each of them missed
        #[arg(long, default_value_t = 100)]
        missed: u64,
    },
    /// Senders that write to many rooms in turn, in which they are alone
    Rooms {
        /// How many clients send
        #[arg(long, default_value_t = 100)]
        senders: usize,
        /// How many messages of each are on their way at once
        #[arg(long, default_value_t = 1)]
        in_flight: usize,
        /// How many rooms each of them has; 100 at most
        #[arg(long, default_value_t = 100)]
        rooms_each: usize,
    },
    /// Two nodes of chat-server: what it costs that receivers are at another one than the sender
    ///
    /// Brokers and databases are started for it, in folders of their own. What is not installed, or
    /// not compiled into chat-server, is left out.
    Nodes {
        /// The ways to join them [default: all]
        #[arg(long, value_name = "ADAPTER", value_delimiter = ',')]
        adapters: Vec<Adapter>,
        /// How many clients receive, beside the one that sends
        #[arg(long, default_value_t = 100)]
        receivers: usize,
        /// How many messages are on their way to everybody at once
        #[arg(long, default_value_t = 1)]
        in_flight: usize,
    },
    /// What the machine can do without a server: sends and commits
    Floors,
    /// All of these on all servers, side by side, and what of the targets is reached
    ///
    /// Fails when a delivery of chat-server is missing, repeated or out of order; never because of
    /// a time.
    Compare {
        /// Only count, on chat-server alone, once, with a tenth of the clients and messages; two
        /// minutes at most
        #[arg(long)]
        quick: bool,
        /// Times how many clients and messages to measure [default: 1, or 0.1 with --quick]
        #[arg(long, value_name = "FACTOR")]
        scale: Option<f64>,
        /// Only scenarios with this in their name, as in fanout
        #[arg(long, value_name = "TEXT", default_value = "")]
        only: String,
        /// Also measure with 10,000,000 messages stored; writing them takes some minutes and 3 GB
        #[arg(long)]
        largest: bool,
    },
}

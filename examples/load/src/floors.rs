//! What the machine itself can do, without a server: the distance to it is what a server costs.

use std::fmt;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use rusqlite::Connection;
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;

use crate::measure::Latencies;

/// A websocket frame as plain socketioxide sends it for a message of a measurement.
const FRAME: [u8; 102] = [b'x'; 102];

/// To how many sockets it is written.
const SOCKETS: usize = 1000;

/// How many rows a commit has.
const BATCHES: [usize; 3] = [64, 256, 1024];

/// What the machine can do.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Floors {
    /// The processor time of writing one frame to a socket that somebody waits for, in µs.
    pub(crate) send_micros: f64,
    /// The same with eight frames in one write, for each frame.
    pub(crate) send_eight_micros: f64,
    /// The time until a thread that is woken by another runs, in µs.
    pub(crate) wake_micros: f64,
    /// The time of a commit of one row with `synchronous = FULL`, in ms.
    pub(crate) commit_p50: f64,
    pub(crate) commit_p99: f64,
    /// Rows a second in commits of so many.
    pub(crate) rows_per_second: Vec<(usize, f64)>,
}

/// Measures for about so long each, with a database in `folder`.
pub(crate) fn measure(folder: &Path, duration: Duration) -> anyhow::Result<Floors> {
    let send_micros = sends(1, duration).context("the sockets cannot be measured")?;
    let send_eight_micros = sends(8, duration).context("the sockets cannot be measured")? / 8.0;
    let wake_micros = wakes(duration);
    let folder = tempfile::tempdir_in(folder).context("there is no folder for a database")?;
    let mut database = Database::open(&folder.path().join("floor.db"))?;
    let commits = database.commits(duration)?.context("there was no time for a commit")?;
    let mut rows_per_second = Vec::new();
    for rows in BATCHES {
        rows_per_second.push((rows, database.batches(rows, duration)?));
    }
    let (commit_p50, commit_p99) = (commits.p50, commits.p99);
    Ok(Floors {
        send_micros,
        send_eight_micros,
        wake_micros,
        commit_p50,
        commit_p99,
        rows_per_second,
    })
}

/// The median time of a commit of one row with `synchronous = FULL`, in ms, measured for so long.
pub(crate) fn commit(folder: &Path, duration: Duration) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir_in(folder).context("there is no folder for a database")?;
    let mut database = Database::open(&folder.path().join("floor.db"))?;
    Ok(database.commits(duration)?.context("there was no time for a commit")?.p50)
}

/// The processor time of a write of so many frames, in µs, while another thread reads them.
fn sends(frames: usize, duration: Duration) -> io::Result<f64> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let mut writers = Vec::new();
    let mut readers = Vec::new();
    for _ in 0..SOCKETS {
        let reader = TcpStream::connect(address)?;
        reader.set_nonblocking(true)?;
        readers.push(reader);
        let (writer, _) = listener.accept()?;
        writer.set_nodelay(true)?;
        writers.push(writer);
    }
    let reading = thread::spawn(move || read_all(readers));
    let write = FRAME.repeat(frames);
    let began = Instant::now();
    let cpu = thread_time();
    let mut rounds = 0;
    while began.elapsed() < duration {
        for writer in &mut writers {
            writer.write_all(&write)?;
        }
        rounds += 1;
    }
    let cpu = thread_time() - cpu;
    drop(writers);
    reading.join().map_err(|_| io::Error::other("the reader failed"))??;
    Ok(cpu.as_secs_f64() * 1e6 / (rounds * SOCKETS) as f64)
}

/// How long it takes on average until a thread that is woken by another runs, in µs. Both sleep in turns.
fn wakes(duration: Duration) -> f64 {
    let (there, from_here) = mpsc::sync_channel(1);
    let (back, from_there) = mpsc::sync_channel(1);
    thread::scope(|threads| {
        threads.spawn(move || {
            for () in from_here {
                let _ = back.send(());
            }
        });
        let began = Instant::now();
        let mut wakes = 0;
        while began.elapsed() < duration && there.send(()).is_ok() && from_there.recv().is_ok() {
            wakes += 2;
        }
        drop(there);
        began.elapsed().as_secs_f64() * 1e6 / f64::from(wakes)
    })
}

/// Reads from all of them until they end.
fn read_all(readers: Vec<TcpStream>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let mut reading = JoinSet::new();
        for reader in readers {
            let mut reader = tokio::net::TcpStream::from_std(reader)?;
            reading.spawn(async move {
                let mut buffer = [0; 2048];
                while reader.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
            });
        }
        reading.join_all().await;
        Ok(())
    })
}

fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// An SQLite database with the table of the tutorial, and rows as messages are.
struct Database {
    connection: Connection,
    next: u64,
}

impl Database {
    const INSERT: &str = "INSERT INTO messages (client_offset, content) VALUES (?, ?)";

    fn open(path: &Path) -> anyhow::Result<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL;
            PRAGMA synchronous = FULL;
            CREATE TABLE messages (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                client_offset TEXT UNIQUE,
                content TEXT
            )",
        )?;
        Ok(Self { connection, next: 0 })
    }

    fn row(&mut self) -> (String, String) {
        self.next += 1;
        (format!("floor-{}", self.next), "x".repeat(crate::client::CONTENT_BYTES))
    }

    /// Commits single rows.
    fn commits(&mut self, duration: Duration) -> anyhow::Result<Option<crate::measure::Latency>> {
        let mut latencies = Latencies::new();
        let began = Instant::now();
        while began.elapsed() < duration {
            let row = self.row();
            let start = Instant::now();
            self.connection.prepare_cached(Self::INSERT)?.execute(row)?;
            latencies.record(start.elapsed().as_micros() as u64);
        }
        Ok(latencies.summary())
    }

    /// Commits so many rows at a time, and says how many rows a second that makes.
    fn batches(&mut self, rows: usize, duration: Duration) -> anyhow::Result<f64> {
        let began = Instant::now();
        let before = self.next;
        while began.elapsed() < duration {
            let batch: Vec<_> = (0..rows).map(|_| self.row()).collect();
            let transaction = self.connection.transaction()?;
            let mut insert = transaction.prepare_cached(Self::INSERT)?;
            for row in batch {
                insert.execute(row)?;
            }
            drop(insert);
            transaction.commit()?;
        }
        Ok((self.next - before) as f64 / began.elapsed().as_secs_f64())
    }
}

impl fmt::Display for Floors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { send_micros, send_eight_micros, wake_micros, .. } = self;
        let Self { commit_p50, commit_p99, rows_per_second, .. } = self;
        writeln!(f, "Without a server:")?;
        writeln!(f)?;
        writeln!(f, "- one write of a 102-byte frame, µs of CPU: {send_micros:.2}")?;
        writeln!(f, "- a frame when eight are written at once, µs of CPU: {send_eight_micros:.2}")?;
        writeln!(f, "- until a thread runs that another has woken, µs: {wake_micros:.1}")?;
        writeln!(
            f,
            "- SQLite, WAL and FULL, a commit of one row, ms: p50 {commit_p50:.3}, p99 {commit_p99:.3}"
        )?;
        for (rows, rate) in rows_per_second {
            writeln!(f, "- SQLite, commits of {rows} rows, rows/s: {rate:.0}")?;
        }
        Ok(())
    }
}

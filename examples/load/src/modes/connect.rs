use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{Mode, Window};
use crate::client::{Connection, Outgoing, Packet};
use crate::counts::Counts;
use crate::measure::{Profiler, cpu_time, rss};
use crate::report::{Measurement, Metric};
use crate::servers::Running;

/// How many connections are being opened at a time; a listener's queue has a limit.
const OPENING: usize = 256;

/// How long all of them may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long a server gets to finish what it does after a connection is accepted.
const SETTLE: Duration = Duration::from_secs(2);

/// Clients that connect and say nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Connect {
    pub(crate) connections: usize,
}

/// So many idle connections.
pub(crate) fn connect(connections: usize) -> Mode {
    Mode::Connect(Connect { connections })
}

struct Shared {
    connected: Cell<usize>,
    disconnected: Cell<u64>,
    opening: Semaphore,
}

impl Connect {
    pub(super) async fn measure(
        &self,
        server: &Running,
        window: Window,
        profiler: &mut Profiler,
    ) -> anyhow::Result<Measurement> {
        profiler.start().await?;
        let empty = rss(server.pid)?.now;
        let began = Instant::now();
        let shared = Rc::new(Shared {
            connected: Cell::new(0),
            disconnected: Cell::new(0),
            opening: Semaphore::new(OPENING),
        });
        let mut clients = JoinSet::new();
        for number in 0..self.connections {
            let (shared, address) = (Rc::clone(&shared), server.address);
            clients.spawn_local(async move {
                let _ = stay(address, number, &shared).await;
                // A client stays until it is stopped: this one was sent away.
                shared.disconnected.set(shared.disconnected.get() + 1);
            });
        }
        let decided = || shared.connected.get() + shared.disconnected.get() as usize;
        while decided() < self.connections && began.elapsed() < PATIENCE {
            sleep(Duration::from_millis(2)).await;
        }
        let seconds = began.elapsed().as_secs_f64();
        profiler.finish().await?;
        sleep(SETTLE).await;
        let full = rss(server.pid)?.now;
        let cpu = cpu_time(server.pid)?;
        sleep(window.duration).await;
        let cpu = cpu_time(server.pid)? - cpu;
        let connected = shared.connected.get();
        let missing = self.connections.saturating_sub(decided()) as u64;
        clients.shutdown().await;

        let disconnected = shared.disconnected.get() + missing;
        let mut measurement = Measurement::new(Counts { disconnected, ..Counts::default() });
        measurement.set(Metric::Seconds, seconds);
        if connected > 0 {
            let each = full.saturating_sub(empty) as f64 / connected as f64;
            measurement.set(Metric::RssPerConnection, each);
        }
        let share = cpu.as_secs_f64() / window.duration.as_secs_f64();
        measurement.set(Metric::IdleCpu, share * 100.0);
        Ok(measurement)
    }
}

/// Connects, and answers pings until the connection ends.
async fn stay(address: std::net::SocketAddr, number: usize, shared: &Shared) -> anyhow::Result<()> {
    let permit = shared.opening.acquire().await?;
    let rooms = ["general".to_owned()];
    let mut connection = Connection::open(address, number, 0, &rooms).await?;
    drop(permit);
    shared.connected.set(shared.connected.get() + 1);
    loop {
        connection.turn(&mut |_: Packet, _: &mut Outgoing| {}).await?;
    }
}

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::client::{Connection, Outgoing, Packet};
use crate::counts::{Counts, Received, other_orders};
use crate::measure::{Profiler, cpu_time, rss};
use crate::report::{Measurement, Metric};
use crate::servers::Running;

/// How many connections are being opened at a time; a listener's queue has a limit.
const OPENING: usize = 512;

/// How long nothing may come before the rest counts as missing.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the first message may take: a server may read all of a history before it sends any of
/// it.
const FIRST_PATIENCE: Duration = Duration::from_secs(60);

/// Clients that connect at once, and the last messages of a history, which they all miss.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CatchUp {
    pub(crate) clients: usize,
    /// How many messages each of them misses.
    pub(crate) missed: u64,
    /// How many there are in all.
    pub(crate) history: u64,
}

struct Shared {
    delivered: Cell<u64>,
    last_delivery: Cell<Instant>,
    disconnected: Cell<u64>,
    opening: Semaphore,
}

impl CatchUp {
    pub(super) async fn measure(
        &self,
        server: &Running,
        profiler: &mut Profiler,
    ) -> anyhow::Result<Measurement> {
        profiler.start().await?;
        let began = Instant::now();
        let cpu = cpu_time(server.pid)?;
        let shared = Rc::new(Shared {
            delivered: Cell::new(0),
            last_delivery: Cell::new(began),
            disconnected: Cell::new(0),
            opening: Semaphore::new(OPENING),
        });
        let after = self.history - self.missed;
        let mut clients = JoinSet::new();
        let mut all_received = Vec::new();
        for number in 0..self.clients {
            let received = Rc::new(RefCell::new(Received::new(1, after)));
            all_received.push(Rc::clone(&received));
            let (shared, address) = (Rc::clone(&shared), server.address);
            clients.spawn_local(async move {
                let ended = receive(address, number, after, &received, &shared).await;
                // A client stays until it is stopped: this one was sent away.
                if let (0, Err(error)) = (shared.disconnected.get(), ended) {
                    eprintln!("        the first client that was disconnected: {error}");
                }
                shared.disconnected.set(shared.disconnected.get() + 1);
            });
        }
        let expected = self.clients as u64 * self.missed;
        while shared.delivered.get() < expected {
            let nothing_yet = shared.delivered.get() == 0;
            let patience = if nothing_yet { FIRST_PATIENCE } else { PATIENCE };
            if shared.last_delivery.get().elapsed() > patience {
                break;
            }
            sleep(Duration::from_millis(10)).await;
        }
        let cpu = cpu_time(server.pid)? - cpu;
        profiler.finish().await?;
        let peak = rss(server.pid)?.peak;
        clients.shutdown().await;

        let mut counts = Counts { disconnected: shared.disconnected.get(), ..Counts::default() };
        let mut whole = Vec::new();
        for received in &all_received {
            let received = received.borrow();
            let own = received.counts([Some(self.history)].into_iter());
            if own.all_right() {
                whole.push(received.fingerprint());
            }
            counts += own;
        }
        counts.other_order = other_orders(whole);
        let delivered = shared.delivered.get() as f64;
        let seconds = (shared.last_delivery.get() - began).as_secs_f64();
        let mut measurement = Measurement::new(counts);
        if delivered > 0.0 {
            measurement.set(Metric::Seconds, seconds);
            measurement.set(Metric::DeliveredPerSecond, delivered / seconds);
            measurement.set(Metric::CpuPerDelivery, cpu.as_secs_f64() * 1e6 / delivered);
        }
        measurement.set(Metric::PeakRss, peak as f64);
        Ok(measurement)
    }
}

/// Receives until the connection ends.
async fn receive(
    address: std::net::SocketAddr,
    number: usize,
    after: u64,
    received: &RefCell<Received>,
    shared: &Shared,
) -> anyhow::Result<()> {
    let permit = shared.opening.acquire().await?;
    let rooms = ["general".to_owned()];
    let mut connection = Connection::open(address, number, after, &rooms).await?;
    drop(permit);
    let mut handle = |packet, _: &mut Outgoing| {
        if let Packet::Delivery(stamp, offset) = packet {
            received.borrow_mut().take(stamp.sender, stamp.sequence, offset);
            shared.delivered.set(shared.delivered.get() + 1);
        }
    };
    loop {
        let before = shared.delivered.get();
        connection.turn(&mut handle).await?;
        if shared.delivered.get() > before {
            shared.last_delivery.set(Instant::now());
        }
    }
}

mod member;
mod shared;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::task::JoinSet;
use tokio::time::sleep;

use self::member::Member;
use self::shared::Shared;
use super::Window;
use crate::client::{Connection, Pipeline};
use crate::counts::{Counts, Received, other_orders};
use crate::measure::{Latency, Profiler, cpu_time, rss};
use crate::report::{Measurement, Metric};
use crate::servers::{Place, SharedProcess};

/// How many connections are opened at a time.
const OPENING: usize = 64;

/// How long a server gets to finish what it does after it has accepted a connection, before
/// anything is sent.
const SETTLE: Duration = Duration::from_millis(200);

/// How long nothing may come, after the last message was sent, before the rest counts as missing.
/// Long: a disk that others keep busy can take seconds for a commit, and what is late is not lost.
const PATIENCE: Duration = Duration::from_secs(20);

/// Clients that send, and clients that receive.
#[derive(Debug, Clone)]
pub(crate) struct Crowd {
    /// Each of these also receives, what is sent to its rooms.
    pub(crate) senders: usize,
    /// How many messages of a sender are on their way at once.
    pub(crate) in_flight: usize,
    /// Clients that only receive.
    pub(crate) listeners: usize,
    pub(crate) rooms: Rooms,
    pub(crate) pace: Pace,
    /// How many messages are in the store before.
    pub(crate) history: u64,
}

/// Who is where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rooms {
    /// All in one room.
    Everybody,
    /// Each sender in so many rooms of its own; it writes to them in turn.
    Own { each: usize },
}

/// When a sender sends the next message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Pace {
    /// When one is acked.
    Acked,
    /// When one has reached everybody. For one sender.
    Delivered,
    /// So many times a second, over all senders.
    Rate(f64),
}

impl Crowd {
    pub(super) async fn measure(
        &self,
        place: &Place,
        window: Window,
        profiler: &mut Profiler,
    ) -> anyhow::Result<Measurement> {
        let shared = Rc::new(Shared::new(self.senders + self.listeners));
        let (members, pipelines, received) = self.connect(place, &shared).await?;
        sleep(SETTLE).await;
        let mut tasks = JoinSet::new();
        for member in members {
            tasks.spawn_local(member.run());
        }
        sleep(window.warm_up).await;
        profiler.start().await?;
        let start = Moment::now(place, &shared)?;
        shared.measuring.set(true);
        sleep(window.duration).await;
        shared.measuring.set(false);
        let end = Moment::now(place, &shared)?;
        profiler.finish().await?;
        shared.sending.set(false);
        self.drain(&shared, &pipelines).await;
        let mut peak = 0;
        for &node in &place.nodes {
            peak += rss(node)?.peak;
        }
        tasks.shutdown().await;

        let mut measurement = Measurement::new(self.counts(&shared, &pipelines, &received));
        end.since(&start, &mut measurement);
        let latencies = |latency: Option<Latency>, metrics: [Metric; 3], to: &mut Measurement| {
            let Some(Latency { p50, p99, p999 }) = latency else { return };
            metrics.into_iter().zip([p50, p99, p999]).for_each(|(metric, at)| to.set(metric, at));
        };
        let acks = shared.ack_latency.borrow().summary();
        latencies(acks, [Metric::AckP50, Metric::AckP99, Metric::AckP999], &mut measurement);
        if self.rooms == Rooms::Everybody {
            let deliveries = shared.delivery_latency.borrow().summary();
            let metrics = [Metric::DeliveryP50, Metric::DeliveryP99, Metric::DeliveryP999];
            latencies(deliveries, metrics, &mut measurement);
        } else {
            // One for each ack: they say the same again.
            measurement.figures.remove(&Metric::DeliveredPerSecond);
            measurement.figures.remove(&Metric::CpuPerDelivery);
        }
        measurement.set(Metric::PeakRss, peak as f64);
        Ok(measurement)
    }

    /// Connects all clients. The senders come first, in the order of their numbers.
    async fn connect(&self, place: &Place, shared: &Rc<Shared>) -> anyhow::Result<Connected> {
        let run = format!("{:x}", std::process::id() as u64 ^ place.senders.port() as u64);
        let mut connected = (Vec::new(), Vec::new(), Vec::new());
        let numbers: Vec<usize> = (0..self.senders + self.listeners).collect();
        for numbers in numbers.chunks(OPENING) {
            let mut opening = Vec::new();
            for &number in numbers {
                let rooms = self.rooms_of(number);
                let sends = number < self.senders;
                let address = if sends { place.senders } else { place.listeners };
                let history = self.history;
                let open = async move { Connection::open(address, number, history, &rooms).await };
                opening.push(tokio::task::spawn_local(open));
            }
            for (&number, connection) in numbers.iter().zip(opening) {
                let connection = connection.await?.context("a client was not accepted")?;
                let received = Rc::new(RefCell::new(Received::new(self.senders, 0)));
                let pipeline = (number < self.senders).then(|| {
                    Rc::new(RefCell::new(Pipeline::new(number, &self.rooms_of(number), &run)))
                });
                connected.1.extend(pipeline.clone());
                connected.2.push(Rc::clone(&received));
                connected.0.push(Member {
                    connection,
                    pipeline,
                    received,
                    shared: Rc::clone(shared),
                    in_flight: self.in_flight,
                    pace: self.pace,
                    interval: self.interval(),
                });
            }
        }
        Ok(connected)
    }

    fn rooms_of(&self, member: usize) -> Vec<String> {
        match self.rooms {
            Rooms::Everybody => vec!["general".to_owned()],
            Rooms::Own { each } => (0..each).map(|room| format!("room-{member}-{room}")).collect(),
        }
    }

    fn interval(&self) -> Option<Duration> {
        match self.pace {
            Pace::Rate(rate) => Some(Duration::from_secs_f64(self.senders as f64 / rate)),
            _ => None,
        }
    }

    /// Waits until everything has come, or nothing comes any more.
    async fn drain(&self, shared: &Shared, pipelines: &[Rc<RefCell<Pipeline>>]) {
        let mut last = (0, Instant::now());
        loop {
            let sent: u64 = pipelines.iter().map(|pipeline| pipeline.borrow().sent()).sum();
            let expected = match self.rooms {
                Rooms::Everybody => sent * (self.senders + self.listeners) as u64,
                Rooms::Own { .. } => sent,
            };
            let (acked, delivered) = (shared.acked.get(), shared.delivered.get());
            if acked >= sent && delivered >= expected {
                return;
            }
            if acked + delivered != last.0 {
                last = (acked + delivered, Instant::now());
            } else if last.1.elapsed() > PATIENCE {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    fn counts(
        &self,
        shared: &Shared,
        pipelines: &[Rc<RefCell<Pipeline>>],
        received: &[Rc<RefCell<Received>>],
    ) -> Counts {
        let sent: Vec<u64> = pipelines.iter().map(|pipeline| pipeline.borrow().sent()).collect();
        let mut counts = Counts {
            unanswered: sent.iter().sum::<u64>() - shared.acked.get(),
            disconnected: shared.disconnected.get(),
            ..Counts::default()
        };
        let mut whole = Vec::new();
        for (member, received) in received.iter().enumerate() {
            let received = received.borrow();
            let heard = |sender| self.rooms == Rooms::Everybody || sender == member;
            let sent = sent.iter().enumerate();
            let own = received.counts(sent.map(|(sender, &sent)| heard(sender).then_some(sent)));
            if own.all_right() && self.rooms == Rooms::Everybody {
                whole.push(received.fingerprint());
            }
            counts += own;
        }
        counts.other_order = other_orders(whole);
        counts
    }
}

type Connected = (Vec<Member>, Vec<Rc<RefCell<Pipeline>>>, Vec<Rc<RefCell<Received>>>);

/// What had been done by a moment.
struct Moment {
    at: Instant,
    acked: u64,
    delivered: u64,
    nodes: Vec<Duration>,
    shared: Option<Duration>,
    generator: Duration,
}

impl Moment {
    fn now(place: &Place, shared: &Shared) -> anyhow::Result<Self> {
        Ok(Self {
            at: Instant::now(),
            acked: shared.acked.get(),
            delivered: shared.delivered.get(),
            nodes: place.nodes.iter().map(|&pid| cpu_time(pid)).collect::<Result<_, _>>()?,
            shared: place.shared.map(SharedProcess::cpu_time).transpose()?,
            generator: cpu_time(std::process::id())?,
        })
    }

    /// What was done between the two moments.
    fn since(&self, start: &Self, measurement: &mut Measurement) {
        let seconds = (self.at - start.at).as_secs_f64();
        let acked = (self.acked - start.acked) as f64;
        let delivered = (self.delivered - start.delivered) as f64;
        let nodes = self.nodes.iter().zip(&start.nodes);
        let nodes: Vec<f64> = nodes.map(|(&end, &start)| (end - start).as_secs_f64()).collect();
        let server: f64 = nodes.iter().sum();
        let generator = (self.generator - start.generator).as_secs_f64();
        measurement.set(Metric::AckedPerSecond, acked / seconds);
        measurement.set(Metric::DeliveredPerSecond, delivered / seconds);
        if acked > 0.0 {
            measurement.set(Metric::CpuPerAck, server * 1e6 / acked);
            if let [_, second] = *nodes {
                measurement.set(Metric::SecondCpuPerAck, second * 1e6 / acked);
            }
            if let (Some(end), Some(start)) = (self.shared, start.shared) {
                let used = end.saturating_sub(start).as_secs_f64();
                measurement.set(Metric::SharedCpuPerAck, used * 1e6 / acked);
            }
        }
        if delivered > 0.0 {
            measurement.set(Metric::CpuPerDelivery, server * 1e6 / delivered);
            if let [_, second] = *nodes {
                measurement.set(Metric::SecondCpuPerDelivery, second * 1e6 / delivered);
            }
        }
        measurement.set(Metric::ServerCpu, server / seconds * 100.0);
        measurement.set(Metric::GeneratorCpu, generator / seconds * 100.0);
    }
}

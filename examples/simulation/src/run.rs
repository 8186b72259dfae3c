use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chat_core::Message;
use tokio::time::{Instant, sleep};

use crate::application;
use crate::client::{Client, Shared};
use crate::cluster::Cluster;
use crate::commit::DARK;
use crate::faults::Fault;
use crate::moderation;
use crate::oracle::{Acked, check_log};
use crate::os;
use crate::rooms::is_kept;
use crate::rules::GRACE;
use crate::world::{Outcome, Run, World};

/// Once there are no more faults, everything is acked and has arrived within this time: a call of the store that hangs
/// for 12 seconds, a heartbeat of 9, and a few attempts of a client.
pub const LIVENESS: Duration = Duration::from_secs(60);

/// And within this time from then on, all nodes agree on who is in which room.
pub const PRESENCE: Duration = Duration::from_secs(60);

impl Run {
    fn simulate(&self) -> Outcome {
        os::replace(self.seed);
        chat_server::planted::plant(self.plant.and_then(crate::plants::Plant::bug));
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let Ok(runtime) = runtime else { return Outcome::default() };
        let panicked: Arc<OnceLock<String>> = Arc::default();
        let note = panicked.clone();
        std::panic::set_hook(Box::new(move |panic| {
            note.get_or_init(|| panic.to_string());
        }));
        let mut outcome = runtime.block_on(self.clone().steps());
        if let Some(panic) = panicked.get() {
            outcome.violation = Some(panic.clone());
        }
        // What is left of the nodes is of no interest, and takes time to clean up.
        std::mem::forget(runtime);
        outcome
    }

    /// Begins to simulate in a process of its own, so that the outcome is a function of this run alone.
    ///
    /// Call it in a program that has no other threads.
    ///
    /// # Errors
    /// When there is no room for another process.
    pub fn start(self) -> io::Result<Started> {
        let child = os::start(|| {
            // In a thread of its own: hash maps of the main thread may have been seeded before.
            let outcome = std::thread::scope(|scope| scope.spawn(|| self.simulate()).join());
            serde_json::to_vec(&outcome.ok()?).ok()
        })?;
        Ok(Started(child))
    }

    async fn steps(self) -> Outcome {
        os::begin();
        let world = World::new(&self);
        let (nodes, clients) = world.random(|rng| (1 + rng.below(3), 1 + rng.below(4)));
        let clients = self.clients.unwrap_or(clients);
        let cluster = Arc::new(Cluster::new(&world, nodes));
        if world.is_moderated {
            moderation::keep_rooms(&world, &cluster.names).await;
        }
        for node in 0..nodes {
            cluster.start(node).await;
        }
        let seen: Vec<Arc<Shared>> = (0..clients)
            .map(|number| {
                let client = Client::new(&world, &cluster, number);
                let seen = client.shared();
                tokio::spawn(client.run());
                seen
            })
            .collect();
        let moderated = world
            .is_moderated
            .then(|| tokio::spawn(moderation::moderate(world.clone(), cluster.clone())));
        let spoken = tokio::spawn(application::speak(world.clone(), cluster.clone()));
        storm(&world, &cluster).await;
        calm(&world, &cluster).await;
        if let Some(moderated) = moderated {
            let _ = moderated.await;
            // From then on every node knows who may do what.
            sleep(GRACE).await;
        }
        let spoken = spoken.await.unwrap_or_default();
        settle(&world, &seen, spoken).await;
        world.outcome()
    }
}

/// How often everything has to arrive. What comes later may hide that a reader was not woken.
const ROUNDS: usize = 5;

/// A run that has started in a process of its own.
pub struct Started(os::Child);

impl Started {
    /// Waits until the run has ended. `None` if its process crashed.
    pub fn outcome(self) -> Option<Outcome> {
        serde_json::from_slice(&self.0.wait()).ok()
    }
}

/// Lets things go wrong for a while.
async fn storm(world: &Arc<World>, cluster: &Arc<Cluster>) {
    let end = Instant::now() + world.random(|rng| rng.millis(3000, 30_000));
    let faults = world.occasional_faults();
    let often = world.random(|rng| [300, 1500, 4000][rng.below(3)]);
    while Instant::now() < end && !world.is_broken() {
        sleep(world.random(|rng| rng.millis(10, often))).await;
        if world.is_forked && world.random(|rng| rng.chance(300)) {
            world.take_a_copy();
        }
        let fault = world.random(|rng| rng.pick(&faults).copied());
        let Some(fault) = fault else { continue };
        let node = world.random(|rng| rng.below(cluster.size()));
        let duration = world.random(|rng| rng.millis(100, 6000));
        if happen(world, cluster, fault, node, duration) {
            world.count(fault);
        }
    }
}

/// Makes a fault happen, if it can.
fn happen(
    world: &Arc<World>,
    cluster: &Arc<Cluster>,
    fault: Fault,
    node: usize,
    duration: Duration,
) -> bool {
    match fault {
        Fault::Crash => return crash(cluster, node, duration / 2),
        Fault::PowerCut => {
            world.cut_power();
            for node in 0..cluster.size() {
                crash(cluster, node, DARK + world.random(|rng| rng.millis(0, 3000)));
            }
        }
        Fault::Restart => {
            if !cluster.is_running(node) {
                return false;
            }
            let cluster = cluster.clone();
            tokio::spawn(async move {
                if cluster.stop(node).await {
                    sleep(duration / 4).await;
                    cluster.start(node).await;
                }
            });
        }
        Fault::Pause => cluster.pause(node, duration),
        Fault::Partition => {
            let cluster = cluster.clone();
            tokio::spawn(async move {
                cluster.cut_off(node, true);
                sleep(duration).await;
                cluster.cut_off(node, false);
            });
        }
        Fault::StoreOutage => {
            world.note("the store does not work");
            world.disk().outage = true;
            let world = world.clone();
            tokio::spawn(async move {
                sleep(duration).await;
                world.disk().outage = false;
                world.note("the store works again");
            });
        }
        Fault::Restore | Fault::Failover => return fork(world, cluster, fault == Fault::Restore),
        Fault::Cut => return cluster.cut_a_link((true, true)),
        Fault::HalfOpen => {
            let client = world.random(|rng| rng.chance(500));
            return cluster.cut_a_link((client, !client));
        }
        Fault::LinkStall => return cluster.stall_a_link(duration),
        _ => return false,
    }
    true
}

/// Crashes all nodes, and goes back to an earlier state of the disk, if all are running.
fn fork(world: &Arc<World>, cluster: &Arc<Cluster>, renews: bool) -> bool {
    let all_run = (0..cluster.size()).all(|node| cluster.is_running(node));
    if !all_run || world.disk().earlier.is_none() {
        return false;
    }
    world.cut_power();
    for node in 0..cluster.size() {
        crash(cluster, node, DARK + world.random(|rng| rng.millis(0, 3000)));
    }
    world.note(if renews { "a backup is restored" } else { "a standby takes over" });
    world.go_back(renews)
}

/// Crashes a node, and starts it again later. Returns whether it was running.
fn crash(cluster: &Arc<Cluster>, node: usize, later: Duration) -> bool {
    let crashed = cluster.crash(node);
    if crashed {
        let cluster = cluster.clone();
        tokio::spawn(async move {
            sleep(later).await;
            cluster.start(node).await;
        });
    }
    crashed
}

/// Ends all faults. Those that have begun end by themselves.
async fn calm(world: &World, cluster: &Cluster) {
    world.calm();
    while !world.is_broken() && (0..cluster.size()).any(|node| !cluster.is_running(node)) {
        sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until everything has arrived, and checks what there is at the end.
async fn settle(world: &World, seen: &[Arc<Shared>], mut acked: Vec<Acked>) {
    for round in 0..ROUNDS {
        let deadline = Instant::now() + LIVENESS;
        while let Some(open) = unfinished(world, seen, round) {
            if world.is_broken() {
                return;
            }
            if Instant::now() > deadline {
                world.violated(format_args!("in the end, {open}"));
                return;
            }
            sleep(Duration::from_millis(250)).await;
        }
        world.note("everything has arrived");
        world.next_round();
    }
    acked.extend(seen.iter().flat_map(|seen| seen.lock().acked.clone()));
    if let Err(promise) = check_log(&world.disk(), &acked) {
        world.violated(promise);
    }
    let deadline = Instant::now() + PRESENCE;
    while let Some(wrong) = wrong_count(world, seen) {
        if world.is_broken() {
            return;
        }
        if Instant::now() > deadline {
            world.violated(format_args!("in the end, {wrong}"));
            return;
        }
        sleep(Duration::from_millis(500)).await;
    }
    world.note("all agree on who is there");
}

fn unfinished(world: &World, seen: &[Arc<Shared>], round: usize) -> Option<String> {
    let disk = world.disk();
    let consumed = world.consumed().upto;
    let is_left = |it: &&Message| !it.is_deleted();
    if let Some(left) = disk.after(consumed).iter().find(is_left).filter(|_| world.is_consumed) {
        return Some(format!("{} is not consumed", left.offset));
    }
    seen.iter().enumerate().find_map(|(number, seen)| {
        let seen = seen.lock();
        if seen.done < Some(round) {
            return Some(format!("client {number} has no answer"));
        }
        let missing = seen.expected.missing(&disk, |room, since| {
            let who = (number, seen.expected.nickname.is_some());
            world.rules().may_be_out(who, room, since)
        })?;
        Some(format!("client {number} lacks {missing}"))
    })
}

fn wrong_count(world: &World, seen: &[Arc<Shared>]) -> Option<String> {
    let is_in = |one: &Arc<Shared>, room: &String| one.lock().expected.rooms().any(|r| r == room);
    seen.iter().enumerate().find_map(|(number, one)| {
        let rooms: Vec<String> = one.lock().expected.rooms().cloned().collect();
        // Of a room whose rules change, clients do not know for sure whether they are there.
        let may_be_in = |room: &String| seen.iter().any(|one| one.lock().expected.may_be_in(room));
        let is_known = |room: &String| !world.is_moderated || !is_kept(room) && !may_be_in(room);
        rooms.into_iter().filter(is_known).find_map(|room| {
            let there = seen.iter().filter(|other| is_in(other, &room)).count() as u64;
            let told = *one.lock().users.get(&room)?;
            (told != there)
                .then(|| format!("client {number} is told of {told} in {room}, not {there}"))
        })
    })
}

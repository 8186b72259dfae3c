use std::collections::{HashMap, VecDeque};
use std::fmt::Debug;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::counters::TransportCounters;
use super::fair_queue::FairQueue;
use super::full::Full;
use crate::engine::limits::Limits;
use crate::socketio::client_address::ClientAddress;

/// An Engine.IO session that has not connected for this long makes room for a new one.
const HASTE: Duration = Duration::from_secs(1);

/// The minimum time between two log lines about refused clients.
const SILENCE: Duration = Duration::from_secs(60);

/// When a refused client may try again.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Counts Engine.IO sessions, in total and per address, and those that have not connected to a namespace yet: each of
/// these costs the client a request of a few bytes, and no descriptor if it is polled.
#[derive(Debug)]
pub(super) struct Admissions {
    max: Count,
    max_per_address: Count,
    counts: Mutex<Counts>,
    /// Sessions that had not connected when they were opened, oldest first. Never locked while the counts are locked:
    /// a link that is dropped here locks those.
    handshakes: Mutex<VecDeque<(Instant, Weak<dyn Handshake>)>>,
    counters: TransportCounters,
}

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    sessions: usize,
    /// The number of them that have not connected yet.
    handshakes: usize,
    /// The number of sessions that were displaced before they had connected and still take memory: socketioxide keeps
    /// a session's data until the time to connect is over.
    displaced: usize,
}

#[derive(Debug, Default)]
struct Counts {
    all: Count,
    /// The number of sessions that are websockets.
    websockets: usize,
    by_address: HashMap<IpAddr, OfAddress>,
    /// When it was last logged that clients are refused.
    told: Option<Instant>,
}

#[derive(Debug, Default)]
struct OfAddress {
    count: Count,
    queue: Arc<FairQueue>,
}

/// The slot of one session. Given back when dropped.
#[derive(Debug)]
pub(super) struct Admission {
    admissions: Arc<Admissions>,
    address: Option<IpAddr>,
    queue: Option<Arc<FairQueue>>,
    connected: AtomicBool,
    displaced: AtomicBool,
    is_websocket: AtomicBool,
}

/// A session that was opened and has not connected yet.
pub(super) trait Handshake: Debug + Send + Sync {
    /// Returns whether it has connected or ended.
    fn is_over(&self) -> bool;

    /// Ends it to make room for another one.
    fn displace(&self);
}

impl Admissions {
    pub(super) fn new(limits: &Limits) -> Self {
        let max = Count {
            sessions: limits.max_sessions,
            handshakes: limits.max_handshakes,
            ..Count::default()
        };
        let max_per_address = Count {
            sessions: limits.max_sessions_per_address,
            handshakes: limits.max_handshakes_per_address,
            ..Count::default()
        };
        let (counts, handshakes, counters) = Default::default();
        Self { max, max_per_address, counts, handshakes, counters }
    }

    /// Returns a slot for a session that is opened from this address. Without an address only the total limits apply.
    ///
    /// If too many sessions have not connected, the oldest is closed: a real client connects at once.
    pub(super) fn admit(
        self: &Arc<Self>,
        address: Option<ClientAddress>,
    ) -> Result<Admission, Full> {
        let address = address.map(ClientAddress::group);
        let mut full = self.full(address);
        if full == Some(Full::Handshakes)
            && self.counts().all.displaced < self.max.handshakes
            && let Some(oldest) = self.oldest_handshake()
        {
            oldest.displace();
            full = None;
        }
        let mut counts = self.counts();
        let Some(full) = full else {
            let queue = counts.add(address, |count| {
                count.sessions += 1;
                count.handshakes += 1;
            });
            let (admissions, (connected, displaced, is_websocket)) =
                (Arc::clone(self), Default::default());
            return Ok(Admission {
                admissions,
                address,
                queue,
                connected,
                displaced,
                is_websocket,
            });
        };
        self.counters.refused(full);
        if counts.told.is_none_or(|told| told.elapsed() >= SILENCE) {
            counts.told = Some(Instant::now());
            let address = address.map(tracing::field::display);
            tracing::warn!(client.address = address, "clients are turned away: {full}");
        }
        Err(full)
    }

    /// Notes an admitted session that has not connected, so that it can be closed if there are too many.
    pub(super) fn opened(&self, link: &Arc<impl Handshake + 'static>) {
        let most = 2 * self.counts().all.handshakes + 64;
        let mut handshakes = self.handshakes();
        let link = Arc::downgrade(link);
        handshakes.push_back((Instant::now(), link));
        // Most have connected meanwhile.
        if handshakes.len() > most {
            handshakes.retain(|(_, link)| handshake(link).is_some());
        }
    }

    /// Returns the number of sessions: polled ones, websockets, and of both those that have not connected yet.
    pub(super) fn sessions(&self) -> [usize; 3] {
        let Counts { all, websockets, .. } = &*self.counts();
        [all.sessions - websockets, *websockets, all.handshakes]
    }

    /// Returns the maximum number of sessions, and of those that have not connected.
    pub(super) fn max_sessions(&self) -> [usize; 2] {
        [self.max.sessions, self.max.handshakes]
    }

    pub(super) fn counters(&self) -> &TransportCounters {
        &self.counters
    }

    fn full(&self, address: Option<IpAddr>) -> Option<Full> {
        let counts = self.counts();
        let of_address = address.and_then(|address| counts.by_address.get(&address));
        let of_address = of_address.map_or_else(Count::default, |of_address| of_address.count);
        let full = [
            (counts.all.sessions >= self.max.sessions, Full::Sessions),
            (of_address.sessions >= self.max_per_address.sessions, Full::SessionsOfAddress),
            (of_address.handshakes >= self.max_per_address.handshakes, Full::HandshakesOfAddress),
            (counts.all.handshakes >= self.max.handshakes, Full::Handshakes),
        ];
        full.into_iter().find_map(|(is_full, full)| is_full.then_some(full))
    }

    /// Removes the oldest session that has not connected from the list, if its time is over.
    fn oldest_handshake(&self) -> Option<Arc<dyn Handshake>> {
        let mut handshakes = self.handshakes();
        while let Some((opened, link)) = handshakes.front() {
            let waits = handshake(link);
            if waits.is_some() && opened.elapsed() < HASTE {
                return None;
            }
            handshakes.pop_front();
            if waits.is_some() {
                return waits;
            }
        }
        None
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handshakes(&self) -> MutexGuard<'_, VecDeque<(Instant, Weak<dyn Handshake>)>> {
        self.handshakes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the session if it still exists and has not connected.
fn handshake(link: &Weak<dyn Handshake>) -> Option<Arc<dyn Handshake>> {
    link.upgrade().filter(|link| !link.is_over())
}

impl Counts {
    /// Changes both counts, and returns the queue of the address.
    fn add(
        &mut self,
        address: Option<IpAddr>,
        change: impl Fn(&mut Count),
    ) -> Option<Arc<FairQueue>> {
        change(&mut self.all);
        let address = address?;
        let OfAddress { count, queue } = self.by_address.entry(address).or_default();
        change(count);
        queue.set_connections(count.sessions);
        let (is_last, queue) = (count.sessions == 0, Arc::clone(queue));
        if is_last {
            self.by_address.remove(&address);
        }
        Some(queue)
    }
}

impl Admission {
    /// Notes that the session has connected to a namespace.
    pub(super) fn connected(&self) {
        if !self.connected.swap(true, Ordering::AcqRel) {
            self.admissions.counts().add(self.address, |count| count.handshakes -= 1);
        }
    }

    /// Notes that the session is a websocket from now on.
    pub(super) fn moved_to_websocket(&self) {
        if !self.is_websocket.swap(true, Ordering::AcqRel) {
            self.admissions.counts().websockets += 1;
        }
    }

    pub(super) fn counters(&self) -> &TransportCounters {
        &self.admissions.counters
    }

    /// Notes that the session makes room for another one. It is counted separately until it is gone.
    pub(super) fn displaced(&self) {
        if !self.connected.swap(true, Ordering::AcqRel) {
            self.displaced.store(true, Ordering::Release);
            self.admissions.counts().add(self.address, |count| {
                count.handshakes -= 1;
                count.displaced += 1;
            });
        }
    }

    pub(super) fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Returns the queue in which the session's packets wait for their turn among those of its address.
    pub(super) fn queue(&self) -> Option<&Arc<FairQueue>> {
        self.queue.as_ref()
    }

    pub(super) fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Acquire)
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let connected = self.is_connected();
        let displaced = self.displaced.load(Ordering::Acquire);
        self.admissions.counts().add(self.address, |count| {
            count.sessions -= 1;
            count.handshakes -= usize::from(!connected);
            count.displaced -= usize::from(displaced);
        });
        if self.is_websocket.load(Ordering::Acquire) {
            self.admissions.counts().websockets -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socketio::transport::Link;

    fn admissions(change: impl Fn(&mut Limits)) -> Arc<Admissions> {
        let mut limits = Limits::default();
        change(&mut limits);
        Arc::new(Admissions::new(&limits))
    }

    fn address(last: u8) -> Option<ClientAddress> {
        Some(ClientAddress([192, 0, 2, last].into()))
    }

    fn open(admissions: &Arc<Admissions>, last: u8) -> Result<Arc<Link>, Full> {
        let admission = admissions.admit(address(last))?;
        let link = Arc::new(Link::default().admitted(admission, None));
        admissions.opened(&link);
        Ok(link)
    }

    #[tokio::test]
    async fn a_place_is_given_back_when_the_session_is_gone() {
        let admissions = admissions(|limits| limits.max_sessions = 2);
        let first = open(&admissions, 1).unwrap();
        let _second = open(&admissions, 2).unwrap();
        assert_eq!(open(&admissions, 3).unwrap_err(), Full::Sessions);
        drop(first);
        open(&admissions, 3).unwrap();
        assert_eq!(admissions.counts().by_address.len(), 1, "of who is gone nothing is kept");
    }

    #[tokio::test]
    async fn one_address_does_not_take_the_places_of_others() {
        let admissions = admissions(|limits| {
            limits.max_sessions_per_address = 3;
            limits.max_handshakes_per_address = 2;
        });
        let links = [open(&admissions, 1).unwrap(), open(&admissions, 1).unwrap()];
        assert_eq!(open(&admissions, 1).unwrap_err(), Full::HandshakesOfAddress);
        open(&admissions, 2).unwrap();
        assert!(links.iter().all(|link| *link.complete(b"40{}") != *b"40{}"));
        let _third = open(&admissions, 1).unwrap();
        assert_eq!(open(&admissions, 1).unwrap_err(), Full::SessionsOfAddress);
    }

    #[tokio::test]
    async fn the_addresses_of_one_customer_have_one_limit() {
        let admissions = admissions(|limits| limits.max_sessions_per_address = 1);
        let admit = |text: &str| admissions.admit(Some(ClientAddress(text.parse().unwrap())));
        let _first = admit("2001:db8::1").unwrap();
        assert_eq!(admit("2001:db8::ffff:2").unwrap_err(), Full::SessionsOfAddress);
        assert!(admit("2001:db8:0:1::1").is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_that_has_not_connected_makes_room() {
        let admissions = admissions(|limits| limits.max_handshakes = 3);
        let connected = open(&admissions, 1).unwrap();
        assert_ne!(*connected.complete(b"40{}"), *b"40{}");
        let oldest = open(&admissions, 2).unwrap();
        let others = [open(&admissions, 3).unwrap(), open(&admissions, 4).unwrap()];
        assert_eq!(open(&admissions, 5).unwrap_err(), Full::Handshakes, "all have just begun");
        tokio::time::advance(HASTE).await;
        let _new = open(&admissions, 5).unwrap();
        assert!(oldest.is_closed());
        assert!(!connected.is_closed() && others.iter().all(|link| !link.is_closed()));
        // It has no place any more, also while it still is there.
        assert_eq!(admissions.counts().all.handshakes, 3);
        tokio::time::advance(HASTE).await;
        let _more = [(); 2].map(|()| open(&admissions, 6).unwrap());
        assert_eq!(open(&admissions, 6).unwrap_err(), Full::Handshakes, "three take memory");
        drop((oldest, others));
        assert_eq!(admissions.counts().all.displaced, 0);
        let _last = open(&admissions, 6).unwrap();
    }

    #[tokio::test]
    async fn the_list_of_those_that_have_not_connected_stays_short() {
        let admissions = admissions(|_| {});
        for _ in 0..10_000 {
            assert_ne!(*open(&admissions, 1).unwrap().complete(b"40{}"), *b"40{}");
        }
        assert!(admissions.handshakes().len() < 100);
        assert_eq!(admissions.counts().all.sessions, 0);
    }
}

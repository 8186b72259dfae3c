use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;

use super::open_files::Headroom;
use crate::engine::episode::Episode;
use crate::engine::limits::Limits;
use crate::http::trusted_proxy::TrustedProxies;
use crate::socketio::client_address::ClientAddress;

/// One of this many slots for refused connections is reserved for this machine itself.
const OF_THIS_MACHINE: usize = 8;

/// Decides which connections a server accepts.
#[derive(Debug)]
pub(super) struct Admission {
    room: Headroom,
    max_per_address: usize,
    proxies: TrustedProxies,
    served: AtomicUsize,
    refused: AtomicUsize,
    /// Keyed by what is [counted as one](ClientAddress::group).
    addresses: Mutex<HashMap<IpAddr, usize>>,
    full: Arc<Episode>,
    crowded: Arc<Episode>,
}

/// Why a connection or a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// There are too many connections.
    Full,
    /// There are too many from one address.
    Crowded,
}

/// The slot of a connection.
#[derive(Debug)]
pub(super) struct Slot {
    admission: Arc<Admission>,
    /// None for a connection that is served.
    pub(super) refused: Option<Refused>,
    _address: Option<AddressSlot>,
}

/// The slot of a connection or a request, counted for its address.
#[derive(Debug)]
pub(super) struct AddressSlot {
    admission: Arc<Admission>,
    group: IpAddr,
}

impl Refused {
    /// Not 503 for one address: a proxy could take it for a failure of the whole server.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Full => StatusCode::SERVICE_UNAVAILABLE,
            Self::Crowded => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    pub(super) fn message(self) -> &'static str {
        match self {
            Self::Full => "the server has as many connections as it takes; try again later",
            Self::Crowded => "your address has as many connections as it may have; end some first",
        }
    }
}

impl Admission {
    pub(super) fn new(limits: &Limits, room: Headroom, proxies: TrustedProxies) -> Arc<Self> {
        Arc::new(Self {
            room,
            max_per_address: limits.max_connections_per_address,
            proxies,
            served: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            addresses: Mutex::default(),
            full: Episode::new("connections were refused because there were too many of them"),
            crowded: Episode::new("connections were refused because their address had too many"),
        })
    }

    /// Returns a slot for a connection from `peer`; none if the connection must be closed at once. Called by one task
    /// only.
    pub(super) fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Slot> {
        if self.served.load(Relaxed) >= self.room.connections {
            self.full.happens(|| {
                let most = self.room.connections;
                tracing::warn!(
                    "all {most} connections are taken, further ones are refused; see --max-connections \
                     and the limit of open files"
                );
            });
            return self.refuse(peer, Refused::Full);
        }
        // All clients of a proxy come from its address.
        let address = if self.proxies.trust(peer) { Ok(None) } else { self.enter(peer).map(Some) };
        match address {
            Ok(address) => {
                self.served.fetch_add(1, Relaxed);
                Some(Slot { admission: Arc::clone(self), refused: None, _address: address })
            }
            Err(refused) => self.refuse(peer, refused),
        }
    }

    /// Takes a slot counted for an address.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Result<AddressSlot, Refused> {
        let group = ClientAddress(address).group();
        let admitted = {
            let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
            let open = addresses.entry(group).or_default();
            let admitted = *open < self.max_per_address;
            *open += usize::from(admitted);
            admitted
        };
        if admitted {
            return Ok(AddressSlot { admission: Arc::clone(self), group });
        }
        self.crowded.happens(|| {
            let most = self.max_per_address;
            tracing::warn!(
                client.address = %group,
                "an address has {most} connections, further ones are refused; see \
                 --max-connections-per-address, and --trusted-proxy if it is a proxy's"
            );
        });
        Err(Refused::Crowded)
    }

    fn refuse(self: &Arc<Self>, peer: IpAddr, refused: Refused) -> Option<Slot> {
        let this_machine = peer.to_canonical().is_loopback();
        let most = self.room.refused;
        let most = if this_machine { most } else { most - most / OF_THIS_MACHINE };
        if self.refused.load(Relaxed) >= most {
            return None;
        }
        self.refused.fetch_add(1, Relaxed);
        Some(Slot { admission: Arc::clone(self), refused: Some(refused), _address: None })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let Admission { served, refused, .. } = &*self.admission;
        let count = if self.refused.is_none() { served } else { refused };
        count.fetch_sub(1, Relaxed);
    }
}

impl Drop for AddressSlot {
    fn drop(&mut self) {
        let addresses = &self.admission.addresses;
        let mut addresses = addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut open) = addresses.entry(self.group) {
            *open.get_mut() -= 1;
            if *open.get() == 0 {
                open.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(max_connections: usize, max_per_address: usize, proxy: &str) -> Arc<Admission> {
        let limits = Limits { max_connections_per_address: max_per_address, ..Limits::default() };
        let proxies = [proxy.parse().unwrap()].into_iter().collect();
        Admission::new(&limits, Headroom { connections: max_connections, refused: 16 }, proxies)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn a_place_is_free_again_when_its_connection_has_ended() {
        let admission = admission(3, 2, "10.0.0.1");
        let admit = |address| admission.admit(ip(address)).unwrap();
        let (first, second) = (admit("192.0.2.1"), admit("192.0.2.1"));
        assert_eq!((first.refused, second.refused), (None, None));
        assert_eq!(admit("192.0.2.1").refused, Some(Refused::Crowded));
        let other = admit("192.0.2.2");
        assert_eq!(other.refused, None);
        assert_eq!(admit("192.0.2.3").refused, Some(Refused::Full));
        drop(first);
        assert_eq!(admit("192.0.2.1").refused, None);
        drop((second, other));
        assert!(admission.addresses.lock().unwrap().is_empty(), "nothing is left of who has gone");
        assert_eq!((admission.served.load(Relaxed), admission.refused.load(Relaxed)), (0, 0));
    }

    #[tokio::test]
    async fn the_addresses_of_one_customer_have_one_limit() {
        let admission = admission(10, 1, "10.0.0.1");
        let admit = |address| admission.admit(ip(address)).unwrap();
        let first = admit("2001:db8::1");
        assert_eq!(first.refused, None);
        assert_eq!(admit("2001:db8::ffff:2").refused, Some(Refused::Crowded));
        assert_eq!(admit("2001:db8:0:1::1").refused, None);
        assert!(admission.enter(ip("2001:db8::3")).is_err(), "nor with a proxy");
    }

    #[tokio::test]
    async fn a_trusted_proxy_has_more_connections_than_an_address() {
        let admission = admission(10, 1, "10.0.0.1");
        let slots: Vec<_> = (0..5).map(|_| admission.admit(ip("10.0.0.1")).unwrap()).collect();
        assert!(slots.iter().all(|slot| slot.refused.is_none()));
        // What counts are the requests of its clients.
        let _request = admission.enter(ip("192.0.2.1")).unwrap();
        assert_eq!(admission.enter(ip("192.0.2.1")).unwrap_err(), Refused::Crowded);
        assert!(admission.enter(ip("192.0.2.2")).is_ok());
    }

    #[tokio::test]
    async fn some_answers_are_kept_for_this_machine() {
        let admission = admission(1, 1, "10.0.0.1");
        let _served = admission.admit(ip("192.0.2.1"));
        let refused: Vec<_> = std::iter::from_fn(|| admission.admit(ip("192.0.2.2"))).collect();
        assert_eq!(refused.len(), 14);
        let local: Vec<_> = std::iter::from_fn(|| admission.admit(ip("127.0.0.1"))).collect();
        assert_eq!(local.len(), 2);
    }
}

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The main namespace.
const ROOT: &[u8] = b"/";

/// The namespaces that a client is connected to, by what it was told and what it has sent since.
#[derive(Debug, Default)]
pub(super) struct Namespaces {
    all: Mutex<Vec<Namespace>>,
    /// Whether the client wants to be connected to the main namespace, or was told that it is.
    wants_root: AtomicBool,
    /// Whether it has announced that it leaves the main namespace before it was told that it is connected.
    has_given_up: AtomicBool,
}

#[derive(Debug)]
struct Namespace {
    name: Box<[u8]>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The client was told that it is connected.
    Connected,
    /// It has announced that it leaves, or was told that it must.
    Left,
    /// It wants to be connected again.
    Again,
    /// It has a new public id and will be told.
    Anew,
}

impl Namespaces {
    /// Creates the state of a client that is connected to these.
    #[cfg(test)]
    pub(super) fn of(names: &[&str]) -> Self {
        let namespaces = Self::default();
        names.iter().for_each(|name| namespaces.joined(name.as_bytes()));
        namespaces
    }

    /// Notes that the client is told that it is connected.
    pub(super) fn joined(&self, name: &[u8]) {
        let mut all = self.all();
        match all.iter_mut().find(|namespace| *namespace.name == *name) {
            Some(namespace) => namespace.stage = Stage::Connected,
            None => all.push(Namespace { name: name.into(), stage: Stage::Connected }),
        }
    }

    /// Returns whether the client is connected.
    pub(super) fn has(&self, name: &[u8]) -> bool {
        let is_here =
            |namespace: &Namespace| *namespace.name == *name && namespace.stage == Stage::Connected;
        self.all().iter().any(is_here)
    }

    /// Notes that the client leaves, or must. Returns whether it was connected.
    pub(super) fn leaves(&self, name: &[u8]) -> bool {
        let was_connected = self.moves(name, Stage::Connected, Stage::Left);
        if name == ROOT && !was_connected && self.wants_root.load(Ordering::Relaxed) {
            self.has_given_up.store(true, Ordering::Release);
        }
        was_connected
    }

    /// Returns whether the client has left the main namespace before it was told that it is connected. The connection
    /// ends then, as with Node.js, and was not cut off.
    pub(super) fn has_given_up(&self) -> bool {
        self.has_given_up.load(Ordering::Acquire)
    }

    /// Notes that the client connects.
    pub(super) fn joins(&self, name: &[u8]) {
        self.moves(name, Stage::Left, Stage::Again);
        if name == ROOT {
            self.wants_root.store(true, Ordering::Relaxed);
        }
    }

    /// Returns whether the client has left and connects again. Returns true once.
    pub(super) fn begins_anew(&self, name: &[u8]) -> bool {
        self.moves(name, Stage::Again, Stage::Anew)
    }

    fn moves(&self, name: &[u8], from: Stage, to: Stage) -> bool {
        let mut all = self.all();
        let here = |namespace: &&mut Namespace| *namespace.name == *name && namespace.stage == from;
        let found = all.iter_mut().find(here);
        found.map(|namespace| namespace.stage = to).is_some()
    }

    fn all(&self) -> MutexGuard<'_, Vec<Namespace>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

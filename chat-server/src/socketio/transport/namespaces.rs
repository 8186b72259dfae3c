use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::public_id::public_id;

/// The main namespace.
const ROOT: &[u8] = b"/";

/// Maximum number of namespaces that are kept only because they have refused the client, and of bytes of their names.
/// The server bounds the number of those that have not.
const MAX_REFUSED: usize = 16;
const MAX_REFUSED_BYTES: usize = 256;

/// The number of pauses after which a CONNECT is shown to Engine.IO for the last time.
const MAX_PAUSES: u32 = 64;

/// The namespaces of one client: those that it is connected to, by what it was told and what it has sent since, and
/// what it is told when it connects.
#[derive(Debug, Default)]
pub(crate) struct Namespaces {
    /// The public id of the client where it has no other.
    id: String,
    all: Mutex<All>,
    /// Whether the client has announced that it leaves the main namespace before it was told that it is connected.
    has_given_up: AtomicBool,
}

#[derive(Debug, Default)]
struct All {
    namespaces: Vec<Namespace>,
    /// Whether someone asks for [`unanswered`](Namespaces::unanswered) CONNECTs.
    is_watched: bool,
}

#[derive(Debug)]
struct Namespace {
    name: Box<[u8]>,
    stage: Stage,
    /// The public id of the client here if it differs.
    id: Option<String>,
    /// The reply to its next CONNECT.
    reply: Option<ConnectReply>,
    /// The `data` of the refusal of its next CONNECT, as JSON.
    refusal: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    /// The client was not told anything yet.
    New,
    /// It was told that it is connected.
    Connected,
    /// It has announced that it leaves, or was told that it must, or that it is refused.
    Left,
    /// It wants to be connected again. This is its CONNECT, empty if it is not known, and the number of pauses since.
    Again { connect: Vec<u8>, pauses: u32 },
    /// It has a new public id and will be told.
    Anew,
}

/// Additions to socketioxide's reply to a CONNECT.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ConnectReply {
    /// The public id of the socket: `socket.id` on the client.
    pub(crate) sid: String,
    /// The secret with which the client can recover its session.
    pub(crate) pid: String,
}

impl Namespaces {
    /// Creates the state of a client with this public id.
    pub(super) fn new(id: String) -> Self {
        Self { id, ..Self::default() }
    }

    /// Returns the public id of the client in this namespace. If it has left the namespace and connects again, the id
    /// is new, because nothing of its previous connection continues.
    pub(crate) fn public_id(&self, name: &str) -> String {
        let mut all = self.all();
        let Some(namespace) = all.find(name.as_bytes()) else { return self.id.clone() };
        if matches!(namespace.stage, Stage::Again { .. }) {
            namespace.stage = Stage::Anew;
            namespace.id = public_id().or(namespace.id.take());
        }
        namespace.id.as_ref().unwrap_or(&self.id).clone()
    }

    /// Sets the reply to the client's next CONNECT to this namespace.
    pub(crate) fn reply_to_connect(&self, name: &str, reply: ConnectReply) {
        let mut all = self.all();
        let namespace = all.find_or_add(name.as_bytes());
        namespace.id = (reply.sid != self.id).then(|| reply.sid.clone());
        namespace.reply = Some(reply);
    }

    /// Sets the `data`, as JSON, with which the client's next CONNECT to this namespace is refused.
    pub(crate) fn refuse(&self, name: &str, data: String) {
        self.all().find_or_add(name.as_bytes()).refusal = Some(data);
    }

    /// Takes note of what an Engine.IO packet of the server tells the client about a namespace. Returns the completed
    /// form of a CONNECT reply: with the public id instead of the Engine.IO session id, and once with the additions of
    /// [`reply_to_connect`](Self::reply_to_connect). A refusal once gets the `data` of [`refuse`](Self::refuse).
    pub(super) fn complete(&self, packet: &str) -> Option<String> {
        let (packet_type, rest) = packet.split_at_checked(2)?;
        match packet_type {
            "40" => {
                let (name, json) = split_namespace(rest);
                if !json.starts_with('{') {
                    return None;
                }
                let mut all = self.all();
                let reply = all.find(name.as_bytes()).and_then(|namespace| namespace.reply.take());
                drop(all);
                let reply = match reply {
                    Some(reply) => serde_json::to_string(&reply).ok()?,
                    // A different one, if the client has left before.
                    None => serde_json::json!({ "sid": self.public_id(name) }).to_string(),
                };
                self.joined(name.as_bytes());
                Some(format!("40{}{reply}", &rest[..rest.len() - json.len()]))
            }
            "41" => {
                // As with Node.js, anything that the client sends before it reads this ends the connection too.
                self.leaves(split_namespace(rest).0.as_bytes());
                None
            }
            "44" => {
                let (name, json) = split_namespace(rest);
                let data = self.refused(name.as_bytes())?;
                let error = json.strip_suffix('}')?;
                Some(format!("44{}{error},\"data\":{data}}}", &rest[..rest.len() - json.len()]))
            }
            _ => None,
        }
    }

    /// Notes that the client is told that it is connected.
    pub(super) fn joined(&self, name: &[u8]) {
        self.all().find_or_add(name).stage = Stage::Connected;
    }

    /// Notes that the client is told that it is refused. Returns the `data` to add.
    fn refused(&self, name: &[u8]) -> Option<String> {
        let mut all = self.all();
        let is_kept = all.namespaces.len() < MAX_REFUSED && name.len() <= MAX_REFUSED_BYTES;
        if !is_kept && all.find(name).is_none() {
            return None;
        }
        let namespace = all.find_or_add(name);
        namespace.stage = Stage::Left;
        namespace.refusal.take()
    }

    /// Returns whether the client is connected.
    pub(super) fn has(&self, name: &[u8]) -> bool {
        self.all().find(name).is_some_and(|namespace| namespace.stage == Stage::Connected)
    }

    /// Notes that the client leaves, or must. Returns whether it was connected.
    pub(super) fn leaves(&self, name: &[u8]) -> bool {
        let mut all = self.all();
        let connected = all.find(name).filter(|namespace| namespace.stage == Stage::Connected);
        let was_connected = connected.map(|namespace| namespace.stage = Stage::Left).is_some();
        // Even if it has not asked to be connected: the requests of a polled client can overtake each other.
        if name == ROOT && !was_connected {
            self.has_given_up.store(true, Ordering::Release);
        }
        was_connected
    }

    /// Returns whether the client has left the main namespace before it was told that it is connected. The connection
    /// ends then, as with Node.js, and was not cut off.
    pub(crate) fn has_given_up(&self) -> bool {
        self.has_given_up.load(Ordering::Acquire)
    }

    /// Notes that the client connects with this `auth`, if that is known. Returns whether someone has to ask for
    /// [unanswered](Self::unanswered) CONNECTs from now on.
    pub(super) fn joins(&self, name: &[u8], auth: Option<&[u8]>) -> bool {
        let mut all = self.all();
        let Some(left) = all.find(name).filter(|namespace| namespace.stage == Stage::Left) else {
            return false;
        };
        let before = if name == ROOT { [b"40", &b""[..], b""] } else { [b"40", name, b","] };
        let connect = auth.map(|auth| [&before.concat(), auth].concat()).unwrap_or_default();
        let is_known = !connect.is_empty();
        left.stage = Stage::Again { connect, pauses: 0 };
        is_known && !std::mem::replace(&mut all.is_watched, true)
    }

    /// Returns the CONNECTs that are due to be shown to Engine.IO again; none if nobody has to ask any more. Call it
    /// after each pause.
    pub(super) fn unanswered(&self) -> Option<Vec<Vec<u8>>> {
        let mut all = self.all();
        let (mut due, mut are_some) = (Vec::new(), false);
        for namespace in &mut all.namespaces {
            let Stage::Again { connect, pauses } = &mut namespace.stage else { continue };
            *pauses += 1;
            // Not after the first pause, part of which may have been before it. Then less and less often.
            if *pauses > 1 && pauses.is_power_of_two() && !connect.is_empty() {
                due.push(connect.clone());
            }
            if *pauses == MAX_PAUSES {
                *connect = Vec::new();
            }
            are_some |= !connect.is_empty();
        }
        all.is_watched = are_some;
        (are_some || !due.is_empty()).then_some(due)
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl All {
    fn find(&mut self, name: &[u8]) -> Option<&mut Namespace> {
        self.namespaces.iter_mut().find(|namespace| *namespace.name == *name)
    }

    fn find_or_add(&mut self, name: &[u8]) -> &mut Namespace {
        let index = self.namespaces.iter().position(|namespace| *namespace.name == *name);
        let index = index.unwrap_or_else(|| {
            let new = Namespace {
                name: name.into(),
                stage: Stage::New,
                id: None,
                reply: None,
                refusal: None,
            };
            self.namespaces.push(new);
            self.namespaces.len() - 1
        });
        &mut self.namespaces[index]
    }
}

/// Splits what follows the type of a packet into its namespace and the rest.
pub(super) fn split_namespace(rest: &str) -> (&str, &str) {
    match rest.split_once(',') {
        Some((name, rest)) if name.starts_with('/') => (name, rest),
        _ if rest.starts_with('/') => (rest, ""),
        _ => ("/", rest),
    }
}

/// Returns whether this is the payload of the CONNECT reply of the namespace `/`.
pub(super) fn is_root_connect(payload: &[u8]) -> bool {
    payload.get(1) == Some(&b'0') && matches!(payload.get(2), None | Some(b'{'))
}

/// Hides the secret.
impl std::fmt::Debug for ConnectReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectReply").field("sid", &self.sid).finish_non_exhaustive()
    }
}

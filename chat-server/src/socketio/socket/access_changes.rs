//! Changes of access on live connections: announced here, by other nodes, or by time.

use std::time::Duration;

use chat_core::{AccessScope, UserId};
use futures_util::{StreamExt, stream};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::connect::Connections;
use super::services::Services;
use super::standing::settle;
use crate::socketio::transport::Farewell;

/// How often to look for connections whose decisions have expired, or could not be had.
const TICK: Duration = Duration::from_secs(1);

/// The number of connections that are asked about at the same time.
const AT_ONCE: usize = 64;

/// How long a change of access waits for the policy. Connections that it has not decided about by then get nothing until
/// it does.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the broker may take for what waits before the frame to the other nodes.
const BROKER_PATIENCE: Duration = Duration::from_secs(1);

/// The pause after changes of access on other nodes. Their frames can be forged where they are not signed: so they cause at
/// most this many rounds of questions.
const PAUSE: Duration = Duration::from_millis(100);

/// The same after a change of everything, which asks about all connections.
const LONG_PAUSE: Duration = Duration::from_millis(500);

impl Connections {
    /// Applies a change of access on this node, and tells the others: see
    /// [`Chat::access_changed`](crate::Chat::access_changed).
    pub(crate) async fn access_changed(&self, scope: &AccessScope) {
        tokio::join!(self.apply([scope].into_iter()), self.services().tell_of_change(scope));
    }

    /// Applies the changes of access that are noted, here or on other nodes. Never returns.
    pub(crate) async fn follow(self) {
        loop {
            let scopes = self.services().changes.next().await;
            self.apply(scopes.iter()).await;
            let asks_all = scopes.contains(&AccessScope::Everything);
            sleep(if asks_all { LONG_PAUSE } else { PAUSE }).await;
        }
    }

    /// Asks again about connections whose decisions have expired. Never returns.
    pub(crate) async fn keep_settled(self) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.settle_all().await;
        }
    }

    pub(super) async fn apply(&self, scopes: impl Iterator<Item = &AccessScope> + Clone) {
        for scope in scopes.clone() {
            if let AccessScope::User(user) = scope {
                self.end_removed_devices(*user).await;
            }
        }
        let Some(gate) = &self.services().gate else { return };
        // Clients that are being accepted are not in the list yet. They ask again when they get into it.
        scopes.for_each(|scope| gate.forget(scope));
        let _ = timeout(PATIENCE, self.settle_all()).await;
    }

    async fn settle_all(&self) {
        let mut unsettled = self.live().all();
        unsettled.retain(|it| it.access.as_ref().is_some_and(|access| !access.is_settled()));
        stream::iter(unsettled)
            .for_each_concurrent(AT_ONCE, async |connection| settle(&connection).await)
            .await;
    }

    /// Ends the connections of devices that a user has removed. A connection that cannot be asked about now is asked
    /// about when its nickname is renewed.
    async fn end_removed_devices(&self, user: UserId) {
        for connection in self.live().all() {
            let Some(user) = connection.user().filter(|known| known.id == user) else { continue };
            if self.services().identities.is_removed(&user).await {
                connection.shut_out("the device was removed", Farewell::DeviceRemoved);
            }
        }
    }
}

impl Services {
    /// Has a change of access applied on this node soon, and tells the others.
    pub(crate) async fn access_changed(&self, scope: &AccessScope) {
        self.changes.note(scope.clone());
        self.tell_of_change(scope).await;
    }

    async fn tell_of_change(&self, scope: &AccessScope) {
        if let Some(outgoing) = &self.outgoing {
            let _ = timeout(BROKER_PATIENCE, outgoing.access_changed(scope.clone())).await;
        }
    }
}

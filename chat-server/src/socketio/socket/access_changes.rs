//! Changes of access on live connections: announced here, by other nodes, or by time.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chat_core::AccessScope;
use chat_store::StoreError;
use futures_util::{StreamExt, stream};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::connect::Connections;
use super::connection::Connection;
use super::nickname_changes::follow_names;
use super::services::Services;
use super::standing::settle;
use crate::engine::policy::{Devices, Noted};
use crate::engine::users::User;
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
        tokio::join!(
            self.apply([scope].into_iter()),
            self.look_at_users(Devices::in_scope(scope)),
            self.services().tell_of_change(scope),
        );
    }

    /// Applies the changes of access that are noted, here or on other nodes. Never returns.
    pub(crate) async fn follow(self) {
        loop {
            let Noted { scopes, devices } = self.services().changes.next().await;
            // It may have been a kick.
            self.services().progress.look();
            tokio::join!(self.apply(scopes.iter()), self.look_at_users(devices));
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

    /// Has the policy asked again about these changes.
    pub(super) async fn apply(&self, scopes: impl Iterator<Item = &AccessScope>) {
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

    /// Ends the connections of devices that these users have removed, and gives the others the users' current nicknames.
    async fn look_at_users(&self, devices: Devices) {
        self.services().identities.devices_changed(&devices);
        if let Devices::Of(users) = &devices {
            follow_names(self.live().all(), users).await;
        }
        self.end_removed_devices(devices).await;
    }

    /// Ends the connections of devices that these users have removed. Those that cannot be found out about now are noted
    /// again.
    async fn end_removed_devices(&self, devices: Devices) {
        if devices.is_empty() {
            return;
        }
        let changes = &self.services().changes;
        // Clients that are being accepted are not in the list yet. They look when they are.
        let named = self.live().all().into_iter().filter_map(|it| it.user().map(|user| (it, user)));
        let named = named.filter(|(_, user)| devices.are_of(user.id));
        let failed = Mutex::new(HashSet::new());
        stream::iter(named)
            .for_each_concurrent(AT_ONCE, async |(connection, user)| {
                let failed = || failed.lock().unwrap_or_else(PoisonError::into_inner);
                // A store that fails for so many is not asked about each of the others.
                let is_down = failed().len() >= AT_ONCE;
                if is_down || connection.end_if_removed(&user).await.is_err() {
                    failed().insert(user.id);
                }
            })
            .await;
        let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
        if !failed.is_empty() {
            changes.note_devices(Devices::Of(failed));
        }
    }
}

impl Connection {
    /// Looks whether the device of the connection's user was removed, if one of anybody may have been while the client
    /// was being identified. Whoever removed it has not seen this connection then.
    pub(super) fn look_for_removal(self: &Arc<Self>) {
        let Services { identities, changes, .. } = &self.services;
        let Some(user) = self.user().filter(|_| identities.have_devices_changed_lately()) else {
            return;
        };
        let (connection, changes) = (Arc::clone(self), changes.clone());
        tokio::spawn(async move {
            if connection.end_if_removed(&user).await.is_err() {
                changes.note_devices(Devices::Of([user.id].into()));
            }
        });
    }

    /// Ends the connection if its device was removed.
    async fn end_if_removed(&self, user: &User) -> Result<(), StoreError> {
        if self.services.identities.is_removed(user).await? {
            self.shut_out("the device was removed", Farewell::DeviceRemoved);
        }
        Ok(())
    }
}

impl Services {
    /// Has a change of access applied on this node, and tells the others. Requests from now on are decided anew; what
    /// connections go on doing is asked about soon.
    pub(crate) async fn access_changed(&self, scope: &AccessScope) {
        if let Some(gate) = &self.gate {
            gate.forget(scope);
        }
        self.changes.note(scope.clone());
        self.tell_of_change(scope).await;
    }

    pub(super) async fn tell_of_change(&self, scope: &AccessScope) {
        if let Some(outgoing) = &self.outgoing {
            let _ = timeout(BROKER_PATIENCE, outgoing.access_changed(scope.clone())).await;
        }
    }
}

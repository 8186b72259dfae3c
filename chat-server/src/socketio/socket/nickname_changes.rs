//! Nicknames that were chosen on another device, or by those who run the chat.

use std::collections::HashSet;
use std::sync::Arc;

use chat_core::event::{NICKNAME, Named};
use chat_core::{AccessScope, Nickname, Timestamp, UserId};
use chat_store::{AccessRequest, NewAccessChange};

use super::connect::Connections;
use super::connection::Connection;
use super::keeper::keep_name;
use super::standing::settle;
use crate::engine::delivery::EphemeralEvent;
use crate::engine::users::IdentityError;
use crate::socketio::transport::Farewell;

impl Connections {
    /// Gives a user another nickname, and tells the user on all nodes. Returns it as it is written now.
    pub(crate) async fn rename_user(
        &self,
        user: UserId,
        nickname: &Nickname,
    ) -> Result<Nickname, IdentityError> {
        let renamed = self.services().identities.rename_user(user, nickname).await?;
        if let Some(rooms) = &self.services().rooms {
            let change = AccessRequest::Rename { user };
            rooms.change_access(&NewAccessChange::new(change, Timestamp::now())).await?;
        }
        self.access_changed(&AccessScope::User(user)).await;
        Ok(renamed.nickname)
    }
}

/// Gives the connections of these users their current nicknames, after the requests that came before. Who has none any
/// more is disconnected. If the store fails, they go on under the old ones until they connect again.
pub(super) async fn follow_names(connections: Vec<Arc<Connection>>, users: &HashSet<UserId>) {
    let user_of = |it: Arc<Connection>| it.user().map(|user| (it, user));
    let mut named: Vec<_> = connections.into_iter().filter_map(user_of).collect();
    named.retain(|(_, user)| users.contains(&user.id));
    let Some((first, _)) = named.first() else { return };
    let here: HashSet<UserId> = named.iter().map(|(_, user)| user.id).collect();
    let here: Vec<UserId> = here.into_iter().collect();
    let Ok(names) = first.services.identities.nicknames(&here).await else { return };
    for (connection, user) in named {
        if names.get(&user.id) != Some(&user.nickname) {
            let later = Arc::clone(&connection);
            connection.requests.later(async move {
                let gone = later.gone.clone();
                gone.run_until_cancelled(follow_name(&later)).await;
            });
        }
    }
}

/// Asks again: what has changed may have been this connection's own doing.
async fn follow_name(connection: &Arc<Connection>) {
    let (Some(user), identities) = (connection.user(), &connection.services.identities) else {
        return;
    };
    let Ok(now) = identities.named_now(&user).await else { return };
    let Some(now) = now else {
        tracing::debug!("a connection is closed: its nickname was taken away");
        return connection.link.close(Farewell::NameLost);
    };
    if now.nickname == user.nickname {
        return;
    }
    let named = Named::new(now.nickname.clone(), connection.token()).with_user(now.id);
    connection.identify(Arc::new(now), connection.token());
    keep_name(connection);
    settle(connection).await;
    if let Some(event) = EphemeralEvent::new(NICKNAME, &named) {
        connection.waiting.outbox.tell_last(event);
    }
}

impl Connection {
    /// Has the other connections of the user take the nickname that was chosen here, on all nodes.
    pub(super) async fn tell_own_devices(&self) {
        if let Some(user) = self.user() {
            self.services.access_changed(&AccessScope::User(user.id)).await;
        }
    }
}

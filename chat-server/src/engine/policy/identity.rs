use std::net::IpAddr;

use chat_core::{Nickname, RoomId, UserId};

use crate::engine::users::User;

/// Who asks: what a [`Policy`](super::Policy) knows of a client.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Identity {
    user: Option<UserId>,
    nickname: Option<Nickname>,
    roles: Vec<String>,
    rooms: Option<Vec<RoomId>>,
    address: Option<IpAddr>,
}

impl Identity {
    /// Creates the identity of a client of which nothing is known.
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// Sets what is known of a client by its user, and by the user's signed token if there is one.
    #[must_use]
    pub(crate) fn of_user(self, user: &User) -> Self {
        let User { id, nickname, claims, .. } = user;
        let (roles, rooms) = (claims.roles.clone(), claims.rooms.clone());
        Self { user: Some(*id), nickname: Some(nickname.clone()), roles, rooms, ..self }
    }

    /// Sets the user and its nickname.
    #[must_use]
    pub fn with_user(self, user: UserId, nickname: Nickname) -> Self {
        Self { user: Some(user), nickname: Some(nickname), ..self }
    }

    /// Sets the roles.
    #[must_use]
    pub fn with_roles(self, roles: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { roles: roles.into_iter().map(Into::into).collect(), ..self }
    }

    /// Sets the rooms that the client's token names.
    #[must_use]
    pub fn with_rooms(self, rooms: impl IntoIterator<Item = RoomId>) -> Self {
        Self { rooms: Some(rooms.into_iter().collect()), ..self }
    }

    /// Sets the address.
    #[must_use]
    pub fn with_address(self, address: IpAddr) -> Self {
        Self { address: Some(address), ..self }
    }

    /// Returns the user; none if anonymous.
    pub fn user(&self) -> Option<UserId> {
        self.user
    }

    /// Returns the nickname; none if anonymous.
    pub fn nickname(&self) -> Option<&Nickname> {
        self.nickname.as_ref()
    }

    /// Returns the roles in the client's signed token; empty without one.
    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    /// Returns whether the client's signed token gives it this role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|known| known == role)
    }

    /// Returns the rooms that the client's signed token names; none if it does not speak of rooms.
    pub fn rooms(&self) -> Option<&[RoomId]> {
        self.rooms.as_deref()
    }

    /// Returns the client's address, also behind a trusted proxy; none if it is unknown.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }
}

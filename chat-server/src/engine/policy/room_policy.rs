use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chat_core::{Posting, Role, RoomId, RoomKey, SanctionKind, Timestamp, Visibility};
use chat_store::{RoomAccess, RoomStore, Sanction};

use super::{Action, Decision, Identity, Policy, PolicyError};
use crate::engine::planted::{self, Bug};
use crate::engine::users::Registration;

/// The role of a signed token that counts as owner of every room.
const ADMIN: &str = "admin";

/// The role of a signed token that counts as moderator of every room.
const MODERATOR: &str = "moderator";

const BANNED: (SanctionKind, &str) = (SanctionKind::Ban, "you are banned from this chat");
const MUTED: (SanctionKind, &str) = (SanctionKind::Mute, "you are muted");

/// The rules of the rooms in a [`RoomStore`]: who is a member of which room and as what, who may write there, and who is
/// banned or muted. [`ChatBuilder::room_rules`](crate::ChatBuilder::room_rules) sets it.
///
/// | | who may |
/// |---|---|
/// | connect | everybody but banned users, and users from banned addresses |
/// | read a room, and see who is there | everybody if the room is public or not kept; members if it is private; nobody who is banned there; nobody if it was deleted |
/// | write in a room | who may read it and [post](Posting) there, unless muted there or everywhere |
/// | send privately | everybody but users who are muted or banned everywhere |
///
/// A signed token with [`rooms`](Identity::rooms) limits its user to these, and makes it a member of each. The roles
/// `admin` and `moderator` in a token count as owner and moderator of every room. An admin is neither banned nor muted. An
/// owner is not in that room, but what holds everywhere holds there, too. A ban of an address is one of `192.0.2.7`,
/// `192.0.2.0/24`, `192.0.0.0/16`, or for IPv6 of one address, its /64 or its /48.
///
/// Where [registration](Self::with_registration) is closed, only users enter rooms.
///
/// A policy of your own may ask this one first, and refuse more.
pub struct RoomPolicy {
    store: Arc<dyn RoomStore>,
    registration: Registration,
}

/// What the store says about a client in a room.
struct Standing {
    access: Option<RoomAccess>,
    sanctions: Vec<Sanction>,
    now: Timestamp,
}

impl RoomPolicy {
    /// Creates the rules of the rooms in a store.
    pub fn new(store: Arc<dyn RoomStore>) -> Self {
        Self { store, registration: Registration::default() }
    }

    /// Sets whether clients may become new users. Unless it is open, clients that are not users cannot enter any room.
    #[must_use]
    pub fn with_registration(self, registration: Registration) -> Self {
        Self { registration, ..self }
    }

    /// Returns the form in which an address, or a range such as `192.0.2.0/24`, is banned; none if it is no address, or
    /// a range of another length than those above.
    pub fn address(text: &str) -> Option<String> {
        let (address, length) = match text.trim().split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text.trim(), None),
        };
        let all = ranges(address.parse().ok()?);
        let mut all = all.into_iter();
        match length {
            None => all.next(),
            Some(length) => all.find(|range| {
                range.split_once('/').is_some_and(|(_, range_length)| range_length == length)
            }),
        }
    }

    async fn sanctions(&self, who: &Identity) -> Result<(Vec<Sanction>, Timestamp), PolicyError> {
        let addresses = who.address().map(ranges).unwrap_or_default();
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        let now = Timestamp::now();
        let sanctions = self.store.sanctions_of(who.user(), &addresses, now).await;
        Ok((sanctions.map_err(PolicyError::new)?, now))
    }

    async fn standing(&self, who: &Identity, room: &RoomKey) -> Result<Standing, PolicyError> {
        let (mut sanctions, now) = self.sanctions(who).await?;
        sanctions.retain(|sanction| sanction.key.room.as_ref().is_none_or(|at| at == room));
        let access = self.store.find_access(room, who.user()).await.map_err(PolicyError::new)?;
        Ok(Standing { access, sanctions, now })
    }

    async fn enter(
        &self,
        who: &Identity,
        room: &RoomId,
        writes: bool,
    ) -> Result<Decision, PolicyError> {
        if who.user().is_none() && self.registration != Registration::Open {
            return Ok(lasting(Decision::refused()).with_message("this chat is for its users"));
        }
        let key = room.key();
        let is_named = who.rooms().map(|rooms| rooms.iter().any(|room| room.key() == key));
        if is_named == Some(false) {
            return Ok(lasting(Decision::refused()).with_message("your token is not for this room"));
        }
        let standing = self.standing(who, &key).await?;
        let role = standing.role(who, is_named.is_some());
        let counts = |sanction: &Sanction| {
            // Owners are above the moderators of their room, not above those of the chat.
            let is_everywhere = sanction.key.room.is_none() && !planted::is(Bug::OwnersExempt);
            !who.has_role(ADMIN) && (is_everywhere || role < Some(Role::Owner))
        };
        if let Some(ban) = standing.sanction(SanctionKind::Ban, counts) {
            return Ok(standing.refused(ban, "you are banned from this room"));
        }
        let record = standing.access.as_ref().map(|access| &access.room);
        if record.is_some_and(|room| room.visibility == Visibility::Deleted) {
            return Ok(lasting(Decision::refused()).with_message("this room was deleted"));
        }
        if record.is_some_and(|room| room.visibility == Visibility::Private) && role.is_none() {
            return Ok(lasting(Decision::refused()).with_message("this room is for its members"));
        }
        if !writes {
            return Ok(standing.allowed());
        }
        if let Some(mute) = standing.sanction(SanctionKind::Mute, counts) {
            return Ok(standing.refused(mute, MUTED.1));
        }
        let (needed, message) = match record.map(|room| room.posting) {
            Some(Posting::Members) => (Some(Role::Member), "only members write here"),
            Some(Posting::Moderators) => (Some(Role::Moderator), "only moderators write here"),
            _ => (None, ""),
        };
        if role < needed {
            return Ok(lasting(Decision::refused()).with_message(message));
        }
        Ok(standing.allowed())
    }

    /// Decides by what holds everywhere: the first of these sanctions that counts refuses with its message.
    async fn everywhere(
        &self,
        who: &Identity,
        sanctions: &[(SanctionKind, &str)],
    ) -> Result<Decision, PolicyError> {
        let (mut found, now) = self.sanctions(who).await?;
        found.retain(|sanction| sanction.key.room.is_none());
        let standing = Standing { access: None, sanctions: found, now };
        let mut counting = sanctions.iter().filter_map(|(kind, message)| {
            Some((standing.sanction(*kind, |_| !who.has_role(ADMIN))?, message))
        });
        Ok(match counting.next() {
            Some((sanction, message)) => standing.refused(sanction, message),
            None => standing.allowed(),
        })
    }
}

#[async_trait]
impl Policy for RoomPolicy {
    async fn decide(&self, who: &Identity, action: &Action) -> Result<Decision, PolicyError> {
        match action {
            Action::Connect => self.everywhere(who, &[BANNED]).await,
            Action::Join(room) | Action::Read(room) | Action::SeeUsers(room) => {
                self.enter(who, room, false).await
            }
            Action::Write(room) | Action::Type(room) => self.enter(who, room, true).await,
            // Who is banned may be connected for a moment still.
            Action::SendPrivately(_) => self.everywhere(who, &[BANNED, MUTED]).await,
            _ => Ok(lasting(Decision::allowed())),
        }
    }
}

impl Standing {
    /// Returns the role of a client: by the store, by its token, or both.
    fn role(&self, who: &Identity, is_named: bool) -> Option<Role> {
        let stored = self.access.as_ref().and_then(|access| access.role);
        let of_token = if who.has_role(ADMIN) {
            Some(Role::Owner)
        } else if who.has_role(MODERATOR) {
            Some(Role::Moderator)
        } else {
            is_named.then_some(Role::Member)
        };
        stored.max(of_token)
    }

    /// Returns a sanction of this kind that counts.
    fn sanction(
        &self,
        kind: SanctionKind,
        counts: impl Fn(&Sanction) -> bool,
    ) -> Option<&Sanction> {
        self.sanctions.iter().find(|sanction| sanction.key.kind == kind && counts(sanction))
    }

    /// Allows it, until something that is in force ends: then it is asked again.
    fn allowed(&self) -> Decision {
        self.sanctions.iter().fold(lasting(Decision::allowed()), |decision, sanction| {
            self.until_the_end_of(sanction, decision)
        })
    }

    fn refused(&self, sanction: &Sanction, message: &str) -> Decision {
        let mut message = message.to_owned();
        if let Some(until) = sanction.until {
            let left = until.since(self.now).as_secs().div_ceil(60);
            message += &format!(" for another {left} min");
        }
        if let Some(reason) = &sanction.reason {
            message += &format!(": {reason}");
        }
        self.until_the_end_of(sanction, lasting(Decision::refused()).with_message(message))
    }

    fn until_the_end_of(&self, sanction: &Sanction, decision: Decision) -> Decision {
        match sanction.until {
            // A moment later, when it is no longer in force.
            Some(until) => {
                let left = until.since(self.now) + Duration::from_millis(1);
                decision.for_at_most(left)
            }
            None => decision,
        }
    }
}

/// Has a decision remembered for long: whatever changes is in the store's log of changes, which all nodes follow.
fn lasting(decision: Decision) -> Decision {
    decision.for_up_to(Decision::MAX_AGE)
}

/// Returns the texts under which an address may be banned.
fn ranges(address: IpAddr) -> Vec<String> {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            vec![address.to_string(), format!("{a}.{b}.{c}.0/24"), format!("{a}.{b}.0.0/16")]
        }
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            let range = |length: u32| {
                let network = std::net::Ipv6Addr::from_bits(bits & !(u128::MAX >> length));
                format!("{network}/{length}")
            };
            vec![address.to_string(), range(64), range(48)]
        }
    }
}

impl fmt::Debug for RoomPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RoomPolicy")
    }
}

#[cfg(test)]
mod tests {
    use chat_core::{Nickname, Topic, UserId};
    use chat_store::{AccessRequest, MemoryStore, NewAccessChange, SanctionKey, Subject};

    use super::*;

    const ADA: i64 = 1;
    const BOB: i64 = 2;

    fn room(name: &str) -> RoomId {
        name.parse().unwrap()
    }

    fn user(number: i64) -> Identity {
        let nickname: Nickname = format!("user {number}").parse().unwrap();
        Identity::anonymous().with_user(UserId::from_stored(number), nickname)
    }

    async fn change(store: &MemoryStore, request: AccessRequest) {
        let change = NewAccessChange::new(request, Timestamp::now());
        store.change_access(&change).await.unwrap();
    }

    async fn create(store: &MemoryStore, name: &str, visibility: Visibility, posting: Posting) {
        let (room, topic) = (room(name), Topic::default());
        let owner = Some(UserId::from_stored(ADA));
        let request = AccessRequest::CreateRoom { room, topic, visibility, posting, owner };
        change(store, request).await;
    }

    async fn sanction(store: &MemoryStore, at: Option<&str>, subject: Subject, kind: SanctionKind) {
        let key = SanctionKey { room: at.map(|name| room(name).key()), subject, kind };
        change(store, AccessRequest::Sanction { key, until: None }).await;
    }

    async fn may(store: &Arc<MemoryStore>, who: &Identity, action: Action) -> bool {
        let store: Arc<dyn RoomStore> = Arc::<MemoryStore>::clone(store);
        RoomPolicy::new(store).decide(who, &action).await.unwrap().is_allowed()
    }

    #[tokio::test]
    async fn members_read_private_rooms_and_those_who_may_post_write() {
        let store = Arc::new(MemoryStore::new());
        create(&store, "Staff", Visibility::Private, Posting::Everyone).await;
        create(&store, "news", Visibility::Public, Posting::Moderators).await;
        let (ada, bob) = (user(ADA), user(BOB));
        for name in ["Staff", "STAFF"] {
            for action in
                [Action::Join, Action::Read, Action::SeeUsers, Action::Write, Action::Type]
            {
                assert!(may(&store, &ada, action(room(name))).await);
                assert!(!may(&store, &bob, action(room(name))).await);
                assert!(!may(&store, &Identity::anonymous(), action(room(name))).await);
            }
        }
        assert!(may(&store, &bob, Action::Read(room("news"))).await);
        assert!(!may(&store, &bob, Action::Write(room("news"))).await);
        assert!(may(&store, &ada, Action::Write(room("news"))).await);
        assert!(may(&store, &Identity::anonymous(), Action::Write(room("general"))).await);
    }

    #[tokio::test]
    async fn tokens_limit_and_grant() {
        let store = Arc::new(MemoryStore::new());
        create(&store, "staff", Visibility::Private, Posting::Members).await;
        create(&store, "news", Visibility::Public, Posting::Moderators).await;
        let staff = user(BOB).with_rooms([room("Staff")]);
        assert!(may(&store, &staff, Action::Write(room("staff"))).await);
        assert!(!may(&store, &staff, Action::Read(room("general"))).await);
        let moderator = user(BOB).with_roles(["moderator"]);
        assert!(may(&store, &moderator, Action::Write(room("news"))).await);
        assert!(may(&store, &moderator, Action::Read(room("staff"))).await);
    }

    #[tokio::test]
    async fn who_is_banned_sends_nothing_privately_while_still_connected() {
        let store = Arc::new(MemoryStore::new());
        let (ada, bob) = (UserId::from_stored(ADA), Subject::User(UserId::from_stored(BOB)));
        sanction(&store, None, bob, SanctionKind::Ban).await;
        assert!(!may(&store, &user(BOB), Action::SendPrivately(ada)).await);
    }

    #[tokio::test]
    async fn bans_and_mutes_count_where_they_are_and_end() {
        let store = Arc::new(MemoryStore::new());
        let (ban, mute) = (SanctionKind::Ban, SanctionKind::Mute);
        let bob = || Subject::User(UserId::from_stored(BOB));
        sanction(&store, Some("Rust"), bob(), ban).await;
        assert!(!may(&store, &user(BOB), Action::Read(room("rust"))).await);
        assert!(may(&store, &user(BOB), Action::Read(room("general"))).await);
        assert!(may(&store, &user(BOB), Action::Connect).await);
        let admin = user(BOB).with_roles(["admin"]);
        assert!(may(&store, &admin, Action::Write(room("rust"))).await);

        sanction(&store, None, bob(), mute).await;
        let ada = UserId::from_stored(ADA);
        assert!(may(&store, &user(BOB), Action::Read(room("general"))).await);
        assert!(!may(&store, &user(BOB), Action::Write(room("general"))).await);
        assert!(!may(&store, &user(BOB), Action::SendPrivately(ada)).await);
        sanction(&store, None, bob(), ban).await;
        assert!(!may(&store, &user(BOB), Action::Connect).await);
        assert!(may(&store, &user(ADA), Action::Connect).await);

        for (address, banned) in [
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.8", "192.0.2.0/24"),
            ("::ffff:198.51.100.7", "198.51.0.0/16"),
            ("2001:db8::7", "2001:db8::/64"),
            ("2001:db8:1:2::7", "2001:db8:1::/48"),
        ] {
            let there = Identity::anonymous().with_address(address.parse().unwrap());
            assert!(may(&store, &there, Action::Connect).await, "{address}");
            sanction(&store, None, Subject::Address(banned.to_owned()), ban).await;
            assert!(!may(&store, &there, Action::Connect).await, "{address}");
        }
    }

    #[tokio::test]
    async fn what_holds_everywhere_holds_for_owners_in_their_room() {
        let store = Arc::new(MemoryStore::new());
        create(&store, "Ada's own", Visibility::Public, Posting::Everyone).await;
        let (own, ada) = (room("Ada's own"), || Subject::User(UserId::from_stored(ADA)));
        let admin = user(ADA).with_roles(["admin"]);
        sanction(&store, None, ada(), SanctionKind::Mute).await;
        for action in [Action::Write, Action::Type] {
            assert!(!may(&store, &user(ADA), action(own.clone())).await);
            assert!(may(&store, &admin, action(own.clone())).await);
        }
        assert!(may(&store, &user(ADA), Action::Read(own)).await);
    }

    #[tokio::test]
    async fn moderators_of_a_room_do_not_silence_its_owner() {
        let store = Arc::new(MemoryStore::new());
        create(&store, "Ada's own", Visibility::Private, Posting::Everyone).await;
        for kind in [SanctionKind::Ban, SanctionKind::Mute] {
            sanction(&store, Some("Ada's own"), Subject::User(UserId::from_stored(ADA)), kind)
                .await;
            assert!(may(&store, &user(ADA), Action::Write(room("Ada's own"))).await);
        }
    }

    #[tokio::test]
    async fn only_users_enter_rooms_where_registration_is_closed() {
        let store = Arc::new(MemoryStore::new());
        let rules: Arc<dyn RoomStore> = Arc::<MemoryStore>::clone(&store);
        let policy = RoomPolicy::new(rules).with_registration(Registration::Closed);
        for action in [Action::Join, Action::Read, Action::SeeUsers, Action::Write, Action::Type] {
            let action = action(room("general"));
            for (who, expected) in [(user(ADA), true), (Identity::anonymous(), false)] {
                let decided = policy.decide(&who, &action).await.unwrap();
                assert_eq!(decided.is_allowed(), expected, "{action:?}");
            }
        }
        // To link a device.
        let connect = policy.decide(&Identity::anonymous(), &Action::Connect).await.unwrap();
        assert!(connect.is_allowed());
    }

    #[test]
    fn addresses_are_written_as_they_are_compared() {
        for (text, expected) in [
            ("192.0.2.7", Some("192.0.2.7")),
            (" 192.0.2.7/24 ", Some("192.0.2.0/24")),
            ("::ffff:192.0.2.7/16", Some("192.0.0.0/16")),
            ("2001:DB8:0::7", Some("2001:db8::7")),
            ("2001:db8:1:2:3::7/48", Some("2001:db8:1::/48")),
            ("192.0.2.7/8", None),
            ("example.org", None),
            ("", None),
        ] {
            assert_eq!(RoomPolicy::address(text).as_deref(), expected, "{text}");
        }
    }

    #[tokio::test]
    async fn a_decision_lasts_no_longer_than_what_it_is_about() {
        let store = Arc::new(MemoryStore::new());
        let subject = Subject::User(UserId::from_stored(BOB));
        let key = SanctionKey { room: None, subject, kind: SanctionKind::Ban };
        let until = Some(Timestamp::now().plus(Duration::from_secs(90)));
        change(&store, AccessRequest::Sanction { key, until }).await;
        let rules: Arc<dyn RoomStore> = Arc::<MemoryStore>::clone(&store);
        let decided = RoomPolicy::new(rules).decide(&user(BOB), &Action::Connect).await.unwrap();
        let (refusal, age) = decided.into_parts();
        assert!(refusal.unwrap().message.contains("another 2 min"));
        assert!(age <= Duration::from_millis(90_001), "{age:?}");
    }
}

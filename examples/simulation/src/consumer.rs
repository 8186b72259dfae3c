//! A consumer of the log on every node, of which one at a time is handed the messages.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chat_core::Message;
use chat_server::{Chat, Consumer, ConsumerError, Consumption};
use tokio::time::{Instant, sleep};

use crate::plants::Plant;
use crate::world::{Life, World};

/// A node that nothing keeps from its store has noticed within this time that another one has taken over.
const DOUBT: Duration = Duration::from_secs(20);

/// What consumers have been handed.
#[derive(Default)]
pub(crate) struct Consumed {
    /// Everything up to this offset was handled.
    pub(crate) upto: u64,
    running: Vec<Call>,
}

/// A call that has not ended.
struct Call {
    life: Arc<Life>,
    began: Instant,
}

/// Starts the consumer of a node.
pub(crate) fn start(world: &Arc<World>, life: &Arc<Life>, chat: &Chat) {
    let most = world.random(|rng| [1, 3, 100][rng.below(3)]);
    let consumption = Consumption::new("index").from_the_beginning().with_most_at_once(most);
    chat.consume(consumption, Index { world: world.clone(), life: life.clone() });
}

struct Index {
    world: Arc<World>,
    life: Arc<Life>,
}

/// Notes the end of a call, also if it is dropped.
struct Running<'a>(&'a Index);

#[async_trait]
impl Consumer for Index {
    async fn consume(&self, messages: &[Message]) -> Result<(), ConsumerError> {
        self.life.go_on().await;
        self.begins(messages);
        let _running = Running(self);
        // One that takes one message at a time is to be done by the end.
        let slow = self.world.random(|rng| rng.chance(50)) && !self.world.is_calm();
        sleep(self.world.random(|rng| rng.millis(0, if slow { 3000 } else { 50 }))).await;
        self.life.go_on().await;
        if !self.world.is_calm() && self.world.random(|rng| rng.chance(100)) {
            return Err(ConsumerError::new("a fault"));
        }
        let last = messages.last().map_or(0, |message| message.offset.as_u64());
        let consumed = &mut *self.world.consumed();
        consumed.upto = consumed.upto.max(last);
        Ok(())
    }
}

impl Index {
    /// Checks what it is handed.
    fn begins(&self, messages: &[Message]) {
        let offsets: Vec<_> = messages.iter().map(|message| message.offset.as_u64()).collect();
        let node = self.life.node;
        self.world.note(format_args!("the consumer of node {node} is handed {offsets:?}"));
        if let Err(promise) = self.follows(messages, &offsets) {
            self.world.violated(format_args!("the consumer of node {node}: {promise}"));
        }
        if let Some(other) = self.other() {
            self.world.violated(format_args!("the consumers of nodes {other} and {node} both run"));
        }
        let call = Call { life: self.life.clone(), began: Instant::now() };
        self.world.consumed().running.push(call);
    }

    /// Nothing is left out, whoever has handled what came before.
    fn follows(&self, messages: &[Message], offsets: &[u64]) -> Result<(), String> {
        let upto = self.world.consumed().upto;
        let disk = self.world.disk();
        if !offsets.is_sorted_by(|one, next| one < next) {
            return Err(format!("{offsets:?} are in disorder"));
        }
        let is_it = |it: &&Message| {
            let stored = disk.at(it.offset.as_u64());
            stored.is_some_and(|stored| disk.says(stored, it.content.as_str(), None))
        };
        if let Some(wrong) = messages.iter().find(|it| !is_it(it)) {
            return Err(format!("{wrong:?} is not stored"));
        }
        let last = offsets.last().copied().unwrap_or_default();
        let up_to_last = disk.after(upto).iter().take_while(|it| it.offset.as_u64() < last);
        let is_left_out =
            |it: &&Message| !it.is_deleted() && !offsets.contains(&it.offset.as_u64());
        match up_to_last.filter(is_left_out).map(|it| it.offset).next() {
            Some(missing) => Err(format!("{missing} is left out of {offsets:?}")),
            None => Ok(()),
        }
    }

    /// Returns a node that consumes now, although nothing has kept it from noticing that this one has taken over.
    fn other(&self) -> Option<usize> {
        let consumed = self.world.consumed();
        let others = consumed.running.iter().filter(|call| !Arc::ptr_eq(&call.life, &self.life));
        let now = Instant::now();
        let since = now.checked_sub(DOUBT).unwrap_or(now);
        let mut alive = others.filter(|call| call.life.is_alive());
        let other = alive.find(|call| {
            let node = call.life.node;
            call.began + DOUBT > now && !self.world.rules().effects.was_in_trouble(node, since)
        });
        other.map(|call| call.life.node)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let Self(Index { world, life }) = self;
        world.consumed().running.retain(|call| !Arc::ptr_eq(&call.life, life));
    }
}

impl World {
    /// Returns whether nodes consume the log in a run with this bug, where that does not depend on the seed.
    pub(crate) fn must_consume(plant: Option<Plant>) -> bool {
        matches!(plant, Some(Plant::FailureSkipped | Plant::LeaseIgnored))
    }
}

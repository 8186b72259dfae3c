use std::collections::{BTreeMap, HashMap};

use chat_core::{AuthorId, Content, Epoch, Kind, Message, NewMessage, Offset, UserId};
use chat_store::{Appended, Plan, Reactions, SessionKey, SessionRecord, Target};
use tokio::time::Instant;

use crate::commit::Written;
use crate::forks::{Earlier, Fork};
use crate::plants::Plant;
use crate::reactions::given;
use crate::rules::GRACE;

/// What all nodes store, and what no crash takes away.
pub(crate) struct Disk {
    plant: Option<Plant>,
    pub(crate) epoch: Epoch,
    pub(crate) log: Vec<Message>,
    /// The last message that was deleted from the beginning, which stays in `log` for the oracle.
    pub(crate) horizon: Offset,
    /// When it moved, and where to.
    horizons: Vec<(u64, Instant)>,
    /// When messages were stored and by which node, by their offsets.
    stored_at: BTreeMap<u64, (Instant, usize)>,
    by_key: HashMap<String, Offset>,
    /// What messages have said before they were changed, and by what, by their offsets.
    before: BTreeMap<u64, Vec<(String, Change)>>,
    /// The greatest offsets that each node has delivered, and since when.
    delivered: BTreeMap<usize, Vec<(u64, Instant)>>,
    /// The deletions of messages.
    deletions: HashMap<Offset, Offset>,
    pub(crate) sessions: BTreeMap<SessionKey, SessionRecord>,
    /// Users by the keys of their names.
    pub(crate) users: BTreeMap<String, UserId>,
    /// The most messages in a page.
    pub(crate) page: usize,
    /// The store does not work until then.
    pub(crate) outage: bool,
    /// How many of the last messages would not survive a crash.
    unsynced: usize,
    /// What is on its way to the log.
    pub(crate) written: Option<Written>,
    /// How many messages would survive that the power is cut, if the store confirms before it syncs.
    pub(crate) synced: usize,
    /// The state to go back to.
    pub(crate) earlier: Option<Earlier>,
    pub(crate) forks: Vec<Fork>,
}

/// An edit or a deletion.
#[derive(Debug, Clone, Copy)]
struct Change {
    offset: u64,
    at: Instant,
}

impl Disk {
    pub(crate) fn new(plant: Option<Plant>, page: usize) -> Self {
        Self {
            plant,
            epoch: Epoch::from_random(*b"simulate"),
            log: Vec::new(),
            horizon: Offset::ZERO,
            horizons: Vec::new(),
            stored_at: BTreeMap::new(),
            by_key: HashMap::new(),
            before: BTreeMap::new(),
            delivered: BTreeMap::new(),
            deletions: HashMap::new(),
            sessions: BTreeMap::new(),
            users: BTreeMap::new(),
            page,
            outage: false,
            unsynced: 0,
            written: None,
            synced: 0,
            earlier: None,
            forks: Vec::new(),
        }
    }

    pub(crate) fn is(&self, plant: Plant) -> bool {
        self.plant == Some(plant)
    }

    pub(crate) fn at(&self, offset: u64) -> Option<&Message> {
        let found = self.log.binary_search_by_key(&offset, |message| message.offset.as_u64());
        found.ok().and_then(|index| self.log.get(index))
    }

    /// Returns what a message said at first.
    pub(crate) fn original<'a>(&'a self, message: &'a Message) -> &'a str {
        let before = self.before.get(&message.offset.as_u64()).and_then(|before| before.first());
        before.map_or(message.content.as_str(), |(content, _)| content)
    }

    /// Returns whether a message says this, or has said it, and a client that has connected to a node at a time may not have
    /// known better: its node did not, as far as one can tell.
    pub(crate) fn says(
        &self,
        message: &Message,
        content: &str,
        connected: Option<(usize, Instant)>,
    ) -> bool {
        let before = self.before.get(&message.offset.as_u64()).map_or(&[][..], Vec::as_slice);
        let is_known = |change: &Change| {
            connected.is_some_and(|(node, at)| {
                change.at + GRACE < at || self.had_delivered(node, change.offset, at)
            })
        };
        let mut before = before.iter().filter(|(_, change)| !is_known(change));
        message.content.as_str() == content || before.any(|(said, _)| said == content)
    }

    /// Notes that a node has delivered a message.
    pub(crate) fn delivers(&mut self, node: usize, offset: u64) {
        let delivered = self.delivered.entry(node).or_default();
        if delivered.last().is_none_or(|(last, _)| *last < offset) {
            delivered.push((offset, Instant::now()));
        }
    }

    /// Returns whether a node had delivered a message, or a later one, before a time.
    fn had_delivered(&self, node: usize, offset: u64, before: Instant) -> bool {
        let delivered = self.delivered.get(&node).map_or(&[][..], Vec::as_slice);
        delivered.iter().any(|(last, at)| *last >= offset && *at < before)
    }

    /// Replaces the content of a message, as an edit or a deletion does.
    fn replace(&mut self, of: Offset, by: Offset, content: &Content) {
        let change = Change { offset: by.as_u64(), at: Instant::now() };
        let is_changed = |message: &Message| {
            message.offset == of || message.kind == Kind::Edit(of) && message.offset < by
        };
        for message in self.log.iter_mut().filter(|message| is_changed(message)) {
            let content = if message.offset == of { content.clone() } else { Content::default() };
            if message.is_deleted() {
                continue;
            }
            let said = (message.content.as_str().to_owned(), change);
            self.before.entry(message.offset.as_u64()).or_default().push(said);
            message.change_content(content);
        }
        if content.as_str().is_empty() {
            self.deletions.insert(of, by);
        }
    }

    /// Deletes the messages up to an offset.
    pub(crate) fn trim(&mut self, upto: Offset) {
        let upto = upto.min(self.tail());
        if upto > self.horizon {
            self.horizon = upto;
            self.horizons.push((upto.as_u64(), Instant::now()));
        }
    }

    /// Removes a user from messages.
    pub(crate) fn forget_user(&mut self, user: UserId, of: &[Offset]) {
        let concerned = self.log.iter_mut().filter(|message| of.contains(&message.offset));
        concerned.for_each(|message| message.forget_user(user));
    }

    /// Returns the horizon as readers see it.
    pub(crate) fn shown_horizon(&self) -> Offset {
        if self.is(Plant::HorizonHidden) { Offset::ZERO } else { self.horizon }
    }

    /// Returns whether a client that has connected at a time must not get a message any more: it was deleted long before.
    pub(crate) fn is_gone(&self, offset: u64, connected: Instant) -> bool {
        let passed = self.horizons.iter().find(|(upto, _)| *upto >= offset);
        passed.is_some_and(|(_, at)| *at + GRACE < connected)
    }

    /// Returns the reactions to a message, in the order in which they were given first.
    pub(crate) fn reactions(&self, of: Offset, asking: Option<AuthorId>) -> Vec<Reactions> {
        let given = given(&self.log, of.as_u64()).into_iter().filter_map(|(emoji, givers)| {
            let own = asking.is_some() && givers.iter().any(|giver| giver.author == asking);
            let count = match self.is(Plant::ReactionsCounted) {
                true => self.times_given(of, &emoji),
                false => givers.len() as u64,
            };
            let since = givers.iter().map(|giver| giver.since).min()?;
            Some((since, Reactions::new(of, emoji, count, own)))
        });
        let mut given: Vec<_> = given.collect();
        given.sort_by_key(|(since, _)| *since);
        given.into_iter().map(|(_, reactions)| reactions).collect()
    }

    fn times_given(&self, of: Offset, emoji: &str) -> u64 {
        let kind = Kind::Reaction { to: of, on: true };
        let is_it = |it: &&Message| it.kind == kind && it.content.as_str() == emoji;
        self.log.iter().filter(is_it).count() as u64
    }

    /// Returns when a message was stored, and by which node.
    pub(crate) fn stored_at(&self, offset: u64) -> Option<(Instant, usize)> {
        self.stored_at.get(&offset).copied()
    }

    pub(crate) fn tail(&self) -> Offset {
        self.log.last().map_or(Offset::ZERO, |message| message.offset)
    }

    /// The messages after an offset.
    pub(crate) fn after(&self, offset: u64) -> &[Message] {
        let first = self.log.partition_point(|message| message.offset.as_u64() <= offset);
        self.log.get(first..).unwrap_or_default()
    }

    pub(crate) fn append(
        &mut self,
        batch: &[NewMessage],
        most: usize,
        node: usize,
    ) -> Vec<Appended> {
        let anyones = |text: &str| text.rsplit(':').next().unwrap_or_default().to_owned();
        let stored = |text: &str| {
            let offset = match self.plant {
                Some(Plant::KeysForgotten) => None,
                Some(Plant::KeyOfAnyone) => self.by_key.get(&anyones(text)),
                _ => self.by_key.get(text),
            };
            self.at(offset?.as_u64())
        };
        let target = |of: Offset| {
            let deletion = self.deletions.get(&of).copied();
            let message = self.at(of.as_u64()).filter(|_| of > self.horizon)?;
            Some(Target { message, deletion })
        };
        let plan = Plan::with_targets(batch, stored, target);
        let replaced: Vec<_> =
            plan.replaced().map(|(of, number, content)| (of, number, content.clone())).collect();
        let first = self.tail().plus(if self.is(Plant::NotDense) { 2 } else { 1 });
        let new: Vec<_> = plan
            .new_messages()
            .take(most)
            .map(|(new, text)| (new.clone(), text.map(str::to_owned)))
            .collect();
        let mut outcome = plan.outcome(first);
        for ((new, text), step) in new.into_iter().zip(0..) {
            let offset = first.plus(step);
            let text =
                text.map(|text| if self.is(Plant::KeyOfAnyone) { anyones(&text) } else { text });
            self.by_key.extend(text.map(|text| (text, offset)));
            self.log.push(Message::from_new(offset, new));
            self.stored_at.insert(offset.as_u64(), (Instant::now(), node));
            self.unsynced = (self.unsynced + 1).min(2);
        }
        for (of, number, content) in replaced.into_iter().filter(|(_, number, _)| *number < most) {
            self.replace(of, first.plus(number as u64), &content);
        }
        for appended in &mut outcome {
            *appended = match *appended {
                Appended::Conflict(offset) if self.is(Plant::ConflictSwallowed) => {
                    Appended::Duplicate(offset)
                }
                Appended::Duplicate(_) if self.is(Plant::RetryGetsNewOffset) => {
                    Appended::Duplicate(self.tail())
                }
                appended => appended,
            };
        }
        outcome
    }

    /// A node has crashed.
    pub(crate) fn crash(&mut self) {
        if self.is(Plant::LostByCrash) {
            self.forget_after(self.log.len().saturating_sub(self.unsynced));
        }
    }

    /// Loses all messages but the first ones.
    pub(crate) fn forget_after(&mut self, kept: usize) {
        for lost in self.log.drain(kept..) {
            self.by_key.retain(|_, offset| *offset != lost.offset);
            self.stored_at.remove(&lost.offset.as_u64());
        }
    }
}

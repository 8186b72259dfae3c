use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use chat_core::{Content, Kind, Message, NewMessage, Offset};

use crate::Appended;
use crate::key::{earlier_choice, first_choice, is_earlier, is_shared, second_choice};

/// Decides the outcome of each message of a batch from the keys in the log.
///
/// For implementations of stores: it decides who owns a key and what counts as a retry. Each new message gets a text
/// under which to keep its key; no two messages of a log have the same one.
///
/// ```
/// use chat_core::{Author, AuthorId, NewMessage, Offset, RoomId};
/// use chat_store::{Appended, Plan};
///
/// let [ada, bob] = [1, 2].map(|number| {
///     Author::user(AuthorId::from_stored(number), AuthorId::from_stored(-number))
/// });
/// let hello = NewMessage::new(RoomId::general(), "hello".parse()?)
///     .with_client_offset("1".parse()?);
/// let batch = [ada, ada, bob].map(|author| hello.clone().with_author(author));
///
/// // A log without any of them.
/// let plan = Plan::of(&batch, |_kept| None);
/// assert_eq!(plan.new_messages().count(), 2);
/// let [one, two] = [1, 2].map(|number| Offset::ZERO.plus(number));
/// let expected = [Appended::New(one), Appended::Duplicate(one), Appended::New(two)];
/// assert_eq!(plan.outcome(one), expected);
/// # Ok::<_, chat_core::ParseError>(())
/// ```
#[derive(Debug)]
pub struct Plan<'a> {
    batch: &'a [NewMessage],
    /// The index of each new message, and the text to keep its key under.
    new: Vec<(usize, Option<Cow<'a, str>>)>,
    fates: Vec<Fate>,
    /// The messages that new ones delete, with the numbers of these.
    deleted: HashMap<Offset, usize>,
}

/// What is left of a deleted message.
static NOTHING: LazyLock<Content> = LazyLock::new(Content::default);

/// A message that another one changes, deletes or reacts to.
#[derive(Debug, Clone, Copy)]
pub struct Target<'m> {
    /// The message.
    pub message: &'m Message,
    /// The offset of its deletion, if it was deleted.
    pub deletion: Option<Offset>,
}

/// The fate of a message.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// The message, or another one with its key, is in the log.
    Known(Appended),
    /// It is the new message with this number, counted from 0.
    New(usize),
    /// The new message with this number has its key, and is the same message or another one.
    Repeats(usize, Same),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Same {
    Message,
    KeyOnly,
}

/// The owner of a text.
enum Holder<'m> {
    Stored(&'m Message),
    New(usize, Message),
}

impl<'a> Plan<'a> {
    /// Creates the plan for a batch of messages none of which [depends on](Kind::depends_on) another. `stored` returns the
    /// message that the log has under a text for a key.
    ///
    /// `stored` is called with all texts under which a message may be kept: [`kept_texts`](Self::kept_texts).
    pub fn of<'m>(batch: &'a [NewMessage], stored: impl Fn(&str) -> Option<&'m Message>) -> Self {
        Self::with_targets(batch, stored, |_| None)
    }

    /// Creates the plan for a batch. `target` returns the message of the log that another one depends on:
    /// [`depended_on`](Self::depended_on).
    pub fn with_targets<'m>(
        batch: &'a [NewMessage],
        stored: impl Fn(&str) -> Option<&'m Message>,
        target: impl Fn(Offset) -> Option<Target<'m>>,
    ) -> Self {
        let fates = Vec::with_capacity(batch.len());
        let mut plan = Self { batch, new: Vec::new(), fates, deleted: HashMap::new() };
        let mut taken = HashMap::new();
        for (index, new) in batch.iter().enumerate() {
            let find = |text: &str| {
                let stored = stored(text).map(Holder::Stored);
                stored.or_else(|| taken.get(text).map(|&number| plan.holder(number)))
            };
            let fate = match settle(new, find) {
                Settled::Held(Holder::Stored(stored), Same::Message) => {
                    Fate::Known(Appended::Duplicate(stored.offset))
                }
                Settled::Held(Holder::Stored(stored), Same::KeyOnly) => {
                    Fate::Known(Appended::Conflict(stored.offset))
                }
                Settled::Held(Holder::New(number, _), same) => Fate::Repeats(number, same),
                Settled::New(text) => plan.refused(new, &target).unwrap_or_else(|| {
                    let number = plan.new.len();
                    taken.extend(text.clone().map(|text| (text, number)));
                    plan.new.push((index, text));
                    if let Kind::Deletion(of) = new.kind {
                        plan.deleted.insert(of, number);
                    }
                    Fate::New(number)
                }),
            };
            plan.fates.push(fate);
        }
        plan
    }

    /// Returns the fate of a new message if what it depends on is not there, or what it repeats.
    fn refused<'m>(
        &self,
        new: &NewMessage,
        target: impl Fn(Offset) -> Option<Target<'m>>,
    ) -> Option<Fate> {
        if new.is_only_retry {
            return Some(Fate::Known(Appended::Missing));
        }
        let of = new.kind.depends_on()?;
        let is_deletion = matches!(new.kind, Kind::Deletion(_));
        match (target(of), self.deleted.get(&of)) {
            (Some(Target { message, deletion: None }), None)
                if message.takes(&new.kind, &new.audience) =>
            {
                None
            }
            (Some(Target { deletion: Some(offset), .. }), _) if is_deletion => {
                Some(Fate::Known(Appended::Duplicate(offset)))
            }
            (Some(_), Some(&number)) if is_deletion => Some(Fate::Repeats(number, Same::Message)),
            _ => Some(Fate::Known(Appended::Missing)),
        }
    }

    /// Returns the offsets of the messages that those of a batch depend on.
    pub fn depended_on(batch: &[NewMessage]) -> impl Iterator<Item = Offset> {
        batch.iter().filter_map(|new| new.kind.depends_on())
    }

    /// Returns whether the outcome of a batch depends on more of the log than its keys, or some of it is never stored.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn has_conditions(batch: &[NewMessage]) -> bool {
        batch.iter().any(|new| new.is_only_retry || new.kind.depends_on().is_some())
    }

    /// Returns the contents that the [new messages](Self::new_messages) replace, in this order: the offset of a message,
    /// the number of the new message that replaces its content, counted from 0, and the content, which is empty for a
    /// deletion.
    ///
    /// For each, a store also removes the contents of earlier edits of that message, as with
    /// [`Message::change_content`].
    pub fn replaced(&self) -> impl Iterator<Item = (Offset, usize, &'a Content)> {
        self.new.iter().enumerate().filter_map(|(number, (index, _))| {
            let new = &self.batch[*index];
            match new.kind {
                Kind::Edit(of) => Some((of, number, &new.content)),
                Kind::Deletion(of) => Some((of, number, &*NOTHING)),
                _ => None,
            }
        })
    }

    /// Returns the reactions among the [new messages](Self::new_messages), with their numbers, counted from 0.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn reactions(&self) -> impl Iterator<Item = (&'a NewMessage, usize)> {
        let new = self.new.iter().map(|(index, _)| &self.batch[*index]).zip(0..);
        new.filter(|(new, _)| matches!(new.kind, Kind::Reaction { .. }))
    }

    /// Returns the texts under which a log may have a message, or another one with its key: one, two, or none without
    /// a key.
    pub fn kept_texts(new: &NewMessage) -> impl Iterator<Item = Cow<'_, str>> {
        [
            first_choice(new),
            second_choice(new).map(Cow::Owned),
            earlier_choice(new).map(Cow::Borrowed),
        ]
        .into_iter()
        .flatten()
    }

    /// Returns the messages to store, in this order and with consecutive offsets, and the texts to keep their keys
    /// under.
    pub fn new_messages(&self) -> impl ExactSizeIterator<Item = (&'a NewMessage, Option<&str>)> {
        self.new.iter().map(|(index, text)| (&self.batch[*index], text.as_deref()))
    }

    /// Returns the outcome of each message if the first of the [new ones](Self::new_messages) is stored at this
    /// offset.
    pub fn outcome(&self, first: Offset) -> Vec<Appended> {
        let at = |number: usize| first.plus(number as u64);
        let outcome = self.fates.iter().map(|fate| match *fate {
            Fate::Known(appended) => appended,
            Fate::New(number) => Appended::New(at(number)),
            Fate::Repeats(number, Same::Message) => Appended::Duplicate(at(number)),
            Fate::Repeats(number, Same::KeyOnly) => Appended::Conflict(at(number)),
        });
        outcome.collect()
    }

    fn holder(&self, number: usize) -> Holder<'static> {
        let (index, _) = self.new[number];
        Holder::New(number, Message::from_new(Offset::ZERO, self.batch[index].clone()))
    }
}

impl Holder<'_> {
    fn message(&self) -> &Message {
        match self {
            Self::Stored(message) => message,
            Self::New(_, message) => message,
        }
    }
}

/// The decision on one message.
enum Settled<'a, 'm> {
    /// Its key belongs to this holder, which is the same message or not.
    Held(Holder<'m>, Same),
    /// It is new, and its key is kept under this text.
    New(Option<Cow<'a, str>>),
}

fn settle<'a, 'm>(
    new: &'a NewMessage,
    find: impl Fn(&str) -> Option<Holder<'m>>,
) -> Settled<'a, 'm> {
    let Some(text) = first_choice(new) else { return Settled::New(None) };
    if let Some(holder) = find(&text) {
        let stored = holder.message();
        let same = same(new, stored);
        let is_own = !is_shared(new) || new.author.is_some_and(|author| author.wrote(stored));
        if is_own || same == Same::Message {
            return Settled::Held(holder, same);
        }
        // It is another client's. Neither client learns of it or affects the other.
        return match second_choice(new).map(|text| (find(&text), text)) {
            Some((Some(holder), _)) => Settled::Held(holder, Same::Message),
            Some((None, text)) => Settled::New(Some(text.into())),
            None => Settled::Held(holder, same),
        };
    }
    if let Some(holder) = earlier_choice(new).and_then(find)
        && is_earlier(new, holder.message())
    {
        return Settled::Held(holder, Same::Message);
    }
    Settled::New(Some(text))
}

fn same(new: &NewMessage, stored: &Message) -> Same {
    if new.is_retry_of(stored) { Same::Message } else { Same::KeyOnly }
}

//! Stores what another system has exported.

use std::collections::HashMap;

use anyhow::{Context, bail};
use chat_core::{Audience, ClientOffset, Content, Emoji, NewMessage, Offset, RoomId, Timestamp};
use chat_server::ImportedUser;
use chat_store::{Appended, Store};

use super::super::progress::progress_of;
use super::export::{Export, ForeignUser, GivenReaction, Names, Place, Post, PostIds};
use super::report::Done;
use super::{rooms, text};

/// Maximum number of messages in a commit.
const BATCH: usize = 500;

/// Maximum number of messages that are looked at to find the first one.
const PAGE: usize = 500;

/// Stores an export. The keys of the messages are those of the export, so that nothing is stored twice when it is started again.
pub(super) async fn load(export: Export, store: &dyn Store) -> anyhow::Result<()> {
    let Export { source, users, rooms, ids, posts } = export;
    check_log(source, &ids, store).await?;
    let mut loader = Loader {
        source,
        store,
        people: HashMap::new(),
        rooms: HashMap::new(),
        answered: HashMap::new(),
        done: Done::default(),
    };
    for user in users {
        loader.user(user).await?;
    }
    loader.rooms = rooms::create(store, rooms, &loader.people).await?;
    let called = |(id, user): (&String, &ImportedUser)| (id.clone(), user.nickname.to_string());
    let mut names: Names = loader.people.iter().map(called).collect();
    names.extend(loader.rooms.iter().map(|(id, room)| (id.clone(), room.to_string())));

    let (mut progress, mut pending) = (progress_of("messages"), Vec::new());
    for (read, post) in (1..).zip(posts(names)) {
        let post: Post = post?;
        let waits = |of: &Post| post.reply_to.as_ref() == Some(&of.id);
        if pending.len() == BATCH || pending.iter().any(waits) {
            loader.store(std::mem::take(&mut pending)).await?;
        }
        pending.push(post);
        progress(read, ids.count());
    }
    loader.store(pending).await?;
    loader.done.tell(loader.people.len(), loader.rooms.len());
    Ok(())
}

/// Checks that the log is empty, or begins with this export.
async fn check_log(source: &str, ids: &PostIds, store: &dyn Store) -> anyhow::Result<()> {
    if store.tail().await? == Offset::ZERO {
        return Ok(());
    }
    let page = store.read_after(None, Offset::ZERO, PAGE).await?;
    // Reactions have keys of their own.
    let first = page.messages.iter().find(|message| message.kind.is_said());
    let key = first.and_then(|message| message.client_offset.as_ref());
    let id = key.and_then(|key| key.as_str().strip_prefix(source)?.strip_prefix(':'));
    if id.is_some_and(|id| ids.contain(id)) {
        return Ok(());
    }
    bail!("the store is not empty, and what it has is not of this export; name a new store")
}

struct Loader<'a> {
    source: &'static str,
    store: &'a dyn Store,
    people: HashMap<String, ImportedUser>,
    rooms: HashMap<String, RoomId>,
    /// The offsets of messages that others answer.
    answered: HashMap<String, Offset>,
    done: Done,
}

impl Loader<'_> {
    async fn user(
        &mut self,
        ForeignUser { id, names }: ForeignUser,
    ) -> anyhow::Result<ImportedUser> {
        if let Some(known) = self.people.get(&id) {
            return Ok(known.clone());
        }
        let user = chat_server::import_user(self.store, &[self.source, &id], &names).await?;
        let user = user.with_context(|| format!("no name is free for the user {id}"))?;
        if names.first().is_some_and(|name| *name != user.nickname.as_str()) {
            println!("{} is called {}", names[0], user.nickname);
        }
        self.people.insert(id, user.clone());
        Ok(user)
    }

    /// Stores posts, and then the reactions to them.
    async fn store(&mut self, posts: Vec<Post>) -> anyhow::Result<()> {
        let (mut batch, mut stored) = (Vec::new(), Vec::new());
        for post in posts {
            if let Some(message) = self.message(&post).await? {
                batch.push(message);
                stored.push(post);
            }
        }
        let appended = self.store.append(&batch).await?;
        let mut reactions = Vec::new();
        for ((outcome, post), message) in appended.into_iter().zip(stored).zip(&batch) {
            let offset = match outcome {
                Appended::New(offset) => {
                    self.done.messages += 1;
                    offset
                }
                Appended::Duplicate(offset) => {
                    self.done.known += 1;
                    offset
                }
                Appended::Conflict(_) | Appended::Missing => {
                    let id = &post.id;
                    bail!("the store has another message with the key of {id}; name a new store")
                }
            };
            for given in &post.reactions {
                reactions.extend(self.reactions(&post, message, offset, given)?);
            }
            if post.has_replies {
                self.answered.insert(post.id, offset);
            }
        }
        // When they were given is not known; what follows was written later.
        let at = batch.last().map_or_else(Timestamp::now, |message| message.at);
        let reactions: Vec<_> = reactions.into_iter().map(|it| it.with_at(at)).collect();
        for reactions in reactions.chunks(BATCH) {
            let appended = self.store.append(reactions).await?;
            let new = appended.iter().filter(|it| matches!(it, Appended::New(_))).count();
            self.done.reactions += new as u64;
        }
        Ok(())
    }

    async fn message(&mut self, post: &Post) -> anyhow::Result<Option<NewMessage>> {
        let Some(content) = self.content(post) else {
            self.done.empty += 1;
            return Ok(None);
        };
        let writer = match (&post.user, &post.name) {
            (Some(id), name) => {
                let names = name.iter().chain([id]).cloned().collect();
                Some(self.user(ForeignUser { id: id.clone(), names }).await?)
            }
            // A program has a name of its own, too: it may be called as somebody is.
            (None, Some(name)) => {
                let (id, names) = (format!("program {name}"), vec![name.clone()]);
                Some(self.user(ForeignUser { id, names }).await?)
            }
            (None, None) => None,
        };
        let Some(audience) = self.audience(post, writer.as_ref()).await? else {
            self.done.nowhere += 1;
            return Ok(None);
        };
        // Not in the future: what comes later would be older.
        let at = post.at.clamp(Timestamp::from_millis(0), Timestamp::now());
        let mut message = NewMessage::new(audience, content)
            .with_at(at)
            .with_client_offset(key(self.source, &post.id)?);
        if let Some(ImportedUser { id, nickname, author, .. }) = writer {
            message = message.with_user(id).with_from(nickname).with_author(author);
        }
        if let Some(offset) = post.reply_to.as_ref().and_then(|of| self.answered.get(of)) {
            message = message.in_reply_to(*offset);
        }
        Ok(Some(message))
    }

    async fn audience(
        &mut self,
        post: &Post,
        writer: Option<&ImportedUser>,
    ) -> anyhow::Result<Option<Audience>> {
        match (&post.place, writer) {
            (Place::Room(id), _) => Ok(self.rooms.get(id).cloned().map(Audience::Room)),
            (Place::Private { to }, Some(from)) => {
                let to = self.user(ForeignUser { id: to.clone(), names: vec![to.clone()] }).await?;
                Ok(Some(Audience::Private { from: from.id, to: to.id, nickname: to.nickname }))
            }
            (Place::Private { .. }, None) | (Place::Unknown, _) => Ok(None),
        }
    }

    fn content(&mut self, post: &Post) -> Option<Content> {
        let end = post.text.floor_char_boundary(Content::MAX_BYTES);
        self.done.shortened += u64::from(end < post.text.len());
        let text = post.text[..end].trim_end();
        text.parse().ok().filter(|_| !text.trim().is_empty())
    }

    fn reactions(
        &mut self,
        post: &Post,
        message: &NewMessage,
        to: Offset,
        given: &GivenReaction,
    ) -> anyhow::Result<Vec<NewMessage>> {
        let emoji = text::emoji(&given.emoji).and_then(|it| it.parse::<Emoji>().ok());
        let Some(emoji) = emoji else {
            self.done.unknown += given.users.len() as u64;
            return Ok(Vec::new());
        };
        let mut reactions = Vec::new();
        for id in &given.users {
            let Some(user) = self.people.get(id) else {
                self.done.strangers += 1;
                continue;
            };
            let audience = match (&message.audience, &message.from) {
                // From the one who has got it.
                (Audience::Private { from, .. }, Some(nickname)) if *from != user.id => {
                    Audience::Private { from: user.id, to: *from, nickname: nickname.clone() }
                }
                (audience, _) => audience.clone(),
            };
            let key = key(self.source, &format!("{}:{}:{}", post.id, given.emoji, user.id))?;
            let reaction = NewMessage::reaction(audience, to, &emoji, true)
                .with_client_offset(key)
                .with_user(user.id)
                .with_from(user.nickname.clone())
                .with_author(user.author);
            reactions.push(reaction);
        }
        Ok(reactions)
    }
}

/// Returns the key of a message.
fn key(source: &str, id: &str) -> anyhow::Result<ClientOffset> {
    let text = format!("{source}:{id}");
    text.parse().with_context(|| format!("{text} is too long"))
}

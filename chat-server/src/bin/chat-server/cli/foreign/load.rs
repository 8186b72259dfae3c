//! Stores what another system has exported.

use std::collections::{HashMap, HashSet};
use std::io::{Write, stderr};
use std::time::Instant;

use anyhow::{Context, bail};
use chat_core::{
    Audience, ClientOffset, Content, Emoji, NewMessage, Nickname, Offset, Posting, Role, RoomId,
    RoomKey, Timestamp, Topic, Visibility,
};
use chat_server::ImportedUser;
use chat_store::{AccessChanged, AccessRequest, Appended, NewAccessChange, Refused, Store};

use super::super::progress::Pace;
use super::export::{Export, ForeignRoom, ForeignUser, GivenReaction, Place, Post};
use super::text;

/// Maximum number of messages in a commit.
const BATCH: usize = 500;

/// Maximum number of rooms with names that compare as the same.
const MAX_NUMBER: usize = 1000;

/// Stores an export. The keys of the messages are those of the export, so that nothing is stored twice when it is started again.
pub(super) async fn load(export: Export, store: &dyn Store) -> anyhow::Result<()> {
    let Export { source, users, rooms, count, mut posts } = export;
    let mut posts = std::iter::from_fn(move || posts.next()).peekable();
    if let Some(Ok(first)) = posts.peek() {
        check_log(&source, first, store).await?;
    }
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
    loader.rooms(rooms).await?;
    let (mut pace, began, mut read, mut pending) =
        (Pace::for_reader(), Instant::now(), 0_u64, Vec::new());
    for post in posts {
        let post = post?;
        read += 1;
        let waits = |of: &Post| post.reply_to.as_ref() == Some(&of.id);
        if pending.len() == BATCH || pending.iter().any(waits) {
            loader.store(std::mem::take(&mut pending)).await?;
        }
        pending.push(post);
        if pace.is_due() {
            let rate = read as f64 / began.elapsed().as_secs_f64().max(0.001);
            let left = humantime::format_duration(std::time::Duration::from_secs(
                ((count - read.min(count)) as f64 / rate) as u64,
            ));
            // Nobody may read it.
            let _ =
                writeln!(stderr(), "{read} of {count} messages, {rate:.0} per second, {left} left");
        }
    }
    loader.store(pending).await?;
    loader.done.tell(loader.people.len(), loader.rooms.len());
    Ok(())
}

/// Checks that the log is empty, or begins with this export.
async fn check_log(source: &[String], first: &Post, store: &dyn Store) -> anyhow::Result<()> {
    let page = store.read_after(None, Offset::ZERO, 1).await?;
    let is_empty = store.tail().await? == Offset::ZERO;
    let begins = page.messages.first().and_then(|it| it.client_offset.clone());
    if is_empty || begins.is_some_and(|begins| key(source, &first.id).is_ok_and(|it| it == begins))
    {
        return Ok(());
    }
    bail!("the store is not empty, and what it has is not of this export; name a new store")
}

/// What was done.
#[derive(Debug, Default)]
struct Done {
    messages: u64,
    reactions: u64,
    /// Messages that were stored before.
    known: u64,
    empty: u64,
    shortened: u64,
    /// Reactions that no emoji is known for.
    unknown: u64,
    /// Messages to somebody who is not named.
    nowhere: u64,
}

impl Done {
    fn tell(&self, users: usize, rooms: usize) {
        let Self { messages, reactions, known, empty, shortened, unknown, nowhere } = self;
        println!(
            "imported {messages} messages, {reactions} reactions, {rooms} rooms and {users} users"
        );
        for (number, what) in [
            (known, "messages had been imported before"),
            (empty, "messages were left out: they have no text"),
            (shortened, "messages were shortened to 64 KiB"),
            (unknown, "reactions were left out: no emoji has their name"),
            (nowhere, "messages were left out: the export does not say whom they are to"),
        ] {
            if *number > 0 {
                println!("{number} {what}");
            }
        }
        println!("each user comes in with a code: chat-server code NICKNAME");
        println!("start the server with --rooms: without it, everybody may read private rooms");
    }
}

struct Loader<'a> {
    source: Vec<String>,
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
        let parts: Vec<&str> = self.source.iter().map(String::as_str).chain([&*id]).collect();
        let user = chat_server::import_user(self.store, &parts, &names).await?;
        let user = user.with_context(|| format!("no name is free for the user {id}"))?;
        if names.first().is_some_and(|name| *name != user.nickname.as_str()) {
            println!("{} is called {}", names[0], user.nickname);
        }
        self.people.insert(id, user.clone());
        Ok(user)
    }

    async fn rooms(&mut self, rooms: Vec<ForeignRoom>) -> anyhow::Result<()> {
        let mut taken: HashSet<RoomKey> = HashSet::new();
        for room in rooms {
            let names = (1..=MAX_NUMBER).map(|number| room_name(&room.name, number));
            let name = names.into_iter().find(|name| !taken.contains(&name.key()));
            let name =
                name.with_context(|| format!("no name is free for the room {}", room.name))?;
            taken.insert(name.key());
            if name.as_str() != room.name {
                println!("the room {} is called {name}", room.name);
            }
            self.room(&name, &room).await?;
            self.rooms.insert(room.id, name);
        }
        Ok(())
    }

    async fn room(&self, name: &RoomId, room: &ForeignRoom) -> anyhow::Result<()> {
        let user = |id: &String| self.people.get(id).map(|user| user.id);
        let visibility = if room.is_private { Visibility::Private } else { Visibility::Public };
        let create = AccessRequest::CreateRoom {
            room: name.clone(),
            topic: topic(&room.topic),
            visibility,
            posting: Posting::Everyone,
            owner: room.owners.iter().find_map(user),
        };
        match self.change(create).await? {
            // It was stored before.
            AccessChanged::No(Refused::RoomExists(_))
            | AccessChanged::Yes(_)
            | AccessChanged::Unchanged => {}
            AccessChanged::No(refused) => bail!("the room {name} cannot be created: {refused:?}"),
        }
        let owners = room.owners.iter().map(|id| (id, Role::Owner));
        // Everybody is in the others, who comes.
        let members = room.members.iter().filter(|_| room.is_private).map(|id| (id, Role::Member));
        for (user, role) in owners.chain(members).filter_map(|(id, role)| Some((user(id)?, role))) {
            self.change(AccessRequest::AddMember { room: name.key(), user, role }).await?;
        }
        Ok(())
    }

    async fn change(&self, request: AccessRequest) -> anyhow::Result<AccessChanged> {
        let change = NewAccessChange::new(request, Timestamp::now());
        Ok(self.store.change_access(&change).await?)
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
        let writer = match &post.user {
            Some(id) => {
                let names = post.name.iter().chain([id]).cloned().collect();
                Some(self.user(ForeignUser { id: id.clone(), names }).await?)
            }
            None => None,
        };
        let Some(audience) = self.audience(post, writer.as_ref()).await? else {
            self.done.nowhere += 1;
            return Ok(None);
        };
        let mut message = NewMessage::new(audience, content)
            .with_at(post.at)
            .with_client_offset(key(&self.source, &post.id)?);
        message = match writer {
            Some(ImportedUser { id, nickname, author, .. }) => {
                message.with_user(id).with_from(nickname).with_author(author)
            }
            None => match post
                .name
                .as_deref()
                .and_then(|name| Nickname::fitted(name, Nickname::MAX_CHARACTERS))
            {
                Some(name) => message.with_from(name),
                None => message,
            },
        };
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
            (Place::Private { .. }, None) => Ok(None),
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
        for user in given.users.iter().filter_map(|id| self.people.get(id)) {
            let audience = match (&message.audience, &message.from) {
                // From the one who has got it.
                (Audience::Private { from, .. }, Some(nickname)) if *from != user.id => {
                    Audience::Private { from: user.id, to: *from, nickname: nickname.clone() }
                }
                (audience, _) => audience.clone(),
            };
            let key = key(&self.source, &format!("{}:{}:{}", post.id, given.emoji, user.id))?;
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
fn key(source: &[String], id: &str) -> anyhow::Result<ClientOffset> {
    let text = format!("{}:{id}", source.join(":"));
    text.parse().with_context(|| format!("{text} is too long"))
}

/// Returns the name of a room as it can be one, and with a number from 2 on.
fn room_name(name: &str, number: usize) -> RoomId {
    let visible: String = name.chars().filter(|it| !it.is_control()).collect();
    let end = visible.floor_char_boundary(RoomId::MAX_BYTES - 5);
    let name = visible[..end].trim();
    let numbered = if number > 1 { format!("{name} {number}") } else { name.to_owned() };
    numbered.parse().unwrap_or_else(|_| RoomId::from_stored(format!("room {number}")))
}

fn topic(text: &str) -> Topic {
    let one_line: String = text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    let end = one_line.floor_char_boundary(Topic::MAX_BYTES);
    one_line[..end].parse().unwrap_or_else(|_| Topic::from_stored(""))
}

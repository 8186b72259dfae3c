//! The bulk export of Mattermost: lines of JSON, with posts in any order.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use chat_core::Timestamp;
use data_encoding::HEXLOWER;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::export::{
    Export, ForeignRoom, ForeignUser, GivenReaction, Names, Place, Post, PostIds, Posts, or_nothing,
};
use super::text::from_mattermost;

/// A line. What it is about is in the field of the same name.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    version: Option<u32>,
    channel: Option<Channel>,
    user: Option<User>,
    post: Option<Message>,
    direct_channel: Option<DirectChannel>,
    direct_post: Option<Message>,
}

#[derive(Deserialize)]
struct Channel {
    team: String,
    name: String,
    #[serde(default, deserialize_with = "or_nothing")]
    display_name: String,
    /// O is open, P is private.
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, deserialize_with = "or_nothing")]
    header: String,
    #[serde(default, deserialize_with = "or_nothing")]
    purpose: String,
}

#[derive(Deserialize)]
struct User {
    username: String,
    #[serde(default, deserialize_with = "or_nothing")]
    nickname: String,
    #[serde(default, deserialize_with = "or_nothing")]
    first_name: String,
    #[serde(default, deserialize_with = "or_nothing")]
    last_name: String,
    #[serde(default, deserialize_with = "or_nothing")]
    teams: Option<Vec<Team>>,
}

#[derive(Deserialize)]
struct Team {
    name: String,
    #[serde(default, deserialize_with = "or_nothing")]
    channels: Option<Vec<Membership>>,
}

#[derive(Deserialize)]
struct Membership {
    name: String,
    #[serde(default, deserialize_with = "or_nothing")]
    roles: String,
}

#[derive(Deserialize)]
struct DirectChannel {
    members: Option<Vec<String>>,
    participants: Option<Vec<Participant>>,
}

#[derive(Deserialize)]
struct Participant {
    username: String,
}

#[derive(Deserialize)]
struct Message {
    team: Option<String>,
    channel: Option<String>,
    channel_members: Option<Vec<String>>,
    user: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    message: String,
    create_at: i64,
    reactions: Option<Vec<Reaction>>,
    replies: Option<Vec<Message>>,
    attachments: Option<Vec<Attachment>>,
}

#[derive(Deserialize)]
struct Reaction {
    user: String,
    emoji_name: String,
}

#[derive(Deserialize)]
struct Attachment {
    path: String,
}

/// When a post was written, where its line begins, and which reply it is, from 1; 0 is the post itself.
type Index = Vec<(i64, u64, usize)>;

/// Maximum number of lines with replies that are kept: those of threads that go on at a time.
const KEPT_LINES: usize = 64;

/// Reads a file. All of it is read once, so that a wrong line is found before anything is stored.
pub(super) fn read(path: &Path) -> anyhow::Result<Export> {
    let opened = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut from = BufReader::new(opened);
    if from.fill_buf().is_ok_and(|bytes| bytes.starts_with(b"PK")) {
        bail!("{} is packed; unpack it, and name the .jsonl file", path.display());
    }
    let (mut users, mut rooms) = (Vec::new(), Vec::new());
    let (mut index, mut ids) = (Index::new(), PostIds::default());
    let (mut text, mut at, mut number) = (Vec::new(), 0, 0);
    loop {
        text.clear();
        number += 1;
        let wrong = || format!("line {number} of {} is wrong", path.display());
        let length = from.read_until(b'\n', &mut text).with_context(wrong)?;
        if length == 0 {
            break;
        }
        let begins = at;
        at += length as u64;
        if text.trim_ascii().is_empty() {
            continue;
        }
        let line: Line = serde_json::from_slice(&text).with_context(wrong)?;
        if begins == 0 && line.kind != "version" {
            bail!("{} is no export of Mattermost: its first line has no version", path.display());
        }
        if let Some(version) = line.version.filter(|version| *version != 1) {
            bail!("{} has version {version} of the format; 1 is known", path.display());
        }
        rooms.extend(line.channel.map(room));
        rooms.extend(line.direct_channel.and_then(group));
        users.extend(line.user);
        if let Some(post) = line.post.or(line.direct_post) {
            let place = place(&post);
            let replies = post.replies.iter().flatten().enumerate();
            let replies = replies.map(|(reply, it)| (reply + 1, it));
            for (reply, message) in std::iter::once((0, &post)).chain(replies) {
                if !is_happening(message) {
                    index.push((message.create_at, begins, reply));
                    ids.add(&id_of(&place, message));
                }
            }
        }
    }
    join(&users, &mut rooms);
    index.sort_unstable();
    let foreign = |user: User| ForeignUser { names: names_of(&user), id: user.username };
    let users = users.into_iter().map(foreign).collect();
    let posts = move |names: Names| -> Posts {
        let mut lines = Lines { from, kept: VecDeque::new() };
        Box::new(index.into_iter().map(move |(_, at, reply)| {
            let root = lines.at(at)?;
            post(&root, reply, &names).context("the export has changed meanwhile")
        }))
    };
    Ok(Export { source: "mattermost", users, rooms, ids, posts: Box::new(posts) })
}

/// The lines of a file with posts, read again.
struct Lines {
    from: BufReader<File>,
    /// Those with replies, the newest last: a reply would have its whole thread read again.
    kept: VecDeque<(u64, Arc<Message>)>,
}

impl Lines {
    fn at(&mut self, at: u64) -> anyhow::Result<Arc<Message>> {
        if let Some((_, known)) = self.kept.iter().find(|(begins, _)| *begins == at) {
            return Ok(Arc::clone(known));
        }
        let mut text = Vec::new();
        self.from.seek(SeekFrom::Start(at))?;
        self.from.read_until(b'\n', &mut text)?;
        let line: Line = serde_json::from_slice(&text)?;
        let root = line.post.or(line.direct_post).context("the export has changed meanwhile")?;
        let root = Arc::new(root);
        if root.replies.as_ref().is_some_and(|replies| !replies.is_empty()) {
            if self.kept.len() == KEPT_LINES {
                self.kept.pop_front();
            }
            self.kept.push_back((at, Arc::clone(&root)));
        }
        Ok(root)
    }
}

/// Returns a post, or one of its replies, counted from 1.
fn post(root: &Message, reply: usize, names: &Names) -> Option<Post> {
    let replies = root.replies.as_deref().unwrap_or_default();
    let message = match reply.checked_sub(1) {
        None => root,
        Some(number) => replies.get(number)?,
    };
    let of_root = place(root);
    let id = id_of(&of_root, message);
    let place = match (&of_root, root.channel_members.as_deref()) {
        // To the other one of the two, whoever has answered.
        (Place::Private { to }, Some(members)) => {
            let other = members.iter().find(|it| **it != message.user);
            Place::Private { to: other.unwrap_or(to).clone() }
        }
        _ => of_root.clone(),
    };
    let mut lines = vec![from_mattermost(&message.message, names)];
    for attachment in message.attachments.iter().flatten() {
        let name = attachment.path.rsplit('/').next().unwrap_or_default();
        lines.push(format!("📎 {name}"));
    }
    lines.retain(|line| !line.trim().is_empty());
    let mut reactions: Vec<GivenReaction> = Vec::new();
    for Reaction { user, emoji_name } in message.reactions.iter().flatten() {
        match reactions.iter_mut().find(|it| it.emoji == *emoji_name) {
            Some(given) => given.users.push(user.clone()),
            None => {
                let users = vec![user.clone()];
                reactions.push(GivenReaction { emoji: emoji_name.clone(), users });
            }
        }
    }
    Some(Post {
        id,
        at: Timestamp::from_millis(message.create_at),
        place,
        user: Some(message.user.clone()),
        name: None,
        text: lines.join("\n"),
        reply_to: (reply > 0).then(|| id_of(&of_root, root)),
        has_replies: reply == 0 && !replies.is_empty(),
        reactions,
    })
}

/// Returns what tells a message from others, in this export and in later ones, which do not say which message is which.
fn id_of(place: &Place, message: &Message) -> String {
    let place = match place {
        Place::Room(id) | Place::Private { to: id } => id,
        Place::Unknown => "",
    };
    let digest = Sha256::new()
        .chain_update(place)
        .chain_update([0])
        .chain_update(&message.user)
        .chain_update([0])
        .chain_update(&message.message)
        .finalize();
    format!("{}:{}", message.create_at, HEXLOWER.encode(&digest[..12]))
}

fn place(message: &Message) -> Place {
    match (&message.team, &message.channel, message.channel_members.as_deref()) {
        (Some(team), Some(channel), _) => Place::Room(id(team, channel)),
        (_, _, Some([one])) => Place::Private { to: one.clone() },
        (_, _, Some([one, other])) => {
            let to = if *one == message.user { other } else { one };
            Place::Private { to: to.clone() }
        }
        (_, _, Some(members @ [_, _, _, ..])) => Place::Room(group_id(members)),
        _ => Place::Unknown,
    }
}

/// Returns whether a message says what has happened in a channel: nobody has written it.
fn is_happening(message: &Message) -> bool {
    message.kind.as_deref().is_some_and(|kind| kind.starts_with("system_"))
}

fn id(team: &str, channel: &str) -> String {
    format!("{team}/{channel}")
}

fn group_id(members: &[String]) -> String {
    let mut members = members.to_vec();
    members.sort();
    members.join(",")
}

fn room(channel: Channel) -> ForeignRoom {
    let Channel { team, name, display_name, kind, header, purpose } = channel;
    let id = id(&team, &name);
    let name = if display_name.trim().is_empty() { name } else { display_name };
    let topic = if header.trim().is_empty() { purpose } else { header };
    let is_private = kind != "O";
    ForeignRoom { id, name, topic, is_private, owners: Vec::new(), members: Vec::new() }
}

/// Returns the room of a direct channel of more than two.
fn group(channel: DirectChannel) -> Option<ForeignRoom> {
    let participants = channel.participants.into_iter().flatten().map(|it| it.username);
    let members = channel.members.unwrap_or_else(|| participants.collect());
    (members.len() > 2).then(|| ForeignRoom {
        id: group_id(&members),
        name: members.join(", "),
        topic: String::new(),
        is_private: true,
        owners: Vec::new(),
        members,
    })
}

fn join(users: &[User], rooms: &mut [ForeignRoom]) {
    let places: HashMap<String, usize> =
        rooms.iter().enumerate().map(|(at, room)| (room.id.clone(), at)).collect();
    for user in users {
        for team in user.teams.iter().flatten() {
            for membership in team.channels.iter().flatten() {
                let place = places.get(&id(&team.name, &membership.name));
                let Some(room) = place.and_then(|at| rooms.get_mut(*at)) else { continue };
                let is_owner = membership.roles.split(' ').any(|role| role == "channel_admin");
                let of = if is_owner { &mut room.owners } else { &mut room.members };
                of.push(user.username.clone());
            }
        }
    }
}

fn names_of(user: &User) -> Vec<String> {
    let User { username, nickname, first_name, last_name, .. } = user;
    let full = format!("{first_name} {last_name}");
    let names = [nickname.trim(), full.trim(), username];
    names.into_iter().filter(|name| !name.is_empty()).map(ToOwned::to_owned).collect()
}

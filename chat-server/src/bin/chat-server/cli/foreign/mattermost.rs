//! The bulk export of Mattermost: lines of JSON, with posts in any order.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, bail};
use chat_core::Timestamp;
use serde::Deserialize;

use super::export::{Export, ForeignRoom, ForeignUser, GivenReaction, Place, Post};
use super::text::{outside_code, with_emoji};

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
    #[serde(default)]
    display_name: String,
    /// O is open, P is private.
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    header: String,
    #[serde(default)]
    purpose: String,
}

#[derive(Deserialize)]
struct User {
    username: String,
    #[serde(default)]
    nickname: String,
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
    #[serde(default)]
    teams: Option<Vec<Team>>,
}

#[derive(Deserialize)]
struct Team {
    name: String,
    #[serde(default)]
    channels: Option<Vec<Membership>>,
}

#[derive(Deserialize)]
struct Membership {
    name: String,
    #[serde(default)]
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
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(default)]
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

/// Reads a file. All of it is read once, so that a wrong line is found before anything is stored.
pub(super) fn read(path: &Path) -> anyhow::Result<Export> {
    let opened = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut from = BufReader::new(opened);
    let (mut users, mut rooms, mut index) = (Vec::new(), Vec::new(), Index::new());
    let (mut text, mut at, mut number) = (String::new(), 0, 0);
    loop {
        text.clear();
        let length = from.read_line(&mut text).with_context(|| format!("line {}", number + 1))?;
        if length == 0 {
            break;
        }
        number += 1;
        let wrong = || format!("line {number} of {} is wrong", path.display());
        let line: Line = serde_json::from_str(&text).with_context(wrong)?;
        if number == 1 && line.kind != "version" {
            bail!("{} is no export of Mattermost: its first line has no version", path.display());
        }
        if let Some(version) = line.version.filter(|version| *version != 1) {
            bail!("{} has version {version} of the format; 1 is known", path.display());
        }
        rooms.extend(line.channel.map(room));
        rooms.extend(line.direct_channel.and_then(group));
        users.extend(line.user);
        if let Some(post) = line.post.or(line.direct_post) {
            place(&post).with_context(wrong)?;
            if !is_happening(&post) {
                index.push((post.create_at, at, 0));
                let replies = post.replies.iter().flatten().enumerate();
                let replies = replies.filter(|(_, reply)| !is_happening(reply));
                index.extend(replies.map(|(reply, it)| (it.create_at, at, reply + 1)));
            }
        }
        at += length as u64;
    }
    for user in &users {
        join(user, &mut rooms);
    }
    index.sort_unstable();
    let foreign = |user: User| ForeignUser { names: names_of(&user), id: user.username };
    let users = users.into_iter().map(foreign).collect();
    let count = index.len() as u64;
    let posts = index.into_iter().map(move |(_, at, reply)| {
        let mut text = String::new();
        from.seek(SeekFrom::Start(at))?;
        from.read_line(&mut text)?;
        let line: Line = serde_json::from_str(&text)?;
        let root = line.post.or(line.direct_post).context("the export has changed meanwhile")?;
        post(root, at, reply)
    });
    let source = vec!["mattermost".into()];
    Ok(Export { source, users, rooms, count, posts: Box::new(posts) })
}

fn post(mut root: Message, at: u64, reply: usize) -> anyhow::Result<Post> {
    let members = root.channel_members.clone().unwrap_or_default();
    let place = place(&root)?;
    let replies = root.replies.take().unwrap_or_default();
    let has_replies = reply == 0 && !replies.is_empty();
    let message = match reply.checked_sub(1) {
        None => root,
        Some(number) => {
            replies.into_iter().nth(number).context("the export has changed meanwhile")?
        }
    };
    let place = match place {
        Place::Room(room) => Place::Room(room),
        // To the other one of the two, whoever has answered.
        Place::Private { to } => {
            Place::Private { to: members.into_iter().find(|it| *it != message.user).unwrap_or(to) }
        }
    };
    let mut text = outside_code(&message.message, with_emoji, str::to_owned);
    for attachment in message.attachments.iter().flatten() {
        let name = attachment.path.rsplit('/').next().unwrap_or_default();
        if !text.is_empty() {
            text.push('\n');
        }
        text += &format!("📎 {name}");
    }
    let mut reactions: Vec<GivenReaction> = Vec::new();
    for Reaction { user, emoji_name } in message.reactions.into_iter().flatten() {
        match reactions.iter_mut().find(|it| it.emoji == emoji_name) {
            Some(given) => given.users.push(user),
            None => reactions.push(GivenReaction { emoji: emoji_name, users: vec![user] }),
        }
    }
    Ok(Post {
        id: format!("{at}:{reply}"),
        at: Timestamp::from_millis(message.create_at),
        place,
        user: Some(message.user),
        name: None,
        text,
        reply_to: (reply > 0).then(|| format!("{at}:0")),
        has_replies,
        reactions,
    })
}

fn place(message: &Message) -> anyhow::Result<Place> {
    match (&message.team, &message.channel, message.channel_members.as_deref()) {
        (Some(team), Some(channel), _) => Ok(Place::Room(id(team, channel))),
        (_, _, Some([one])) => Ok(Place::Private { to: one.clone() }),
        (_, _, Some([one, other])) => {
            let to = if *one == message.user { other } else { one };
            Ok(Place::Private { to: to.clone() })
        }
        (_, _, Some(members @ [_, _, _, ..])) => Ok(Place::Room(group_id(members))),
        _ => bail!("the post has neither a channel nor members"),
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

fn join(user: &User, rooms: &mut [ForeignRoom]) {
    for team in user.teams.iter().flatten() {
        for membership in team.channels.iter().flatten() {
            let id = id(&team.name, &membership.name);
            let Some(room) = rooms.iter_mut().find(|room| room.id == id) else { continue };
            let is_owner = membership.roles.split(' ').any(|role| role == "channel_admin");
            let of = if is_owner { &mut room.owners } else { &mut room.members };
            of.push(user.username.clone());
        }
    }
}

fn names_of(user: &User) -> Vec<String> {
    let User { username, nickname, first_name, last_name, .. } = user;
    let full = format!("{first_name} {last_name}");
    let names = [nickname.trim(), full.trim(), username];
    names.into_iter().filter(|name| !name.is_empty()).map(ToOwned::to_owned).collect()
}

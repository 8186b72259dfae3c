//! The export of a Slack workspace: a folder for each channel with a file for each day.

use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};
use chat_core::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::export::{
    Export, ForeignRoom, ForeignUser, GivenReaction, Names, Place, Post, PostIds, Posts, or_nothing,
};
use super::text::from_slack;

/// What happens in a channel, which Slack keeps as messages that nobody has written.
const HAPPENINGS: [&str; 26] = [
    "bot_add",
    "bot_disable",
    "bot_enable",
    "bot_remove",
    "channel_archive",
    "channel_convert_to_private",
    "channel_join",
    "channel_leave",
    "channel_name",
    "channel_posting_permissions",
    "channel_purpose",
    "channel_topic",
    "channel_unarchive",
    "group_archive",
    "group_join",
    "group_leave",
    "group_name",
    "group_purpose",
    "group_topic",
    "group_unarchive",
    "huddle_thread",
    "pinned_item",
    "reminder_add",
    "sh_room_created",
    "tombstone",
    "unpinned_item",
];

#[derive(Deserialize)]
struct User {
    id: String,
    #[serde(default, deserialize_with = "or_nothing")]
    name: String,
    #[serde(default, deserialize_with = "or_nothing")]
    real_name: String,
    #[serde(default, deserialize_with = "or_nothing")]
    deleted: bool,
    #[serde(default, deserialize_with = "or_nothing")]
    profile: Profile,
}

#[derive(Deserialize, Default)]
struct Profile {
    #[serde(default, deserialize_with = "or_nothing")]
    display_name: String,
    #[serde(default, deserialize_with = "or_nothing")]
    real_name: String,
}

#[derive(Deserialize)]
struct Channel {
    id: String,
    #[serde(default, deserialize_with = "or_nothing")]
    name: String,
    creator: Option<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    members: Vec<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    topic: Described,
    #[serde(default, deserialize_with = "or_nothing")]
    purpose: Described,
}

#[derive(Deserialize, Default)]
struct Described {
    #[serde(default, deserialize_with = "or_nothing")]
    value: String,
}

#[derive(Deserialize)]
struct Message {
    ts: String,
    thread_ts: Option<String>,
    subtype: Option<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    hidden: bool,
    user: Option<String>,
    username: Option<String>,
    user_profile: Option<Profile>,
    bot_profile: Option<Bot>,
    #[serde(default, deserialize_with = "or_nothing")]
    text: String,
    #[serde(default, deserialize_with = "or_nothing")]
    attachments: Vec<Attachment>,
    #[serde(default, deserialize_with = "or_nothing")]
    files: Vec<File>,
    #[serde(default, deserialize_with = "or_nothing")]
    reactions: Vec<Reaction>,
}

#[derive(Deserialize)]
struct Bot {
    name: Option<String>,
}

/// What programs write beside a text, or in its place.
#[derive(Deserialize)]
struct Attachment {
    #[serde(default, deserialize_with = "or_nothing")]
    pretext: String,
    #[serde(default, deserialize_with = "or_nothing")]
    title: String,
    #[serde(default, deserialize_with = "or_nothing")]
    text: String,
    #[serde(default, deserialize_with = "or_nothing")]
    fallback: String,
}

#[derive(Deserialize)]
struct File {
    name: Option<String>,
    url_private: Option<String>,
    mode: Option<String>,
}

#[derive(Deserialize)]
struct Reaction {
    name: String,
    #[serde(default, deserialize_with = "or_nothing")]
    users: Vec<String>,
}

/// A channel, or a conversation of two.
struct Conversation {
    id: String,
    /// The two, or one who writes to nobody else; none for a channel.
    members: Option<Vec<String>>,
}

/// The files of one day, each with its conversation.
type Day = Vec<(usize, PathBuf)>;

/// When a message was written: seconds since 1970, and millionths of one.
type Moment = (i64, i64);

/// Reads a folder with an unpacked export. All files are read once before the first post is returned, so that a wrong one is
/// found before anything is stored.
pub(super) fn read(folder: &Path) -> anyhow::Result<Export> {
    if !folder.is_dir() {
        bail!("{} is no folder; unpack the export first", folder.display());
    }
    let users: Vec<User> = of_file(&folder.join("users.json"))?;
    let (mut rooms, mut conversations, mut days) = (Vec::new(), Vec::new(), Vec::new());
    for (file, is_private) in [("channels", false), ("groups", true), ("mpims", true)] {
        for channel in of_optional_file::<Vec<Channel>>(&folder.join(format!("{file}.json")))? {
            let name = if channel.name.is_empty() { &channel.id } else { &channel.name };
            find_days(folder, name, conversations.len(), &mut days)?;
            conversations.push(Conversation { id: channel.id.clone(), members: None });
            rooms.push(room(channel, is_private, &users));
        }
    }
    for Channel { id, members, .. } in of_optional_file::<Vec<Channel>>(&folder.join("dms.json"))? {
        find_days(folder, &id, conversations.len(), &mut days)?;
        conversations.push(Conversation { id, members: Some(members) });
    }
    days.sort();
    let mut by_day: Vec<Day> = Vec::new();
    let mut last = None;
    for (day, conversation, path) in days {
        if last.as_ref() != Some(&day) {
            by_day.push(Vec::new());
            last = Some(day);
        }
        by_day.last_mut().into_iter().for_each(|it| it.push((conversation, path.clone())));
    }
    let reader = Reader { conversations };
    let mut ids = PostIds::default();
    for day in &by_day {
        for (_, conversation, message) in reader.messages(day)? {
            ids.add(&reader.id(conversation, &message.ts));
        }
    }
    let users = users.into_iter().map(|user| ForeignUser { names: names_of(&user), id: user.id });
    let users = users.collect();
    let posts = move |names: Names| -> Posts {
        Box::new(by_day.into_iter().flat_map(move |day| match reader.messages(&day) {
            Ok(messages) => {
                let post = |(at, conversation, message)| {
                    Ok(reader.post(at, conversation, message, &names))
                };
                messages.into_iter().map(post).collect::<Vec<_>>()
            }
            Err(error) => vec![Err(error)],
        }))
    };
    Ok(Export { source: "slack", users, rooms, ids, posts: Box::new(posts) })
}

struct Reader {
    conversations: Vec<Conversation>,
}

impl Reader {
    /// Reads what was written on a day, in the order of time, with the number of its conversation.
    fn messages(&self, day: &Day) -> anyhow::Result<Vec<(Moment, usize, Message)>> {
        let mut messages = Vec::new();
        for (conversation, path) in day {
            for message in of_file::<Vec<Message>>(path)? {
                let Some(moment) = parsed(&message.ts) else {
                    bail!("{}: a message has the time {:?}", path.display(), message.ts);
                };
                let happened =
                    message.subtype.as_deref().is_some_and(|it| HAPPENINGS.contains(&it));
                if !message.hidden && !happened {
                    messages.push((moment, *conversation, message));
                }
            }
        }
        messages.sort_by_key(|(at, conversation, _)| (*at, *conversation));
        Ok(messages)
    }

    fn id(&self, conversation: usize, ts: &str) -> String {
        format!("{}:{ts}", self.conversations[conversation].id)
    }

    fn post(&self, at: Moment, conversation: usize, message: Message, names: &Names) -> Post {
        let id = |ts: &str| self.id(conversation, ts);
        let Conversation { id: room, members } = &self.conversations[conversation];
        let place = match members.as_deref() {
            None => Place::Room(room.clone()),
            Some([]) => Place::Unknown,
            Some([one, others @ ..]) => {
                let other = others.first().unwrap_or(one);
                let to = if message.user.as_ref() == Some(one) { other } else { one };
                Place::Private { to: to.clone() }
            }
        };
        let text = text_of(&message, names);
        let is_reply = message.thread_ts.as_ref().is_some_and(|thread| *thread != message.ts);
        let called =
            |of: Profile| [of.display_name, of.real_name].into_iter().find(|name| is_said(name));
        let name = message
            .username
            .filter(|name| is_said(name))
            .or_else(|| message.bot_profile.and_then(|bot| bot.name).filter(|name| is_said(name)))
            .or_else(|| message.user_profile.and_then(called));
        let given = |it: Reaction| GivenReaction { emoji: it.name, users: it.users };
        Post {
            id: id(&message.ts),
            at: Timestamp::from_millis(at.0 * 1000 + at.1 / 1000),
            place,
            user: message.user,
            name,
            text,
            reply_to: message.thread_ts.as_deref().filter(|_| is_reply).map(id),
            has_replies: message.thread_ts.is_some() && !is_reply,
            reactions: message.reactions.into_iter().map(given).collect(),
        }
    }
}

/// Returns the text of a message with what programs have attached, and the names of files.
fn text_of(message: &Message, names: &Names) -> String {
    let mut lines = vec![from_slack(&message.text, names)];
    for attachment in &message.attachments {
        let Attachment { pretext, title, text, fallback } = attachment;
        let said = [pretext, title, text].into_iter().filter(|it| is_said(it));
        let before = lines.len();
        lines.extend(said.map(|it| from_slack(it, names)));
        if lines.len() == before {
            lines.push(from_slack(fallback, names));
        }
    }
    for file in &message.files {
        let name = file.name.as_deref().unwrap_or("file");
        match &file.url_private {
            // It was deleted.
            _ if file.mode.as_deref() == Some("tombstone") => {}
            Some(url) => lines.push(format!("📎 [{name}]({url})")),
            None => lines.push(format!("📎 {name}")),
        }
    }
    lines.retain(|line| is_said(line));
    lines.join("\n")
}

fn room(channel: Channel, is_private: bool, users: &[User]) -> ForeignRoom {
    let Channel { id, name, creator, mut members, topic, purpose } = channel;
    // Who has left the workspace is let into nothing.
    let has_left = |id: &String| users.iter().any(|user| user.deleted && user.id == *id);
    members.retain(|id| !has_left(id));
    let name = if name.is_empty() { id.clone() } else { name };
    let topic = if topic.value.is_empty() { purpose.value } else { topic.value };
    let owners = creator.into_iter().filter(|id| !has_left(id)).collect();
    ForeignRoom { id, name, topic, is_private, owners, members }
}

/// Returns what a user may be called.
fn names_of(user: &User) -> Vec<String> {
    let Profile { display_name, real_name } = &user.profile;
    let all = [display_name, real_name, &user.real_name, &user.name, &user.id];
    all.into_iter().filter(|name| is_said(name)).cloned().collect()
}

fn is_said(text: &str) -> bool {
    !text.trim().is_empty()
}

/// Adds the files of a conversation, if it has any.
fn find_days(
    export: &Path,
    name: &str,
    conversation: usize,
    days: &mut Vec<(String, usize, PathBuf)>,
) -> anyhow::Result<()> {
    let mut parts = Path::new(name).components();
    let (Some(Component::Normal(_)), None) = (parts.next(), parts.next()) else {
        bail!("a channel is called {name:?}, which is no name of a folder");
    };
    let folder = export.join(name);
    let Ok(entries) = fs::read_dir(&folder) else { return Ok(()) };
    refuse_link(&folder)?;
    for entry in entries {
        let path = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
        let day = path.file_stem().and_then(|stem| stem.to_str()).map(ToOwned::to_owned);
        if let Some(day) = day.filter(|_| path.extension().is_some_and(|it| it == "json")) {
            refuse_link(&path)?;
            days.push((day, conversation, path));
        }
    }
    Ok(())
}

/// Refuses what leads out of the folder: an export has no links.
fn refuse_link(path: &Path) -> anyhow::Result<()> {
    let found = fs::symlink_metadata(path).with_context(|| path.display().to_string())?;
    if found.is_symlink() {
        bail!("{} is a link, which no export has", path.display());
    }
    Ok(())
}

/// Reads `1355517523.000005`.
fn parsed(ts: &str) -> Option<Moment> {
    let (seconds, fraction) = ts.split_once('.').unwrap_or((ts, "0"));
    let digits = [seconds, fraction].iter().all(|it| it.bytes().all(|it| it.is_ascii_digit()));
    let micros: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let seconds: u32 = seconds.parse().ok()?;
    digits.then_some((seconds.into(), micros))
}

fn of_optional_file<T: DeserializeOwned + Default>(path: &Path) -> anyhow::Result<T> {
    if path.exists() { of_file(path) } else { Ok(T::default()) }
}

fn of_file<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is wrong", path.display()))
}

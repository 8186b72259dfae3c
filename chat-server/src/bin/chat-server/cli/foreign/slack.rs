//! The export of a Slack workspace: a folder for each channel with a file for each day.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use chat_core::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::export::{Export, ForeignRoom, ForeignUser, GivenReaction, Place, Post};
use super::text::from_slack;

/// What happens in a channel, which Slack keeps as messages that nobody has written.
const HAPPENINGS: [&str; 19] = [
    "bot_add",
    "bot_disable",
    "bot_enable",
    "bot_remove",
    "channel_archive",
    "channel_convert_to_private",
    "channel_join",
    "channel_leave",
    "channel_name",
    "channel_purpose",
    "channel_topic",
    "channel_unarchive",
    "group_archive",
    "group_join",
    "group_leave",
    "pinned_item",
    "reminder_add",
    "tombstone",
    "unpinned_item",
];

#[derive(Deserialize)]
struct User {
    id: String,
    name: String,
    #[serde(default)]
    real_name: Option<String>,
    #[serde(default)]
    profile: Profile,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Profile {
    display_name: Option<String>,
    real_name: Option<String>,
}

#[derive(Deserialize)]
struct Channel {
    id: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    creator: Option<String>,
    #[serde(default)]
    members: Vec<String>,
    #[serde(default)]
    topic: Described,
    #[serde(default)]
    purpose: Described,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Described {
    value: String,
}

#[derive(Deserialize)]
struct Message {
    ts: String,
    #[serde(default)]
    thread_ts: Option<String>,
    #[serde(default)]
    subtype: Option<String>,
    #[serde(default)]
    hidden: bool,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    user_profile: Option<Profile>,
    #[serde(default)]
    bot_profile: Option<Bot>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    files: Vec<File>,
    #[serde(default)]
    reactions: Vec<Reaction>,
}

#[derive(Deserialize)]
struct Bot {
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    url_private: Option<String>,
}

#[derive(Deserialize)]
struct Reaction {
    name: String,
    #[serde(default)]
    users: Vec<String>,
}

/// A channel, or a conversation of two.
struct Conversation {
    id: String,
    /// The two; none for a channel.
    two: Option<(String, String)>,
}

/// The files of one day, each with its conversation.
type Day = Vec<(usize, PathBuf)>;

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
            let name = channel.name.clone().unwrap_or_else(|| channel.id.clone());
            find_days(&folder.join(&name), conversations.len(), &mut days)?;
            conversations.push(Conversation { id: channel.id.clone(), two: None });
            rooms.push(room(channel, name, is_private));
        }
    }
    for dm in of_optional_file::<Vec<Channel>>(&folder.join("dms.json"))? {
        let (Some(one), other) = (dm.members.first().cloned(), dm.members.get(1).cloned()) else {
            continue;
        };
        find_days(&folder.join(&dm.id), conversations.len(), &mut days)?;
        let other = other.unwrap_or_else(|| one.clone());
        conversations.push(Conversation { id: dm.id, two: Some((one, other)) });
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
    let mut names: HashMap<String, String> =
        rooms.iter().map(|room: &ForeignRoom| (room.id.clone(), room.name.clone())).collect();
    names.extend(users.iter().map(|user| (user.id.clone(), names_of(user).remove(0))));
    let reader = Reader { conversations, names };
    let mut count = 0;
    for day in &by_day {
        count += reader.posts(day)?.len() as u64;
    }
    let users = users.into_iter().map(|user| ForeignUser { names: names_of(&user), id: user.id });
    let users = users.collect();
    let posts = by_day.into_iter().flat_map(move |day| match reader.posts(&day) {
        Ok(posts) => posts.into_iter().map(Ok).collect::<Vec<_>>(),
        Err(error) => vec![Err(error)],
    });
    Ok(Export { source: vec!["slack".into()], users, rooms, count, posts: Box::new(posts) })
}

struct Reader {
    conversations: Vec<Conversation>,
    /// Of users and channels, by id.
    names: HashMap<String, String>,
}

impl Reader {
    /// Reads the posts of a day, in the order of time.
    fn posts(&self, day: &Day) -> anyhow::Result<Vec<Post>> {
        let mut posts = Vec::new();
        for (conversation, path) in day {
            let conversation = &self.conversations[*conversation];
            for message in of_file::<Vec<Message>>(path)? {
                let Some((seconds, micros)) = parsed(&message.ts) else {
                    bail!("{}: a message has the time {:?}", path.display(), message.ts);
                };
                let post = self.post(conversation, message, seconds * 1000 + micros / 1000);
                posts.extend(post.map(|post| ((seconds, micros), post)));
            }
        }
        posts.sort_by_key(|(at, _)| *at);
        Ok(posts.into_iter().map(|(_, post)| post).collect())
    }

    fn post(&self, conversation: &Conversation, message: Message, millis: i64) -> Option<Post> {
        let happened = message.subtype.as_deref().is_some_and(|it| HAPPENINGS.contains(&it));
        if message.hidden || happened {
            return None;
        }
        let mut text = from_slack(message.text.as_deref().unwrap_or_default(), &self.names);
        for file in &message.files {
            let name = file.name.as_deref().unwrap_or("file");
            if !text.is_empty() {
                text.push('\n');
            }
            text += &match &file.url_private {
                Some(url) => format!("📎 [{name}]({url})"),
                None => format!("📎 {name}"),
            };
        }
        let id = |ts: &str| format!("{}:{ts}", conversation.id);
        let place = match &conversation.two {
            None => Place::Room(conversation.id.clone()),
            Some((one, other)) => {
                let to = if message.user.as_ref() == Some(one) { other } else { one };
                Place::Private { to: to.clone() }
            }
        };
        let is_reply = message.thread_ts.as_ref().is_some_and(|thread| *thread != message.ts);
        let name = message
            .username
            .or_else(|| message.bot_profile.and_then(|bot| bot.name))
            .or_else(|| message.user_profile.and_then(|of| of.display_name.or(of.real_name)));
        let given = |it: Reaction| GivenReaction { emoji: it.name, users: it.users };
        Some(Post {
            id: id(&message.ts),
            at: Timestamp::from_millis(millis),
            place,
            user: message.user,
            name: name.filter(|name| !name.is_empty()),
            text,
            reply_to: message.thread_ts.as_deref().filter(|_| is_reply).map(id),
            has_replies: message.thread_ts.is_some() && !is_reply,
            reactions: message.reactions.into_iter().map(given).collect(),
        })
    }
}

fn room(channel: Channel, name: String, is_private: bool) -> ForeignRoom {
    let Channel { id, creator, members, topic, purpose, .. } = channel;
    let topic = if topic.value.is_empty() { purpose.value } else { topic.value };
    ForeignRoom { id, name, topic, is_private, owners: creator.into_iter().collect(), members }
}

/// Returns what a user may be called; never nothing.
fn names_of(user: &User) -> Vec<String> {
    let Profile { display_name, real_name } = &user.profile;
    let all = [display_name.as_ref(), real_name.as_ref(), user.real_name.as_ref()];
    let known = all.into_iter().flatten().filter(|name| !name.trim().is_empty()).cloned();
    known.chain([user.name.clone()]).collect()
}

/// Adds the files of a conversation, if it has any.
fn find_days(
    folder: &Path,
    conversation: usize,
    days: &mut Vec<(String, usize, PathBuf)>,
) -> anyhow::Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
        let day = path.file_stem().and_then(|stem| stem.to_str()).map(ToOwned::to_owned);
        if let Some(day) = day.filter(|_| path.extension().is_some_and(|it| it == "json")) {
            days.push((day, conversation, path));
        }
    }
    Ok(())
}

/// Reads `1355517523.000005`: seconds, and millionths of one.
fn parsed(ts: &str) -> Option<(i64, i64)> {
    let (seconds, fraction) = ts.split_once('.').unwrap_or((ts, "0"));
    let micros: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let seconds: i64 = seconds.parse().ok()?;
    (0..=i64::from(u32::MAX) * 100).contains(&seconds).then_some((seconds, micros))
}

fn of_optional_file<T: DeserializeOwned + Default>(path: &Path) -> anyhow::Result<T> {
    if path.exists() { of_file(path) } else { Ok(T::default()) }
}

fn of_file<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is wrong", path.display()))
}

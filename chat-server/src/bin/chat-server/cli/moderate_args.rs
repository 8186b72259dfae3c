use std::time::Duration;

use chat_core::{Nickname, Posting, Reason, Role, RoomId, Topic, UserId, Visibility};
use clap::{Args, Subcommand};

use super::api_args::ApiArgs;

/// Changes of the store, which is that of --store.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(crate) enum Command {
    /// Ban a user or an address, everywhere or from a room; needs a server with --rooms
    ///
    /// Changes the store of --store, or with --url uses the API of a running server. So do "mute", "lift" and "kick".
    Ban(SanctionArgs),
    /// Let a user or an address read but not write, everywhere or in a room; needs a server with --rooms
    Mute(SanctionArgs),
    /// End a ban and a mute
    Lift(LiftArgs),
    /// Send a user out of a room, or disconnect all its devices; it may come back; needs a server with --rooms
    Kick(KickArgs),
    /// Create a room that is kept, or change one: who may read it and write there; needs a server with --rooms
    Room(RoomArgs),
    /// Make a user a member of a room, with a role, or end that
    Member(MemberArgs),
    /// Print a code that makes others members of a room, and users with --registration invite
    Invite(InviteArgs),
    /// Print a code that links a new device to a user who has lost all others: once, within ten minutes
    Code {
        /// The user's nickname
        nickname: Nickname,
    },
    /// Give a user another nickname, take one away so that nobody has it, or free it again
    ///
    /// A running server with --rooms applies it within a second, any other when the user connects again.
    Name(NameArgs),
    /// Erase a user: all messages, names, devices, read positions and memberships, for good
    ///
    /// Servers may run meanwhile: clients see the messages disappear. Entries without text and name stay in the log. The
    /// command goes through the whole log in small steps; if it is stopped, start it again. Backups made before still have
    /// everything.
    ///
    /// Examples: chat-server erase Ada
    ///           chat-server erase --user 4f1d2a90c3b57e68 --store postgres://localhost/chat
    #[command(verbatim_doc_comment)]
    Erase(EraseArgs),
    /// Print who did what to whom, the newest first
    Audit {
        /// Only in this room
        #[arg(long, value_name = "ROOM")]
        room: Option<RoomId>,
        /// Maximum number of lines
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u16,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct SanctionArgs {
    #[command(flatten)]
    pub(super) whom: SubjectArgs,
    /// How long, as in 2h or 30days; for good without it
    #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(super) duration: Option<Duration>,
    /// Why, for the log and the one it is about
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<Reason>,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct LiftArgs {
    #[command(flatten)]
    pub(super) whom: SubjectArgs,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct KickArgs {
    /// The user's nickname
    #[arg(long, value_name = "NICKNAME")]
    pub(super) user: Nickname,
    /// Out of this room; disconnect without it
    #[arg(long, value_name = "ROOM")]
    pub(super) room: Option<RoomId>,
    /// Why, for the log and the one it is about
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<Reason>,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct SubjectArgs {
    /// A user, by nickname
    #[arg(long, value_name = "NICKNAME", conflicts_with = "address")]
    pub(super) user: Option<Nickname>,
    /// An address, or a range: ADDRESS/24 or /16, for IPv6 /64 or /48
    #[arg(long, value_name = "ADDRESS", required_unless_present = "user")]
    pub(super) address: Option<String>,
    /// In this room; everywhere without it
    #[arg(long, value_name = "ROOM")]
    pub(super) room: Option<RoomId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct RoomArgs {
    /// The room
    pub(super) room: RoomId,
    /// What it is about
    #[arg(long, value_name = "TEXT")]
    pub(super) topic: Option<Topic>,
    /// public or private: who may find and read it; deleted: nobody, until it is brought back with another one
    #[arg(long, value_name = "WHO")]
    pub(super) visibility: Option<Visibility>,
    /// everyone, members or moderators: who may write there
    #[arg(long, value_name = "WHO")]
    pub(super) posting: Option<Posting>,
}

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct InviteArgs {
    /// The room
    pub(super) room: RoomId,
    /// How many may use it
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) uses: u32,
    /// How long it is valid, as in 2h or 30days
    #[arg(long = "for", value_name = "DURATION", default_value = "7days", value_parser = humantime::parse_duration)]
    pub(super) duration: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[group(skip)]
#[command(group = clap::ArgGroup::new("deed").required(true).args(["change", "take", "free"]))]
pub(crate) struct NameArgs {
    /// The nickname
    pub(super) nickname: Nickname,
    /// Give its user this one instead; the user keeps everything, the old one too until it expires
    #[arg(long, value_name = "NICKNAME")]
    pub(super) change: Option<Nickname>,
    /// Take it away: its user goes on without it, and nobody else gets it
    #[arg(long)]
    pub(super) take: bool,
    /// Let others have it that was taken away
    #[arg(long)]
    pub(super) free: bool,
    /// For how long to take it away, as in 2h or 30days; for good without it
    #[arg(long = "for", value_name = "DURATION", requires = "take", value_parser = humantime::parse_duration)]
    pub(super) duration: Option<Duration>,
    /// Why, for the log
    #[arg(long, value_name = "TEXT", conflicts_with = "free")]
    pub(super) reason: Option<Reason>,
}

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct EraseArgs {
    /// The user's nickname
    #[arg(required_unless_present = "user")]
    pub(super) nickname: Option<Nickname>,
    /// The user, by the id of 16 hexadecimal digits that clients see
    #[arg(long, value_name = "ID", conflicts_with = "nickname")]
    pub(super) user: Option<UserId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct MemberArgs {
    /// The room
    pub(super) room: RoomId,
    /// The user's nickname
    pub(super) nickname: Nickname,
    /// member, moderator, owner, or none to end the membership
    #[arg(long, value_name = "ROLE", default_value = "member", value_parser = role)]
    pub(super) role: OptionalRole,
}

/// A role, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OptionalRole(pub(super) Option<Role>);

fn role(text: &str) -> Result<OptionalRole, chat_core::ParseError> {
    if text == "none" { Ok(OptionalRole(None)) } else { text.parse().map(Some).map(OptionalRole) }
}

impl Command {
    /// Returns which server to ask instead of changing the store, if one is named.
    pub(super) fn api(&self) -> Option<&ApiArgs> {
        let api = match self {
            Self::Ban(args) | Self::Mute(args) => &args.api,
            Self::Lift(args) => &args.api,
            Self::Kick(args) => &args.api,
            _ => return None,
        };
        api.url.is_some().then_some(api)
    }
}

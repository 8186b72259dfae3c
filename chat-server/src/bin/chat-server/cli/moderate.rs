//! Commands for who runs the chat: they change the store, and a running server follows within a second.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use chat_core::{Nickname, Posting, Reason, RoomId, SanctionKind, Timestamp, UserId, Visibility};
use chat_store::{
    AccessChanged, AccessRequest, NewAccessChange, Refused, SanctionKey, Store, Subject,
};

use super::erase;
use super::moderate_args::{
    Command, EraseArgs, InviteArgs, KickArgs, MemberArgs, NameArgs, OptionalRole, RoomArgs,
    SanctionArgs, SubjectArgs,
};

/// Checks that there is a store that a server may use: a wrong path must not create an empty one.
///
/// # Errors
/// When there is none.
pub(super) fn check_store(url: &str) -> anyhow::Result<()> {
    if url.starts_with("memory:") {
        bail!("a store in memory belongs to one server; commands cannot reach it");
    }
    match url.strip_prefix("sqlite:") {
        Some(path) if !Path::new(path).exists() => {
            bail!("there is no file {path}; give the server's --store")
        }
        _ => Ok(()),
    }
}

/// Carries out a command.
///
/// # Errors
/// When it cannot be carried out: one line that says why.
pub(super) async fn run(command: Command, store: &dyn Store) -> anyhow::Result<()> {
    match command {
        Command::Ban(args) => sanction(store, args, SanctionKind::Ban).await,
        Command::Mute(args) => sanction(store, args, SanctionKind::Mute).await,
        Command::Lift(args) => lift(store, args.whom).await,
        Command::Kick(args) => kick(store, args).await,
        Command::Room(args) => room(store, args).await,
        Command::Member(args) => member(store, args).await,
        Command::Invite(args) => invite(store, args).await,
        Command::Code { nickname } => code(store, &nickname).await,
        Command::Name(args) => name(store, args).await,
        Command::Erase(args) => erase(store, args).await,
        Command::Audit { room, limit } => audit(store, room, limit.into()).await,
    }
}

async fn sanction(store: &dyn Store, args: SanctionArgs, kind: SanctionKind) -> anyhow::Result<()> {
    let SanctionArgs { whom, duration, reason, .. } = args;
    let (subject, room) = subject(store, whom).await?;
    let key = SanctionKey { room: room.map(|room| room.key()), subject, kind };
    let until = duration.map(|duration| Timestamp::now().plus(duration));
    let request = AccessRequest::Sanction { key, until };
    apply(store, because(request, reason)).await
}

async fn kick(store: &dyn Store, args: KickArgs) -> anyhow::Result<()> {
    let KickArgs { user, room, reason, .. } = args;
    let subject = Subject::User(find(store, &user).await?.0);
    let request = AccessRequest::Kick { room: room.map(|room| room.key()), subject };
    apply(store, because(request, reason)).await
}

fn because(request: AccessRequest, reason: Option<Reason>) -> NewAccessChange {
    let change = NewAccessChange::new(request, Timestamp::now());
    match reason {
        Some(reason) => change.with_reason(reason),
        None => change,
    }
}

async fn lift(store: &dyn Store, args: SubjectArgs) -> anyhow::Result<()> {
    let (subject, room) = subject(store, args).await?;
    for kind in [SanctionKind::Ban, SanctionKind::Mute] {
        let room = room.as_ref().map(RoomId::key);
        let key = SanctionKey { room, subject: subject.clone(), kind };
        let request = AccessRequest::LiftSanction { key };
        apply(store, NewAccessChange::new(request, Timestamp::now())).await?;
    }
    Ok(())
}

async fn room(store: &dyn Store, args: RoomArgs) -> anyhow::Result<()> {
    let RoomArgs { room, topic, visibility, posting } = args;
    let request = if store.find_room(&room.key()).await?.is_some() {
        AccessRequest::ChangeRoom { room: room.key(), topic, visibility, posting }
    } else {
        let topic = topic.unwrap_or_default();
        let visibility = visibility.unwrap_or(Visibility::Public);
        let posting = posting.unwrap_or(Posting::Everyone);
        AccessRequest::CreateRoom { room, topic, visibility, posting, owner: None }
    };
    apply(store, NewAccessChange::new(request, Timestamp::now())).await
}

async fn member(store: &dyn Store, args: MemberArgs) -> anyhow::Result<()> {
    let (room, user) = (args.room.key(), find(store, &args.nickname).await?.0);
    let change = |request| NewAccessChange::new(request, Timestamp::now());
    let OptionalRole(Some(role)) = args.role else {
        return apply(store, change(AccessRequest::RemoveMember { room, user })).await;
    };
    let add = AccessRequest::AddMember { room: room.clone(), user, role };
    match store.change_access(&change(add)).await? {
        // Already a member.
        AccessChanged::Unchanged => {
            apply(store, change(AccessRequest::SetRole { room, user, role })).await
        }
        changed => tell(changed),
    }
}

async fn invite(store: &dyn Store, args: InviteArgs) -> anyhow::Result<()> {
    let InviteArgs { room, uses, duration } = args;
    let (invited, change) = chat_server::invitation(&room, uses, duration)
        .context("the operating system returns no random numbers")?;
    match store.change_access(&change).await? {
        AccessChanged::No(refused) => tell(AccessChanged::No(refused)),
        _ => {
            println!("{}", invited.code);
            Ok(())
        }
    }
}

async fn code(store: &dyn Store, nickname: &Nickname) -> anyhow::Result<()> {
    let (user, nickname) = find(store, nickname).await?;
    let Some(made) = chat_server::link_code(store, user, nickname).await? else {
        bail!("the user has five valid codes, or none of its devices is known; try again later");
    };
    println!("{}", made.code);
    Ok(())
}

async fn name(store: &dyn Store, args: NameArgs) -> anyhow::Result<()> {
    let NameArgs { nickname, change, take: _, free, duration, reason } = args;
    let request = if let Some(new) = change {
        let (user, _) = find(store, &nickname).await?;
        if !chat_server::rename(store, user, &new).await? {
            bail!(
                "somebody else has {new} or one that looks like it, or no device of the user is known"
            );
        }
        AccessRequest::Rename { user }
    } else if free {
        let freed = chat_server::free_nickname(store, &nickname).await?;
        println!("{}", if freed { "done" } else { "nothing to do" });
        return Ok(());
    } else {
        let until = duration.map(|duration| Timestamp::now().plus(duration));
        let Some(user) = chat_server::take_nickname(store, &nickname, until).await? else {
            println!("done; nobody had it");
            return Ok(());
        };
        AccessRequest::TakeNickname { user }
    };
    apply(store, because(request, reason)).await
}

async fn erase(store: &dyn Store, args: EraseArgs) -> anyhow::Result<()> {
    let user = match (args.user, args.nickname) {
        (Some(user), _) => user,
        (None, Some(nickname)) => find(store, &nickname).await?.0,
        (None, None) => bail!("name a user"),
    };
    erase::run(store, user).await
}

async fn audit(store: &dyn Store, room: Option<RoomId>, limit: usize) -> anyhow::Result<()> {
    let room = room.map(|room| room.key());
    let changes = store.access_changes_before(None, room.as_ref(), limit).await?;
    for change in changes.into_iter().rev() {
        let at = humantime::format_rfc3339_seconds(
            std::time::UNIX_EPOCH
                + Duration::from_millis(u64::try_from(change.at.as_millis()).unwrap_or(0)),
        );
        let by = change.by.map_or("server".to_owned(), |user| user.to_string());
        let mut line = format!("{at} {by} {}", change.action);
        if let Some(subject) = &change.subject {
            line += &match subject {
                Subject::User(user) => format!(" user {user}"),
                Subject::Address(address) => format!(" address {address}"),
            };
        }
        if let Some(room) = &change.room {
            line += &format!(" in {:?}", room.as_str());
        }
        if let Some(reason) = &change.reason {
            line += &format!(": {reason}");
        }
        println!("{line}");
    }
    Ok(())
}

async fn subject(
    store: &dyn Store,
    args: SubjectArgs,
) -> anyhow::Result<(Subject, Option<RoomId>)> {
    let SubjectArgs { user, address, room } = args;
    let subject = match (user, address) {
        (Some(nickname), _) => Subject::User(find(store, &nickname).await?.0),
        (None, Some(address)) => {
            let form = "give an address, or one with /24 or /16, or for IPv6 /64 or /48";
            Subject::Address(chat_server::RoomPolicy::address(&address).context(form)?)
        }
        (None, None) => bail!("name a user or an address"),
    };
    Ok((subject, room))
}

async fn find(store: &dyn Store, nickname: &Nickname) -> anyhow::Result<(UserId, Nickname)> {
    let found = store.find_nickname(&nickname.key()).await?;
    found.with_context(|| format!("nobody is called {nickname}"))
}

async fn apply(store: &dyn Store, change: NewAccessChange) -> anyhow::Result<()> {
    tell(store.change_access(&change).await?)
}

fn tell(changed: AccessChanged) -> anyhow::Result<()> {
    match changed {
        AccessChanged::Yes(number) => println!("done, change {number}"),
        AccessChanged::Unchanged => println!("nothing to do"),
        AccessChanged::No(Refused::NoRoom) => bail!("there is no such room; create it first"),
        AccessChanged::No(Refused::LastOwner) => bail!("the room would have no owner"),
        AccessChanged::No(refused) => bail!("not done: {refused:?}"),
    }
    Ok(())
}

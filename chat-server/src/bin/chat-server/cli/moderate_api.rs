//! The commands that keep order, over the API of a running server.

use anyhow::bail;
use chat_core::{Reason, RoomId};
use http::Method;
use serde_json::{Value as Json, json};

use super::api_client::{ApiClient, ApiRequest};
use super::moderate_args::{Command, KickArgs, SanctionArgs, SubjectArgs};

/// Carries out a command that has [a server](Command::api) to ask.
///
/// # Errors
/// When it cannot be carried out: one line that says why.
pub(super) async fn run(client: &ApiClient, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Ban(args) => sanction(client, "bans", args).await,
        Command::Mute(args) => sanction(client, "mutes", args).await,
        Command::Lift(args) => lift(client, &args.whom).await,
        Command::Kick(KickArgs { user, room, reason, .. }) => {
            let mut body = json!({ "nickname": user.as_str() });
            add_reason(&mut body, reason.as_ref());
            let request = ApiRequest::new(Method::POST, &path(room.as_ref(), "kicks"));
            tell(&client.ask(&request.with_body(body)).await?);
            Ok(())
        }
        _ => bail!("this command changes the store; leave out --url"),
    }
}

async fn sanction(client: &ApiClient, what: &str, args: SanctionArgs) -> anyhow::Result<()> {
    let SanctionArgs { whom, duration, reason, .. } = args;
    let SubjectArgs { user, address, room } = whom;
    let mut body = match (user, address) {
        (Some(user), _) => json!({ "nickname": user.as_str() }),
        (None, address) => json!({ "address": address }),
    };
    if let Some(duration) = duration {
        body["for"] = json!(duration.as_secs().max(1));
    }
    add_reason(&mut body, reason.as_ref());
    let request = ApiRequest::new(Method::POST, &path(room.as_ref(), what));
    tell(&client.ask(&request.with_body(body)).await?);
    Ok(())
}

async fn lift(client: &ApiClient, whom: &SubjectArgs) -> anyhow::Result<()> {
    for what in ["bans", "mutes"] {
        let request = ApiRequest::new(Method::DELETE, &path(whom.room.as_ref(), what))
            .with_some("nickname", whom.user.as_ref())
            .with_some("address", whom.address.as_ref());
        tell(&client.ask(&request).await?);
    }
    Ok(())
}

fn path<'a>(room: Option<&'a RoomId>, what: &'a str) -> Vec<&'a str> {
    match room {
        Some(room) => vec!["rooms", room.as_str(), what],
        None => vec![what],
    }
}

fn add_reason(body: &mut Json, reason: Option<&Reason>) {
    if let Some(reason) = reason {
        body["reason"] = json!(reason.as_str());
    }
}

fn tell(answer: &Json) {
    println!("{}", if answer["changed"] == true { "done" } else { "nothing to do" });
}

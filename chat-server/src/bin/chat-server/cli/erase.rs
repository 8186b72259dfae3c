//! The command that erases a user.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use anyhow::bail;
use chat_core::UserId;
use chat_server::erase_user;
use chat_store::Store;

/// How often progress is printed on a terminal, and elsewhere.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(10)];

/// Erases a user.
///
/// # Errors
/// When it cannot be done: one line that says why.
pub(super) async fn run(store: &dyn Store, user: UserId) -> anyhow::Result<()> {
    let pause = if stderr().is_terminal() { PAUSES[0] } else { PAUSES[1] };
    let mut printed = Instant::now();
    let erased = erase_user(store, user, |at, tail| {
        if printed.elapsed() >= pause {
            printed = Instant::now();
            eprintln!("at {at} of {tail}");
        }
    });
    let erased = erased.await?;
    println!("erased {user}: {} messages, {} other entries", erased.messages, erased.others);
    if !erased.owns.is_empty() {
        let rooms: Vec<_> = erased.owns.iter().map(|room| format!("{:?}", room.as_str())).collect();
        bail!(
            "the user is the last owner of {}; give it another owner with \"member\", and erase --user {user} again",
            rooms.join(", ")
        );
    }
    Ok(())
}

//! The command that erases a user.

use anyhow::bail;
use chat_core::UserId;
use chat_server::erase_user;
use chat_store::Store;

use super::progress::Pace;

/// Erases a user.
///
/// # Errors
/// When it cannot be done: one line that says why.
pub(super) async fn run(store: &dyn Store, user: UserId) -> anyhow::Result<()> {
    let mut pace = Pace::for_reader();
    let erased = erase_user(store, user, |at, tail| {
        if pace.is_due() {
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

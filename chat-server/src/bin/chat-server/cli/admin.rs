//! The listener for the operator.

use chat_server::Chat;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::listen::Bound;

/// What is printed before the operator's address.
const ADMIN: &str = "operator: http://";

/// Serves the operator until `stopped`, and prints where.
pub(super) fn start(chat: &Chat, bound: Bound, stopped: CancellationToken) -> JoinHandle<()> {
    let chat = chat.clone();
    println!("{ADMIN}{}", bound.shown);
    tokio::spawn(async move {
        // The socket's file goes with it.
        let Bound { listener, shown, _file } = bound;
        if let Err(error) = chat.serve_admin(listener, stopped.cancelled()).await {
            tracing::error!("the operator is not served on {shown} any more: {error}");
        }
    })
}

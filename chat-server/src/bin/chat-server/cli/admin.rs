//! The listener for the operator.

use std::path::Path;

use anyhow::Context;
use chat_server::{Chat, OperatorToken};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::listen::Bound;

/// What is printed before the operator's address.
const ADMIN: &str = "operator: ";

/// Reads the operator's token, if there is to be one.
pub(super) fn token(file: Option<&Path>) -> anyhow::Result<Option<OperatorToken>> {
    let read = |file: &Path| {
        OperatorToken::from_file(file)
            .with_context(|| format!("cannot use --admin-token-file {}", file.display()))
    };
    file.map(read).transpose()
}

/// Serves the operator until `stopped`, and prints where.
pub(super) fn start(
    chat: &Chat,
    scheme: &str,
    bound: Bound,
    token: Option<OperatorToken>,
    stopped: CancellationToken,
) -> JoinHandle<()> {
    let chat = chat.clone();
    println!("{ADMIN}{}", bound.url(scheme));
    tokio::spawn(async move {
        // The socket's file goes with it.
        let Bound { listener, shown, _file } = bound;
        if let Err(error) = chat.serve_admin(listener, token, stopped.cancelled()).await {
            tracing::error!("the operator is not served on {shown} any more: {error}");
        }
    })
}

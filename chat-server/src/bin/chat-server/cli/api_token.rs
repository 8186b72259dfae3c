//! The tokens of the API: the file that the server reads, and the command that adds one to it.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chat_server::{ApiScope, ApiToken, ApiTokens};
use clap::Args;

use super::one_line::one_line;
use super::private_file::private;

/// The options of `api-token`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct ApiTokenArgs {
    /// Whose token it is: letters, digits, dots, dashes and underscores
    ///
    /// Tokens of the same name are the same author: they share keys, quotas and limits.
    name: String,
    /// What it allows: read, send or moderate, in all rooms or in one, as in send:ci; repeat the option for several
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    scopes: Vec<ApiScope>,
    /// The file to add it to, which is created if it is missing; the server reads it
    #[arg(long = "api-tokens", env = "CHAT_API_TOKENS", value_name = "FILE")]
    file: PathBuf,
}

/// Reads the tokens in a file; none without one.
///
/// # Errors
/// When the file cannot be used.
pub(super) fn tokens(file: Option<&Path>) -> anyhow::Result<Option<ApiTokens>> {
    let Some(path) = file else { return Ok(None) };
    let tokens = ApiTokens::from_file(path).map_err(anyhow::Error::new);
    tokens.context("--api-tokens cannot be used").map(Some)
}

/// Adds a token to the file, and prints its secret.
///
/// # Errors
/// When the file cannot be used.
pub(super) fn create(args: ApiTokenArgs) -> anyhow::Result<()> {
    let ApiTokenArgs { name, scopes, file: path } = args;
    let path = path.as_path();
    let new = ApiToken::create(&name, scopes)?;
    let cannot = || format!("cannot write {}", path.display());
    let mut file = private().create(true).append(true).open(path).with_context(cannot)?;
    // A file that the server will not use gets no token.
    tokens(Some(path))?;
    let text = std::fs::read_to_string(path).with_context(cannot)?;
    let begin = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    file.write_all(format!("{begin}{}\n", new.token).as_bytes()).with_context(cannot)?;
    eprintln!("added to {}; a running server reads it on SIGHUP", path.display());
    println!("{}", new.secret);
    Ok(())
}

/// Reads the file again. Logs what is wrong with it, and keeps the previous tokens then.
pub(super) fn reload(tokens: &ApiTokens) {
    match tokens.reload() {
        Ok(()) => tracing::info!("{} tokens of the API are valid", tokens.len()),
        Err(error) => tracing::error!(
            "the tokens of the API stay as they were: {}",
            one_line(&anyhow::Error::new(error))
        ),
    }
}

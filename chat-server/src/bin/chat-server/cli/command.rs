use clap::Subcommand;

use super::api_token::ApiTokenArgs;
use super::{backup, client, config, moderate_args, moving};

/// What to do instead of serving the chat.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Store(moderate_args::Command),
    #[command(flatten)]
    Backup(backup::Command),
    #[command(flatten)]
    Move(moving::Command),
    #[command(flatten)]
    Client(client::Command),
    /// Add a token for programs that use the API to the file of --api-tokens, and print it
    ApiToken(ApiTokenArgs),
    /// Check or print a file with options, for --config
    Config {
        #[command(subcommand)]
        command: config::Command,
    },
    /// Print completions of this command line for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, for man -l -
    Man,
}

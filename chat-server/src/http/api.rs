//! The chat over plain HTTP: what programs and shells do without a connection of their own.
//!
//! A [`ApiToken`] says which application asks and what it may do. It acts as the application itself does: no
//! policy is asked. What it sends goes through the same queue as the messages of clients, and what it reads comes from the
//! same log. A file a resource; [`Caller`](caller::Caller) is who asks, [`ApiError`](error::ApiError) the answer
//! to what is refused.

mod account;
mod accounts;
mod answer;
mod caller;
mod changes;
mod document;
mod error;
mod events;
mod messages;
mod moderation;
mod moderation_log;
mod refusals;
mod request;
mod rooms;
mod routes;
mod sanctions;
mod schemas;
mod scope;
mod search;
mod state;
mod submit;
mod token;
mod token_file;
mod tokens;
mod users;

pub(crate) use routes::router;
pub use scope::{ApiScope, ApiScopeError};
pub(crate) use state::Api;
pub use token::{ApiToken, ApiTokenError, NewApiToken};
pub use token_file::{ApiTokenFileError, ApiTokenFileErrorKind, ApiTokenLineError};
pub use tokens::ApiTokens;

//! Full-text search without I/O: which words a text has, what a query asks for, and where a text has it.
//!
//! All stores index the same [`Token`]s, so they find the same messages:
//!
//! ```
//! use chat_core::search::{SearchQuery, tokens};
//!
//! let words: Vec<_> = tokens("Crème brûlée für 日本語").into_iter().map(|it| it.text).collect();
//! assert_eq!(words, ["creme", "brulee", "fur", "日本", "本語", "語"]);
//!
//! let query: SearchQuery = r#"brulee -soup "日本語""#.parse()?;
//! assert!(query.find_in("Crème brûlée für 日本語").is_some());
//! assert!(query.find_in("Crème brûlée: soup für 日本語").is_none());
//! # Ok::<_, chat_core::search::QueryError>(())
//! ```

mod date;
mod excerpt;
mod fold;
mod phrase;
mod query;
mod tokens;

pub use excerpt::Excerpt;
pub use phrase::Phrase;
pub use query::{QueryError, SearchQuery};
pub use tokens::{MAX_TOKEN_BYTES, MAX_TOKENS, TOKENS_VERSION, Token, tokens};

//! What the two SQL stores have in common.
//!
//! `access_read` and `access_write` are compiled once for each of them, as modules of their own: the statements are the
//! same, the connections are of different types.

pub(crate) mod access_rows;
pub(crate) mod reactions;
pub(crate) mod read_positions;

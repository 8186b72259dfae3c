//! What the two SQL stores have in common.
//!
//! `access_read`, `access_write`, `apply_changes`, `move_rows` and `pages` are compiled once for each of them, as modules of
//! their own: they say the same, over connections of different types.

pub(crate) mod access_rows;
pub(crate) mod reactions;
pub(crate) mod read_positions;
pub(crate) mod rows;

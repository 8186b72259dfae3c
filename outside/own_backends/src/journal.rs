//! The file: what is in it, and how a batch gets there as a whole or not at all.

mod file;
mod index;
mod line;

pub(crate) use file::Journal;
pub(crate) use line::{Code, Credential};

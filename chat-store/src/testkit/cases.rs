//! The cases, by what they are about. [`conformance!`](crate::conformance) lists and runs them.

pub mod numbers;
pub mod once;
pub mod order;
pub mod persistent;
pub mod reading;
pub mod shared;
pub mod text;
pub mod whole;

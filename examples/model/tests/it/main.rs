//! Each model holds in small bounds, and each of its properties can break.

mod append;
mod check;
mod delivery;
mod session;
mod wake;

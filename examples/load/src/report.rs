//! Results: single measurements, what several of them say together, and how they are shown.

mod measurement;
mod results;
mod table;
mod targets;

pub(crate) use measurement::{Measurement, Metric};
pub(crate) use results::Results;
pub(crate) use table::table;
pub(crate) use targets::targets;

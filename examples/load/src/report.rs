//! Results: single measurements, what several of them say together, and how they are shown.

mod markdown;
mod measurement;
mod nodes;
mod results;
mod table;
mod targets;

pub(crate) use measurement::{Measurement, Metric};
pub(crate) use nodes::{Load, SetupResults, nodes_table};
pub(crate) use results::Results;
pub(crate) use table::table;
pub(crate) use targets::targets;

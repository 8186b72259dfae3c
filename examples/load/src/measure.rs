//! What is measured beside the messages: processor time and where it goes, memory, latency.

mod cpu;
mod latency;
mod profiler;
mod rss;

pub(crate) use cpu::{children, cpu_time, family_cpu_time};
pub(crate) use latency::{Latencies, Latency};
pub(crate) use profiler::Profiler;
pub(crate) use rss::rss;

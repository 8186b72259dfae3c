use std::fs;

use anyhow::Context;

/// The memory of a process that is in use, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rss {
    pub(crate) now: u64,
    /// The most that it was.
    pub(crate) peak: u64,
}

/// Reads it from `/proc/PID/status`.
pub(crate) fn rss(pid: u32) -> anyhow::Result<Rss> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))
        .with_context(|| format!("the process {pid} has ended"))?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
    };
    let both = || Some(Rss { now: field("VmRSS:")?, peak: field("VmHWM:")? });
    both().with_context(|| format!("/proc/{pid}/status cannot be understood"))
}

//! What the operating system says of this process. Linux only: elsewhere these metrics are missing.

use std::fs;

use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

use super::exposition::Exposition;

/// Adds the metrics that Prometheus's own libraries have, under their names.
pub(crate) fn add(metrics: &mut Exposition) {
    let Some(stat) = Stat::read() else { return };
    let page = page_size() as u64;
    metrics.counter("process_cpu_seconds_total", "CPU time, in seconds.", stat.cpu_seconds);
    if let Some(pages) = resident_pages() {
        let help = "Memory in use, in bytes.";
        metrics.gauge("process_resident_memory_bytes", help, pages * page);
    }
    metrics.gauge("process_threads", "Number of threads.", stat.threads);
    if let Some(files) = open_files() {
        metrics.gauge("process_open_fds", "Number of open files and connections.", files);
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        metrics.gauge("process_max_fds", "Maximum number of open files and connections.", most);
    }
    if let Some(started) = started(&stat) {
        let help = "When the process was started, in seconds since 1970.";
        metrics.gauge("process_start_time_seconds", help, started);
    }
}

/// Returns the name of this machine.
pub(crate) fn host() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Fields of `/proc/self/stat`, see proc(5).
struct Stat {
    cpu_seconds: f64,
    threads: u64,
    /// Seconds after the system was started.
    started: f64,
}

impl Stat {
    fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The name of the program, in parentheses, may contain anything.
        let fields: Vec<u64> = stat
            .rsplit_once(')')?
            .1
            .split_ascii_whitespace()
            .map(|field| field.parse().unwrap_or_default())
            .collect();
        // The first of these is the third field.
        let field = |number: usize| fields.get(number - 3).copied();
        #[expect(clippy::cast_precision_loss, reason = "such a time needs millions of years")]
        let seconds = |ticks: u64| ticks as f64 / clock_ticks_per_second() as f64;
        Some(Self {
            cpu_seconds: seconds(field(14)? + field(15)?),
            threads: field(20)?,
            started: seconds(field(22)?),
        })
    }
}

fn resident_pages() -> Option<u64> {
    let sizes = fs::read_to_string("/proc/self/statm").ok()?;
    sizes.split_ascii_whitespace().nth(1)?.parse().ok()
}

fn open_files() -> Option<u64> {
    // Linux 6.2 and later say it here; listing tens of thousands of files takes longer than everything else.
    match fs::metadata("/proc/self/fd").ok()?.len() {
        0 => fs::read_dir("/proc/self/fd").ok().map(|files| files.count() as u64),
        files => Some(files),
    }
}

fn started(stat: &Stat) -> Option<f64> {
    let system = fs::read_to_string("/proc/stat").ok()?;
    let booted = system.lines().find_map(|line| line.strip_prefix("btime "))?;
    Some(booted.parse::<f64>().ok()? + stat.started)
}

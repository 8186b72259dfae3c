use std::fs;
use std::time::Duration;

use anyhow::Context;

/// The processor time that a process has used so far, user and system, over all of its threads.
///
/// From `/proc/PID/stat`, where it is given in hundredths of a second.
pub(crate) fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))
        .with_context(|| format!("the process {pid} has ended"))?;
    parse(&stat).with_context(|| format!("/proc/{pid}/stat cannot be understood"))
}

fn parse(stat: &str) -> Option<Duration> {
    // The second field is a name in parentheses, which may hold anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11).map(str::parse::<u64>);
    let (user, system) = (fields.next()?.ok()?, fields.next()?.ok()?);
    let per_second = rustix::param::clock_ticks_per_second();
    Some(Duration::from_secs_f64((user + system) as f64 / per_second as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_found_whatever_the_process_is_called() {
        let stat = "7 (a) (b c) S 1 7 7 0 -1 4194560 1 2 3 4 250 150 9 9 20 0 1 0 5 6 7 8";
        assert_eq!(parse(stat), Some(Duration::from_secs(4)));
        assert!(cpu_time(std::process::id()).is_ok());
    }
}

use std::fs;
use std::time::Duration;

use anyhow::Context;

/// The processor time that a process has used so far, user and system, over all of its threads.
///
/// From `/proc/PID/stat`, where it is given in hundredths of a second.
pub(crate) fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    Ok(Stat::read(pid)?.own)
}

/// The same, together with all of its children, also of those that have ended.
pub(crate) fn family_cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let stat = Stat::read(pid)?;
    let children = Stat::all()?.into_iter().filter(|(_, child)| child.parent == pid);
    Ok(stat.own + stat.ended_children + children.map(|(_, child)| child.own).sum::<Duration>())
}

/// The children of a process, in the order in which they were started.
pub(crate) fn children(pid: u32) -> anyhow::Result<Vec<u32>> {
    let mut children = Stat::all()?;
    children.retain(|(_, child)| child.parent == pid);
    children.sort_by_key(|(pid, child)| (child.started, *pid));
    Ok(children.into_iter().map(|(pid, _)| pid).collect())
}

/// What is said of a process.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    own: Duration,
    /// Of those children for which it has waited.
    ended_children: Duration,
    /// When, in a unit of the system.
    started: u64,
}

impl Stat {
    fn read(pid: u32) -> anyhow::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))
            .with_context(|| format!("the process {pid} has ended"))?;
        Self::parse(&stat).with_context(|| format!("/proc/{pid}/stat cannot be understood"))
    }

    /// All processes there are. One that ends meanwhile is left out.
    fn all() -> anyhow::Result<Vec<(u32, Self)>> {
        let folders = fs::read_dir("/proc").context("there is no /proc")?.flatten();
        let pids = folders.filter_map(|folder| folder.file_name().to_str()?.parse().ok());
        Ok(pids.filter_map(|pid| Some((pid, Self::read(pid).ok()?))).collect())
    }

    fn parse(stat: &str) -> Option<Self> {
        // The second field is a name in parentheses, which may hold anything.
        let (_, fields) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        let per_second = rustix::param::clock_ticks_per_second();
        let both = |first| {
            let ticks = number(first)? + number(first + 1)?;
            Some(Duration::from_secs_f64(ticks as f64 / per_second as f64))
        };
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            own: both(11)?,
            ended_children: both(13)?,
            started: number(19)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn the_times_are_found_whatever_the_process_is_called() {
        let stat = "7 (a) (b c) S 1 7 7 0 -1 4194560 1 2 3 4 250 150 9 1 20 0 1 0 5 6 7 8";
        let seconds = Duration::from_secs_f64;
        let expected =
            Stat { parent: 1, own: seconds(4.0), ended_children: seconds(0.1), started: 5 };
        assert_eq!(Stat::parse(stat), Some(expected));
        assert!(cpu_time(std::process::id()).is_ok());
    }

    #[test]
    fn children_are_found_in_their_order() {
        let mut started = Vec::new();
        for _ in 0..3 {
            let mut command = Command::new("sleep");
            started.push(command.arg("60").stdin(Stdio::null()).spawn().expect("it starts"));
        }
        let expected: Vec<u32> = started.iter().map(std::process::Child::id).collect();
        let mut found = children(std::process::id()).expect("there is /proc");
        // Other tests may start processes too.
        found.retain(|pid| expected.contains(pid));
        for mut child in started {
            child.kill().expect("it runs");
            child.wait().expect("it ends");
        }
        assert_eq!(found, expected);
    }
}

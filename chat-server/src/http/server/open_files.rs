use std::fs::{self, File};
use std::io;

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

/// Maximum number of refused connections that get an answer at the same time.
const MOST_REFUSED: usize = 64;

/// How many connections the limit of open files leaves room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Headroom {
    /// The number of connections that are served.
    pub(crate) connections: usize,
    /// The number of connections that are refused with an answer at the same time and may still query the health
    /// endpoints. Others are closed at once.
    pub(super) refused: usize,
}

impl Headroom {
    /// Returns room for `max_connections`, or for as many as can be open in addition to the files that are open now.
    /// An eighth of the limit, from 16 to 256, is reserved for the store, the other nodes and refused connections.
    pub(crate) fn now(max_connections: usize) -> Self {
        // Where they cannot be counted, a store has no more than this.
        let in_use = fs::read_dir("/proc/self/fd").map_or(64, Iterator::count);
        Self::beside(in_use, getrlimit(Resource::Nofile).current, max_connections)
    }

    fn beside(in_use: usize, most_files: Option<u64>, max_connections: usize) -> Self {
        let files = most_files.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX);
        let reserve = (files / 8).clamp(16, 256);
        let left = files.saturating_sub(in_use + reserve).max(1);
        Self { connections: max_connections.min(left), refused: MOST_REFUSED.min(reserve / 2) }
    }
}

/// Returns whether an operation failed because this process or machine has no free file descriptors.
pub(super) fn are_exhausted(error: &io::Error) -> bool {
    [Errno::MFILE, Errno::NFILE]
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// A spare file descriptor to release when no others are left.
#[derive(Debug)]
pub(super) struct Reserve(Option<File>);

impl Reserve {
    pub(super) fn new() -> Self {
        Self(File::open("/dev/null").ok())
    }

    /// Releases the descriptor and returns whether there was one. [Take it back](Self::take_back) afterwards.
    pub(super) fn let_go(&mut self) -> bool {
        self.0.take().is_some()
    }

    pub(super) fn take_back(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn something_is_left_for_the_store() {
        let room = |in_use, files| {
            let Headroom { connections, refused } = Headroom::beside(in_use, files, 50_000);
            (connections, refused)
        };
        assert_eq!(room(20, Some(64)), (28, 8));
        assert_eq!(room(20, Some(1024)), (1024 - 20 - 128, 64));
        assert_eq!(room(20, Some(20_000)), (20_000 - 20 - 256, 64));
        assert_eq!(room(20, Some(1_000_000)), (50_000, 64));
        assert_eq!(room(20, None), (50_000, 64));
        assert_eq!(room(100, Some(64)), (1, 8));
    }
}

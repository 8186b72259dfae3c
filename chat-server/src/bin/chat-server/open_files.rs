use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Returns how many files this process may have open; none if the operating system does not say.
pub(crate) fn open_files() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// Raises the limit of open files to its maximum. The lower default is meant for programs that wait for their files
/// with `select`, which supports a fixed number of them.
pub(crate) fn raise_open_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // On failure the server works with the current limit.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

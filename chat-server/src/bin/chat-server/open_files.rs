use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many files this process may have open; none when the operating system does not say.
pub(crate) fn open_files() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// Lets this process open as many files as it may: what shells set is meant for programs that wait for their files
/// with `select`, which has a fixed number of them.
pub(crate) fn raise_open_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // The server works with what there is.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

use std::io;
use std::os::fd::AsFd;

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

/// In a worker: completes when the supervisor wants it to stop, or is gone (see the parent-death pipe).
///
/// # Errors
/// When standard input is not a pipe: the program was not started by a supervisor.
pub(crate) fn released() -> io::Result<impl Future<Output = ()> + Send> {
    // Not tokio's standard input: it blocks a thread, and the program would wait for that at its end.
    let mut pipe = pipe::Receiver::from_owned_fd(io::stdin().as_fd().try_clone_to_owned()?)?;
    Ok(async move { while let Ok(1..) = pipe.read(&mut [0; 64]).await {} })
}

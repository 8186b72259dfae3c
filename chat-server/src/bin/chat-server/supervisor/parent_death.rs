use std::io;
use std::os::fd::AsFd;

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

/// In a worker: ready when the supervisor wants it to stop, or is gone.
///
/// # Errors
/// When the standard input is no pipe: the program was not started by a supervisor.
pub(crate) fn released() -> io::Result<impl Future<Output = ()> + Send> {
    // Not tokio's standard input: that blocks a thread, for which the end of the program would wait.
    let mut pipe = pipe::Receiver::from_owned_fd(io::stdin().as_fd().try_clone_to_owned()?)?;
    Ok(async move { while let Ok(1..) = pipe.read(&mut [0; 64]).await {} })
}

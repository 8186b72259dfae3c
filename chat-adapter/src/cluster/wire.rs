use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufWriter};
use tokio::time::timeout;

use super::queue::{Piece, Queue};
use crate::broker::MAX_FRAME;

/// A heartbeat, sent in place of a length.
const STILL_THERE: u32 = u32::MAX;

/// How long to stay silent before a heartbeat is sent.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Reads the next record; nothing for a heartbeat.
pub(super) async fn read(
    from: &mut (impl AsyncRead + Unpin),
) -> io::Result<Option<Piece<Vec<u8>>>> {
    let length = match from.read_u32().await? {
        STILL_THERE => return Ok(None),
        0 => return Ok(Some(Piece::Gap)),
        length => length as usize,
    };
    if length > MAX_FRAME {
        let reason = format!("a frame of {length} bytes, {MAX_FRAME} is the most");
        return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
    }
    // Memory is allocated only as the bytes arrive: a false length costs nothing.
    let mut bytes = Vec::new();
    from.take(length as u64).read_to_end(&mut bytes).await?;
    if bytes.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(Piece::Frame(bytes)))
}

/// Writes the queue's frames until it is closed and empty. Frames that wait together are written together.
pub(super) async fn write_all<T: AsRef<[u8]>>(
    queue: &Queue<T>,
    to: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut to = BufWriter::with_capacity(64 * 1024, to);
    loop {
        match timeout(HEARTBEAT, queue.next()).await {
            Ok(Some(piece)) => write(&piece, &mut to).await?,
            Ok(None) => return Ok(()),
            Err(_) => to.write_u32(STILL_THERE).await?,
        }
        while let Some(piece) = queue.try_next() {
            write(&piece, &mut to).await?;
        }
        to.flush().await?;
    }
}

async fn write<T: AsRef<[u8]>>(
    piece: &Piece<T>,
    to: &mut (impl AsyncWrite + Unpin),
) -> io::Result<()> {
    let bytes = match piece {
        Piece::Frame(frame) => frame.as_ref(),
        Piece::Gap => &[],
    };
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    to.write_u32(length).await?;
    to.write_all(bytes).await
}

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufWriter};

use super::queue::{Piece, Queue};

/// The largest frame. The largest batch that a node commits at a time fits in; of a larger one only the
/// fact is told.
pub(super) const MAX_FRAME_BYTES: usize = 8 * 1024 * 1024;

/// The next record.
pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Piece<Vec<u8>>> {
    let length = from.read_u32().await? as usize;
    if length == 0 {
        return Ok(Piece::Gap);
    }
    if length > MAX_FRAME_BYTES {
        let reason = format!("a frame of {length} bytes, {MAX_FRAME_BYTES} is the most");
        return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
    }
    // The bytes come first and the memory for them after: a length that is a lie costs nothing.
    let mut bytes = Vec::new();
    from.take(length as u64).read_to_end(&mut bytes).await?;
    if bytes.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Piece::Frame(bytes))
}

/// Writes what is in the queue until it is closed and empty. Frames that wait together leave together.
pub(super) async fn write_all<T: AsRef<[u8]>>(
    queue: &Queue<T>,
    to: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut to = BufWriter::with_capacity(64 * 1024, to);
    while let Some(piece) = queue.next().await {
        write(&piece, &mut to).await?;
        while let Some(piece) = queue.try_next() {
            write(&piece, &mut to).await?;
        }
        to.flush().await?;
    }
    Ok(())
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

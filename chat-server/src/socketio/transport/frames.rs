use bytes::BufMut;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::OpCode;

/// The first byte of a whole text message.
pub(crate) const TEXT: u8 = 0x81;

/// The first byte of a whole binary message: an attachment of a Socket.IO packet.
pub(crate) const BINARY: u8 = 0x82;

/// The first byte of the frame that ends a websocket.
pub(crate) const CLOSE: u8 = 0x88;

/// The bits of the first byte that tell what kind of frame it is.
const KIND: u8 = 0x0f;

/// The header of a frame without a mask has 2, 4 or 10 bytes.
pub(crate) const LONGEST_HEADER: usize = 10;

/// Appends the frame that ends a websocket, with this payload.
pub(crate) fn put_close_frame(buffer: &mut impl BufMut, payload: &[u8]) {
    put_frame(buffer, CLOSE, &[payload]);
}

/// Returns a whole text message of a server, made of these parts.
pub(crate) fn text_frame(parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut frame = Vec::with_capacity(LONGEST_HEADER + length);
    put_text_frame(&mut frame, parts);
    frame
}

/// Returns a text message in a frame of its own. `write` writes it to a buffer with room for about this many bytes.
///
/// # Errors
/// Those of `write`.
pub(crate) fn written_text_frame<E>(
    bytes: usize,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<Vec<u8>, E> {
    // The header of most messages has this length, so that they need not be moved.
    const HEADER: usize = 4;
    let mut frame = Vec::with_capacity(HEADER + bytes);
    frame.resize(HEADER, 0);
    write(&mut frame)?;
    let mut header = [0; LONGEST_HEADER];
    let mut rest = &mut header[..];
    put_header(&mut rest, TEXT, frame.len() - HEADER);
    let length = LONGEST_HEADER - rest.len();
    frame.splice(..HEADER, header[..length].iter().copied());
    Ok(frame)
}

/// Appends a whole text message of a server, made of these parts.
pub(crate) fn put_text_frame(buffer: &mut impl BufMut, parts: &[&[u8]]) {
    put_frame(buffer, TEXT, parts);
}

/// Appends a whole binary message of a server.
pub(crate) fn put_binary_frame(buffer: &mut impl BufMut, message: &[u8]) {
    put_frame(buffer, BINARY, &[message]);
}

fn put_frame(buffer: &mut impl BufMut, first: u8, parts: &[&[u8]]) {
    put_header(buffer, first, parts.iter().map(|part| part.len()).sum());
    parts.iter().for_each(|part| buffer.put_slice(part));
}

fn put_header(buffer: &mut impl BufMut, first: u8, length: usize) {
    let header = FrameHeader { opcode: OpCode::from(first & KIND), ..FrameHeader::default() };
    // Only writing could fail.
    header.format(length as u64, &mut buffer.writer()).ok();
}

/// Returns the length of the header and of the payload, if the header is complete. Server frames have no mask; see
/// [RFC 6455, section 5.2](https://www.rfc-editor.org/rfc/rfc6455#section-5.2).
pub(crate) fn payload(frame: &[u8]) -> Option<(usize, u64)> {
    let short = u64::from(frame.get(1)? & 0x7f);
    let long = |bytes: usize| {
        let length = frame.get(2..2 + bytes)?;
        Some((2 + bytes, length.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte))))
    };
    match short {
        126 => long(2),
        127 => long(8),
        _ => Some((2, short)),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_frame_that_is_written_is_the_same_as_one_of_parts() {
        for length in [0, 1, 125, 126, 300, 0xffff, 0x1_0000] {
            let text = vec![b'x'; length];
            let write = |frame: &mut Vec<u8>| {
                frame.extend_from_slice(&text);
                Ok::<(), ()>(())
            };
            let written = super::written_text_frame(10, write).unwrap();
            assert!(written == super::text_frame(&[&text]), "{length}");
        }
        assert_eq!(super::written_text_frame(10, |_| Err(())), Err(()));
    }
}

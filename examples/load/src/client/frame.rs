//! Websocket frames, see
//! [RFC 6455, section 5.2](https://www.rfc-editor.org/rfc/rfc6455#section-5.2).

/// A whole text message.
const TEXT: u8 = 0x81;

/// The second byte of a frame that is masked, as those of clients have to be.
const MASKED: u8 = 0x80;

/// A frame that a server sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) payload: &'a [u8],
    /// How many bytes it takes with its header.
    pub(crate) bytes: usize,
    /// Whether it is a whole text message; else it is the end of the connection, or nothing that a
    /// Socket.IO server sends.
    pub(crate) is_text: bool,
}

/// The first frame in `bytes`, if it is there as a whole.
pub(crate) fn first(bytes: &[u8]) -> Option<Frame<'_>> {
    let (header, length): (usize, usize) = match bytes {
        [_, 126, a, b, ..] => (4, usize::from(u16::from_be_bytes([*a, *b]))),
        [_, 127, ..] => {
            let length = bytes.get(2..10)?.try_into().ok().map(u64::from_be_bytes)?;
            (10, usize::try_from(length).ok()?)
        }
        [_, length @ 0..=125, ..] => (2, usize::from(*length)),
        _ => return None,
    };
    let payload = bytes.get(header..header.checked_add(length)?)?;
    Some(Frame { payload, bytes: header + length, is_text: bytes[0] == TEXT })
}

/// Adds a text message to `out`, of which `write` writes the text.
///
/// The mask is zero, so that masking costs nothing here; a server takes it off like any other.
pub(crate) fn put_text(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    const HEADER: usize = 8;
    const MASK: [u8; 4] = [0; 4];
    let start = out.len();
    out.extend([0; HEADER]);
    write(out);
    let length = out.len() - start - HEADER;
    match u16::try_from(length) {
        Ok(short @ 0..=125) => {
            // The short header leaves two bytes over.
            out.drain(start..start + 2);
            out[start..start + 2].copy_from_slice(&[TEXT, MASKED | short as u8]);
            out[start + 2..start + 6].copy_from_slice(&MASK);
        }
        Ok(length) => {
            let [a, b] = length.to_be_bytes();
            out[start..start + 4].copy_from_slice(&[TEXT, MASKED | 126, a, b]);
        }
        Err(_) => unreachable!("no packet of a measurement has more than 64 KiB"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_found_when_it_is_whole() {
        for length in [0, 1, 125, 126, 300, 65_535, 65_536, 70_000] {
            let payload = vec![b'x'; length];
            let mut bytes = vec![TEXT];
            match length {
                0..=125 => bytes.push(length as u8),
                126..=65_535 => {
                    bytes.push(126);
                    bytes.extend((length as u16).to_be_bytes());
                }
                _ => {
                    bytes.push(127);
                    bytes.extend((length as u64).to_be_bytes());
                }
            }
            bytes.extend(&payload);
            let whole = bytes.len();
            assert_eq!(first(&bytes[..whole - 1]), None);
            bytes.extend(b"next");
            assert_eq!(
                first(&bytes),
                Some(Frame { payload: &payload, bytes: whole, is_text: true })
            );
        }
    }

    #[test]
    fn a_message_is_masked_and_has_its_length() {
        for length in [0, 1, 125, 126, 65_535] {
            let mut out = b"before".to_vec();
            put_text(&mut out, |out| out.extend(vec![b'x'; length]));
            let frame = &out[6..];
            let header = if length <= 125 {
                vec![TEXT, 0x80 | length as u8]
            } else {
                [&[TEXT, 0x80 | 126][..], &(length as u16).to_be_bytes()].concat()
            };
            assert_eq!(frame[..header.len()], header);
            assert_eq!(frame[header.len()..][..4], [0; 4]);
            assert_eq!(frame[header.len() + 4..], vec![b'x'; length]);
        }
    }
}

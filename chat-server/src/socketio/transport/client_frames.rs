//! Websocket frames as clients write them; see [RFC 6455, section
//! 5.2](https://www.rfc-editor.org/rfc/rfc6455#section-5.2).

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::OpCode;

/// The first byte of a whole text message.
pub(super) const FIN_TEXT: u8 = 0x81;

/// The first byte of a whole binary message.
pub(super) const FIN_BINARY: u8 = 0x82;

/// A client's Engine.IO pong, with the mask 0.
pub(super) const PONG: [u8; 7] = [FIN_TEXT, 0x81, 0, 0, 0, 0, b'3'];

/// The bits of a frame's first byte.
const FIN: u8 = 0x80;
const KIND: u8 = 0x0f;
const CONTROL: u8 = 0x08;
const TEXT: u8 = 0x01;
const BINARY: u8 = 0x02;
const CLOSE: u8 = 0x08;

const MASKED: u8 = 0x80;

/// The contents of a frame's header, and its length in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) first: u8,
    /// None without a mask, which is an error of the client.
    pub(super) mask: Option<[u8; 4]>,
    pub(super) length: u64,
    pub(super) bytes: usize,
}

impl Header {
    /// Reads the header at the start of these bytes, if it is complete.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let end = header_length(bytes);
        let (first, second) = (*bytes.first()?, *bytes.get(1)?);
        if bytes.len() < end {
            return None;
        }
        let (length, mask) = match second & !MASKED {
            126 => (number(&bytes[2..4]), &bytes[4..end]),
            127 => (number(&bytes[2..10]), &bytes[10..end]),
            short => (u64::from(short), &bytes[2..end]),
        };
        Some(Self { first, mask: mask.try_into().ok(), length, bytes: end })
    }

    /// Returns whether it belongs to no message: it may come between the frames of one.
    pub(super) fn is_control(&self) -> bool {
        self.first & CONTROL != 0
    }

    /// Returns whether it ends the websocket.
    pub(super) fn ends_stream(&self) -> bool {
        self.first & KIND == CLOSE
    }

    /// Returns whether it ends a message.
    pub(super) fn is_last(&self) -> bool {
        self.first & FIN != 0
    }

    /// Returns whether it continues a message that has begun.
    pub(super) fn goes_on(&self) -> bool {
        self.first & KIND == 0
    }

    /// Returns whether it begins a text message.
    pub(super) fn begins_text(&self) -> bool {
        self.first & KIND == TEXT
    }

    /// Returns whether it begins a binary message.
    pub(super) fn begins_binary(&self) -> bool {
        self.first & KIND == BINARY
    }
}

/// Returns the length of a header with this beginning; if unknown yet, at least one byte more than given.
pub(super) fn header_length(header: &[u8]) -> usize {
    let Some(second) = header.get(1) else { return 2 };
    let mask = if second & MASKED != 0 { 4 } else { 0 };
    let length = match second & !MASKED {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    2 + length + mask
}

/// Appends a whole message of a client, with a mask of zeros.
pub(super) fn put_frame(first: u8, message: &[u8], out: &mut Vec<u8>) {
    let opcode = OpCode::from(first & KIND);
    let header = FrameHeader { opcode, mask: Some([0; 4]), ..FrameHeader::default() };
    // Only writing could fail.
    header.format(message.len() as u64, out).ok();
    out.extend_from_slice(message);
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}

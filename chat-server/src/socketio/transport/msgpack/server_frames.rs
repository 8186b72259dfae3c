use std::borrow::Cow;

use bytes::BufMut;

use super::super::Link;
use super::super::frames::{BINARY, CLOSE, TEXT, payload, put_binary_frame, put_close_frame};
use super::super::namespaces::is_root_connect;
use super::server_packet::from_server;

/// Turns what Engine.IO writes to a websocket, however it is split, into whole frames. Each is written in one piece,
/// and translated if it contains a Socket.IO packet.
#[derive(Debug, Default)]
pub(crate) struct ServerFrames {
    /// The beginning of a frame.
    held: Vec<u8>,
}

/// What was written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// The number of frames that have ended.
    pub(crate) frames: usize,
    /// Whether the client was told that it is connected to the namespace `/`.
    pub(crate) connected: bool,
    /// Whether the websocket was ended.
    pub(crate) ended: bool,
}

impl ServerFrames {
    /// Takes the next bytes, and writes the resulting frames.
    pub(crate) fn write(&mut self, bytes: &[u8], link: &Link, out: &mut impl BufMut) -> Written {
        self.held.extend_from_slice(bytes);
        let mut written = Written::default();
        let mut rest = &*self.held;
        while let Some((frame, header, others)) = next_frame(rest) {
            written.frames += 1;
            if frame[0] == CLOSE {
                written.ended = true;
                put_close_frame(out, &link.last_words(&frame[header..]));
                rest = others;
                continue;
            }
            written.connected |= write_frame(frame, header, link, out);
            rest = others;
        }
        // Nothing is kept of a frame that has been written.
        self.held = rest.to_vec();
        written
    }
}

/// Writes a frame, and returns whether it told the client that it is connected.
fn write_frame(frame: &[u8], header: usize, link: &Link, out: &mut impl BufMut) -> bool {
    let (first, message) = (frame[0], &frame[header..]);
    let packet = match first {
        TEXT if message.starts_with(b"4") => {
            let packet = link.complete(message);
            put_packet(link.server_packets().packet(&packet), out);
            return matches!(packet, Cow::Owned(_)) && is_root_connect(message);
        }
        BINARY => link.server_packets().attachment(message.to_vec()),
        _ => {
            out.put_slice(frame);
            return false;
        }
    };
    put_packet(packet, out);
    false
}

fn put_packet(packet: Option<Vec<u8>>, out: &mut impl BufMut) {
    if let Some(packet) = packet {
        put_binary_frame(out, &packet);
    }
}

/// Translates whole frames of text messages without attachments for a client with MessagePack.
pub(crate) fn put_translated(mut frames: &[u8], out: &mut impl BufMut) {
    while let Some((frame, header, others)) = next_frame(frames) {
        put_packet(from_server(&frame[header..], &[]), out);
        frames = others;
    }
}

/// Returns the first of these frames if it is complete, the length of its header, and what follows it.
fn next_frame(bytes: &[u8]) -> Option<(&[u8], usize, &[u8])> {
    let (header, length) = payload(bytes)?;
    let end = header.checked_add(usize::try_from(length).ok()?)?;
    let (frame, rest) = bytes.split_at_checked(end)?;
    Some((frame, header, rest))
}

#[cfg(test)]
mod tests {
    use super::super::super::frames::text_frame;
    use super::*;

    fn frames() -> Vec<Vec<u8>> {
        let binary = |bytes: &[u8]| {
            let mut frame = Vec::new();
            put_binary_frame(&mut frame, bytes);
            frame
        };
        vec![
            text_frame(&[b"2"]),
            text_frame(&[b"40{\"sid\":\"x\"}"]),
            text_frame(&[b"42[\"", &[b'x'; 70_000], b"\"]"]),
            text_frame(&[
                b"452-[{\"_placeholder\":true,\"num\":1},{\"_placeholder\":true,\"num\":0}]",
            ]),
            binary(&[1, 2]),
            binary(&[3; 200]),
            vec![0x8a, 1, b'?'],
            text_frame(&[b"43/a,1[]"]),
        ]
    }

    /// What leaves when these bytes are written in such parts, and how many frames there were.
    fn written<'a>(parts: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, usize, bool) {
        let (link, mut frames) = (Link::websocket(), ServerFrames::default());
        link.namespaces.reply_to_connect(
            "/",
            crate::socketio::transport::ConnectReply { sid: "s".into(), pid: "p".into() },
        );
        let (mut out, mut ended, mut connected) = (Vec::new(), 0, false);
        for part in parts {
            let written = frames.write(part, &link, &mut out);
            ended += written.frames;
            connected |= written.connected;
        }
        assert!(frames.held.is_empty());
        (out, ended, connected)
    }

    #[test]
    fn a_stream_can_be_cut_at_every_byte() {
        let frames = frames();
        let bytes = frames.concat();
        let whole = written([&*bytes].into_iter());
        assert_eq!((whole.1, whole.2), (frames.len(), true));
        assert_eq!(written(bytes.chunks(1)), whole);
        for cut in (0..200).chain(70_000..bytes.len()) {
            let (one, other) = bytes.split_at(cut);
            assert_eq!(written([one, other].into_iter()), whole, "cut at {cut}");
        }
    }

    #[test]
    fn the_end_of_the_websocket_says_why() {
        for (said, expected) in [(&b""[..], 1001_u16), (&[0x03, 0xe8], 1000)] {
            let (link, mut frames, mut out) = (Link::websocket(), ServerFrames::default(), vec![]);
            link.close(crate::socketio::transport::Farewell::Stopping);
            let frame = [&[CLOSE, said.len() as u8], said].concat();
            assert!(frames.write(&frame, &link, &mut out).ended);
            assert_eq!((out[0], &out[2..4]), (CLOSE, &expected.to_be_bytes()[..]));
        }
    }

    #[test]
    fn packets_become_binary_messages_and_nothing_else_does() {
        let (out, ..) = written(frames().iter().map(|frame| &**frame));
        let mut expected = text_frame(&[b"2"]);
        for message in [
            &b"\x83\xa4type\x00\xa3nsp\xa1/\xa4data\x82\xa3sid\xa1s\xa3pid\xa1p"[..],
            &[
                &b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x91\xdb\x00\x01\x11\x70"[..],
                &[b'x'; 70_000],
            ]
            .concat(),
            &[
                &b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xc4\xc8"[..],
                &[3; 200],
                b"\xc4\x02\x01\x02",
            ]
            .concat(),
        ] {
            put_binary_frame(&mut expected, message);
        }
        expected.extend([0x8a, 1, b'?']);
        put_binary_frame(&mut expected, b"\x84\xa4type\x03\xa3nsp\xa2/a\xa2id\x01\xa4data\x90");
        assert_eq!(out, expected);
    }
}

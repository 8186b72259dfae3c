//! What a node receives from others: through a broker, signed or not, and through the hub of one host.
#![no_main]
#![allow(dead_code, unused_imports, reason = "files of chat-adapter that are private there")]

/// Frames for a broker.
#[path = "../../chat-adapter/src/broker/wire.rs"]
mod broker_wire;
/// The framing of the hub.
#[path = "../../chat-adapter/src/cluster/wire.rs"]
mod hub_wire;
#[path = "../../chat-adapter/src/cluster/queue.rs"]
mod queue;
#[path = "../../chat-adapter/src/secret.rs"]
mod secret;

/// Where those files look for it.
mod broker {
    pub(crate) use crate::broker_wire::MAX_FRAME;
}

use std::sync::LazyLock;

use broker_wire::{MAX_FRAME, Wire};
use chat_adapter::Incoming;
use chat_core::Frame;
use chat_fuzz::timed;
use futures_util::FutureExt;
use libfuzzer_sys::fuzz_target;
use queue::Piece;
use secret::ClusterSecret;

static WIRE: LazyLock<Wire> = LazyLock::new(|| {
    let secret = ClusterSecret::from_bytes(&[b'x'; 32]).expect("a secret");
    Wire::new(Some(&secret), "chat")
});

fn frame(bytes: &[u8]) {
    let Ok(frame) = Frame::decode(bytes) else { return };
    let written = frame.encode();
    assert_eq!(Frame::decode(&written).expect("a frame"), frame);
    assert_eq!(Frame::decode(&written).expect("a frame").encode(), written);
    let notification = frame.without_messages().into_owned();
    assert_eq!(Frame::decode(&notification.encode()).expect("a frame"), notification);

    // Nodes with one secret read each other; what is signed is read without one, too.
    let signed = WIRE.encode(&frame, 2 * MAX_FRAME);
    for wire in [&*WIRE, &Wire::default()] {
        let read = wire.decoder().decode(&signed);
        if written.len() <= MAX_FRAME {
            assert_eq!(read, Some(Incoming::Frame(frame.clone().into())));
        }
    }
    let short = WIRE.encode(&frame, signed.len() - 1);
    assert!(short.len() < signed.len() || frame.without_messages().encode() == written);
}

/// Nobody without the secret makes something that is believed.
fn broker(bytes: &[u8]) {
    let read = WIRE.decoder().decode(bytes);
    assert!(!matches!(read, Some(Incoming::Frame(_))), "a forged frame is believed");
    Wire::default().decoder().decode(bytes);
}

/// Returns what is read from the hub.
fn hub(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let before = bytes.len();
        match hub_wire::read(&mut bytes).now_or_never().expect("all bytes are there") {
            Ok(Some(Piece::Frame(frame))) => {
                assert!(!frame.is_empty() && frame.len() + 4 == before - bytes.len());
            }
            Ok(Some(Piece::Gap) | None) => assert_eq!(before - bytes.len(), 4),
            Err(_) => return,
        }
    }
}

fuzz_target!(|data: &[u8]| {
    timed(data, || {
        let Some((&kind, bytes)) = data.split_first() else { return };
        match kind % 4 {
            0 | 1 => frame(bytes),
            2 => broker(bytes),
            _ => hub(bytes),
        }
    });
});

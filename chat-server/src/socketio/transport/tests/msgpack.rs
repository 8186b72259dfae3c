//! A connection whose client speaks MessagePack, from end to end of its stream.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_util::task::TaskTracker;

use super::super::direct_writer::DirectWriter;
use super::super::frames::{put_binary_frame, text_frame};
use super::super::polling;
use super::super::stream::LinkedStream;
use super::super::websocket::Websocket;
use super::super::write_multiplexer::WriteMultiplexer;
use super::super::{ConnectReply, Link};
use super::limits;
use crate::engine::delivery::NotTaken;

const CONNECT: &[u8] = b"\x82\xa4type\x00\xa3nsp\xa1/";

fn connect(link: &Arc<Link>, buffer: usize) -> (LinkedStream, DuplexStream) {
    let (server, client) = duplex(buffer);
    let open = TaskTracker::new().token();
    (
        LinkedStream::new(
            WriteMultiplexer::new(server),
            Websocket::of(Arc::clone(link)),
            limits(),
            open,
        ),
        client,
    )
}

/// A binary message of a client, with the mask 0.
fn sent(message: &[u8]) -> Vec<u8> {
    [&[0x82, 0x80 | message.len() as u8, 0, 0, 0, 0], message].concat()
}

fn binary(message: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    put_binary_frame(&mut frame, message);
    frame
}

async fn received(client: &mut DuplexStream, expected: &[u8]) {
    let mut received = vec![0; expected.len()];
    client.read_exact(&mut received).await.unwrap();
    assert_eq!(received, expected);
}

/// Has Engine.IO read the CONNECT.
async fn connects(stream: &mut LinkedStream, client: &mut DuplexStream) {
    client.write_all(&sent(CONNECT)).await.unwrap();
    let mut read = [0; 8];
    stream.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"\x81\x82\0\0\0\x0040");
}

#[tokio::test]
async fn what_passes_the_lane_is_translated_too() {
    let link = Arc::new(Link::websocket());
    let (mut stream, mut client) = connect(&link, 1000);
    connects(&mut stream, &mut client).await;
    let direct_writer = DirectWriter::of(&stream.websocket).unwrap();
    link.namespaces.reply_to_connect("/", ConnectReply { sid: "s".into(), pid: "p".into() });
    let frames = [text_frame(&[b"42[1]"]), text_frame(&[b"42[\"b\"]"])].concat();
    assert_eq!(direct_writer.push(&frames), Ok(()));
    assert_eq!(direct_writer.push_text(&[b"437", b"[{}]"]), Ok(()));
    assert_eq!(direct_writer.flush(), Err(NotTaken::Full), "the client is not connected yet");
    stream.write_all(&text_frame(&[b"40{\"sid\":\"x\"}"])).await.unwrap();
    stream.flush().await.unwrap();
    let expected = [
        binary(b"\x83\xa4type\x00\xa3nsp\xa1/\xa4data\x82\xa3sid\xa1s\xa3pid\xa1p"),
        binary(b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x91\x01"),
        binary(b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x91\xa1b"),
        binary(b"\x84\xa4type\x03\xa3nsp\xa1/\xa2id\x07\xa4data\x91\x80"),
    ];
    received(&mut client, &expected.concat()).await;
    assert_eq!(direct_writer.flush(), Ok(()));
}

#[tokio::test]
async fn a_heartbeat_that_had_begun_before_the_client_said_what_it_is_stays_whole() {
    let link = Arc::new(Link::websocket());
    let (mut stream, mut client) = connect(&link, 1000);
    let heartbeat = text_frame(&[b"2"]);
    stream.write_all(&heartbeat[..2]).await.unwrap();
    connects(&mut stream, &mut client).await;
    let rest = [&heartbeat[2..], &text_frame(&[b"42[1]"]), &heartbeat].concat();
    stream.write_all(&rest).await.unwrap();
    stream.flush().await.unwrap();
    let event = binary(b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x91\x01");
    received(&mut client, &[&heartbeat[..], &event, &heartbeat].concat()).await;
}

#[tokio::test]
async fn a_packet_whose_attachments_come_with_a_later_poll_or_a_websocket_is_whole() {
    let link = Arc::new(Link::default());
    link.encoding.sent_binary();
    let polled = |body: &'static [u8]| polling::completed(&link, body.into());
    let packet = b"451-[{\"_placeholder\":true,\"num\":0}]";
    assert_eq!(polled(packet), "6", "a poll has an answer");
    assert_eq!(polled(b"2\x1ebAQI=\x1e42[]").split(|byte| *byte == 0x1e).count(), 3);
    assert_eq!(polled(b"2"), "2");

    assert_eq!(polled(packet), "6");
    let (mut stream, mut client) = connect(&link, 1000);
    stream.write_all(&binary(&[1, 2])).await.unwrap();
    stream.flush().await.unwrap();
    let event = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x91\xc4\x02\x01\x02";
    received(&mut client, &binary(event)).await;
}

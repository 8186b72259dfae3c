//! Frames of the direct writer among those that Engine.IO writes.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use proptest::collection::vec;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, BufWriter, DuplexStream, duplex};
use tokio_test::{assert_pending, assert_ready, task};
use tokio_util::task::TaskTracker;

use super::super::direct_writer::DirectWriter;
use super::super::frames::text_frame;
use super::super::stream::LinkedStream;
use super::super::websocket::Websocket;
use super::super::write_multiplexer::{Stream, WriteMultiplexer};
use super::super::{ConnectReply, Farewell, Link};
use super::limits;
use crate::engine::delivery::NotTaken;

const CONNECT: &[u8] = b"40{\"sid\":\"abc\"}";

/// A server's stream whose client takes `buffer` bytes before it has to read, and its direct writer.
fn connect(buffer: usize) -> (LinkedStream, DirectWriter, DuplexStream) {
    let (server, client) = duplex(buffer);
    let (stream, direct_writer) = over(server);
    (stream, direct_writer, client)
}

fn over(server: impl Stream) -> (LinkedStream, DirectWriter) {
    let link = Arc::new(Link::websocket());
    let open = TaskTracker::new().token();
    let websocket = Websocket::of(link);
    let stream =
        LinkedStream::new(WriteMultiplexer::new(server), Arc::clone(&websocket), limits(), open);
    (stream, DirectWriter::of(&websocket).unwrap())
}

/// Has Engine.IO write the CONNECT reply and the client read it.
async fn open(stream: &mut LinkedStream, client: &mut DuplexStream) {
    stream.write_all(&text_frame(&[CONNECT])).await.unwrap();
    stream.flush().await.unwrap();
    let expected = replied(&stream.websocket.link, "/");
    assert_eq!(received(client, expected.len()).await, expected);
}

/// What the client gets in the place of the CONNECT reply of Engine.IO, when nothing else is known.
fn replied(link: &Link, namespace: &str) -> Vec<u8> {
    let id = link.namespaces.public_id(namespace);
    let before = if namespace == "/" { String::new() } else { format!("{namespace},") };
    text_frame(&[format!("40{before}{{\"sid\":\"{id}\"}}").as_bytes()])
}

/// What the client has got and not read yet.
async fn received(client: &mut DuplexStream, bytes: usize) -> Vec<u8> {
    let mut received = vec![0; bytes];
    client.read_exact(&mut received).await.unwrap();
    received
}

#[tokio::test]
async fn nothing_of_the_lane_leaves_before_the_client_is_told_that_it_is_connected() {
    let (mut stream, direct_writer, mut client) = connect(1000);
    let link = &direct_writer.websocket().link;
    let reply = ConnectReply { sid: "public".into(), pid: "secret".into() };
    link.namespaces.reply_to_connect("/", reply.clone());
    assert_eq!(direct_writer.push_text(&[b"42[", b"1]"]), Ok(()));
    assert_eq!(direct_writer.flush(), Err(NotTaken::Full));
    stream.write_all(&text_frame(&[b"0{}"])).await.unwrap();
    stream.write_all(&text_frame(&[b"40/admin,{\"sid\":\"abc\"}"])).await.unwrap();
    stream.flush().await.unwrap();
    assert_eq!(direct_writer.flush(), Err(NotTaken::Full));
    stream.write_all(&text_frame(&[CONNECT])).await.unwrap();
    stream.flush().await.unwrap();
    assert_eq!(direct_writer.flush(), Ok(()));
    let reply = format!("40{}", serde_json::to_string(&reply).unwrap());
    assert_eq!(link.namespaces.public_id("/"), "public");
    let expected = [
        text_frame(&[b"0{}"]),
        replied(link, "/admin"),
        text_frame(&[reply.as_bytes()]),
        text_frame(&[b"42[1]"]),
    ];
    let expected = expected.concat();
    assert_eq!(received(&mut client, expected.len()).await, expected);
}

#[tokio::test]
async fn what_the_stream_holds_back_leaves_without_engine_io() {
    let (server, mut client) = duplex(1000);
    // As TLS, which takes more than the client reads.
    let (mut stream, direct_writer) = over(BufWriter::new(server));
    open(&mut stream, &mut client).await;
    let frame = text_frame(&[&[b'x'; 3000]]);
    assert_eq!(direct_writer.push(&frame), Ok(()));
    assert_eq!(direct_writer.flush(), Err(NotTaken::Full), "the client has 1000 bytes");
    let mut got = received(&mut client, 1000).await;
    while direct_writer.flush() == Err(NotTaken::Full) {
        got.extend(received(&mut client, 1000).await);
    }
    let rest = frame.len() - got.len();
    got.extend(received(&mut client, rest).await);
    assert_eq!(got, frame);
}

#[tokio::test]
async fn a_client_that_was_told_to_leave_a_namespace_is_in_it_no_more() {
    let (mut stream, direct_writer, mut client) = connect(1000);
    open(&mut stream, &mut client).await;
    let namespaces = &direct_writer.websocket().link.namespaces;
    stream.write_all(&text_frame(&[b"40/admin,{\"sid\":\"abc\"}"])).await.unwrap();
    assert!(namespaces.has(b"/admin") && namespaces.has(b"/"));
    for (packet, namespace) in [(&b"41/admin,"[..], &b"/admin"[..]), (b"41", b"/")] {
        let frame = text_frame(&[packet]);
        let (begun, rest) = frame.split_at(frame.len() - 1);
        stream.write_all(begun).await.unwrap();
        assert!(namespaces.has(namespace), "the rest of it comes");
        stream.write_all(rest).await.unwrap();
        assert!(!namespaces.has(namespace));
    }
    stream.flush().await.unwrap();
    let expected = [
        replied(&direct_writer.websocket().link, "/admin"),
        text_frame(&[b"41/admin,"]),
        text_frame(&[b"41"]),
    ];
    let expected = expected.concat();
    assert_eq!(received(&mut client, expected.len()).await, expected);
}

/// A client that gets something else in between gives up the connection.
#[tokio::test]
async fn nothing_of_the_lane_comes_between_a_packet_and_its_attachments() {
    let (mut stream, direct_writer, mut client) = connect(10_000);
    open(&mut stream, &mut client).await;
    let mut attachment = text_frame(&[&[7; 300]]);
    attachment[0] = 0x82;
    let packet = text_frame(&[b"452-[\"pictures\",{},{}]"]);
    for part in [&packet, &attachment, &attachment] {
        assert_eq!(direct_writer.push_text(&[b"42[1]"]), Ok(()));
        stream.write_all(part).await.unwrap();
        stream.flush().await.unwrap();
    }
    assert_eq!(direct_writer.flush(), Ok(()));
    let expected = [packet, attachment.repeat(2), text_frame(&[b"42[1]"]).repeat(3)].concat();
    assert_eq!(received(&mut client, expected.len()).await, expected);
}

#[tokio::test]
async fn the_end_of_a_websocket_says_why_as_far_as_that_is_known() {
    const END: [u8; 2] = [0x88, 0];
    let (mut stream, _lane, mut client) = connect(1000);
    stream.write_all(&END).await.unwrap();
    stream.flush().await.unwrap();
    assert_eq!(received(&mut client, 2).await, END);

    let (mut stream, direct_writer, mut client) = connect(1000);
    direct_writer.websocket().link.close(Farewell::Stopping);
    // The first reason counts.
    direct_writer.websocket().link.close(Farewell::Unavailable);
    stream.write_all(&END).await.unwrap();
    stream.flush().await.unwrap();
    let reason = b"the server is stopping; connect again";
    let expected = [&[0x88, 2 + reason.len() as u8, 0x03, 0xe9], &reason[..]].concat();
    assert_eq!(received(&mut client, expected.len()).await, expected);
}

#[tokio::test]
async fn nothing_comes_after_the_end_of_a_websocket() {
    // Of itself, and as the answer to the client's.
    for end in [&[0x88, 0][..], &[0x88, 5, 0x03, 0xe8, b'b', b'y', b'e']] {
        let (mut stream, direct_writer, mut client) = connect(1000);
        open(&mut stream, &mut client).await;
        stream.write_all(end).await.unwrap();
        stream.flush().await.unwrap();
        assert_eq!(direct_writer.push_text(&[b"42[1]"]), Ok(()));
        assert_eq!(direct_writer.flush(), Err(NotTaken::Full));
        direct_writer.websocket().link.close(Farewell::Stopping);
        drop(stream);
        let mut received = Vec::new();
        client.read_to_end(&mut received).await.unwrap();
        assert_eq!(received[..2], [0x88, received.len() as u8 - 2], "one frame");
    }
}

#[tokio::test]
async fn a_connection_that_is_closed_ends_with_the_reason() {
    let (mut stream, direct_writer, mut client) = connect(1000);
    open(&mut stream, &mut client).await;
    direct_writer.websocket().link.close(Farewell::Expired);
    drop(stream);
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.unwrap();
    assert_eq!(received[2..], [&[0x03, 0xf0], &b"the token has expired"[..]].concat());
}

#[tokio::test]
async fn a_long_connect_reply_is_completed_too() {
    let (mut stream, direct_writer, mut client) = connect(10_000);
    let link = &direct_writer.websocket().link;
    let namespace = format!("/{}", "n".repeat(300));
    let reply = ConnectReply { sid: "public".into(), pid: "secret".repeat(30) };
    link.namespaces.reply_to_connect(&namespace, reply.clone());
    let packet = format!("40{namespace},{{\"sid\":\"abc\"}}");
    stream.write_all(&text_frame(&[packet.as_bytes()])).await.unwrap();
    stream.flush().await.unwrap();
    let completed = format!("40{namespace},{}", serde_json::to_string(&reply).unwrap());
    let expected = text_frame(&[completed.as_bytes()]);
    assert_eq!(received(&mut client, expected.len()).await, expected);
}

#[tokio::test]
async fn who_has_the_lane_after_another_sends_nothing_of_the_other() {
    let (mut stream, first, mut client) = connect(1000);
    open(&mut stream, &mut client).await;
    assert_eq!(first.push_text(&[b"42[1]"]), Ok(()));
    let second = DirectWriter::of(first.websocket()).unwrap();
    assert_eq!(first.push_text(&[b"42[2]"]), Err(NotTaken::Gone));
    assert_eq!(second.push_text(&[b"42[3]"]), Ok(()));
    assert_eq!(first.flush(), Err(NotTaken::Full), "the client is connected to neither");
    open(&mut stream, &mut client).await;
    assert_eq!(received(&mut client, 7).await, text_frame(&[b"42[3]"]));
}

#[tokio::test]
async fn a_client_that_does_not_read_costs_a_bounded_amount_and_gets_everything_later() {
    let (mut stream, direct_writer, mut client) = connect(64);
    open(&mut stream, &mut client).await;
    direct_writer.websocket().link.outgoing.drained().await;
    let frame = text_frame(&[&[b'x'; 1000]]);
    let mut pushed = 0;
    while direct_writer.push(&frame) == Ok(()) {
        pushed += 1;
        let _ = direct_writer.flush();
    }
    assert!(pushed * frame.len() < 200 * 1024, "{pushed}");
    let mut room = task::spawn(direct_writer.room());
    assert_pending!(room.poll());
    // It would be woken in the place of the one below.
    drop(room);
    let everything = pushed * frame.len();
    let reading = tokio::spawn(async move { received(&mut client, everything).await });
    while direct_writer.flush() != Ok(()) {
        direct_writer.room().await;
    }
    assert_eq!(reading.await.unwrap(), frame.repeat(pushed));
}

/// A heartbeat that never gets its turn would end the connection.
#[tokio::test]
async fn engine_io_gets_its_turn_however_much_is_pushed() {
    let (mut stream, direct_writer, mut client) = connect(64);
    open(&mut stream, &mut client).await;
    let frame = text_frame(&[&[b'x'; 100]]);
    let ping = text_frame(&[b"2"]);
    for _ in 0..3 {
        assert_eq!(direct_writer.push(&frame), Ok(()));
    }
    let _ = direct_writer.flush();
    let mut written = task::spawn(async { stream.write_all(&ping).await });
    assert_pending!(written.poll());
    let mut got = Vec::new();
    for _ in 0..20 {
        got.extend(received(&mut client, 32).await);
        // the delivery task is always first to notice that there is room, and always has more.
        assert_eq!(direct_writer.push(&frame), Ok(()));
        let _ = direct_writer.flush();
        if written.is_woken() && written.poll().is_ready() {
            return;
        }
    }
    panic!("the heartbeat is still waiting after {} bytes", got.len());
}

/// Engine.IO's task, which ends the stream, may run much later: meanwhile whoever tries to flush would spin.
#[tokio::test]
async fn a_client_that_is_let_go_of_because_it_does_not_read_is_gone_at_once() {
    let (mut stream, direct_writer, mut client) = connect(1000);
    open(&mut stream, &mut client).await;
    direct_writer.push(&text_frame(&[&[b'x'; 5000]])).unwrap();
    assert_eq!(direct_writer.flush(), Err(NotTaken::Full));
    direct_writer.websocket().link.close(Farewell::TooSlow);
    assert_eq!(direct_writer.flush(), Err(NotTaken::Gone));
    assert_ready!(task::spawn(direct_writer.room()).poll());
}

#[tokio::test]
async fn who_waits_for_room_is_woken_when_the_connection_ends() {
    let (mut stream, direct_writer, mut client) = connect(64);
    open(&mut stream, &mut client).await;
    direct_writer.websocket().link.outgoing.drained().await;
    assert_eq!(direct_writer.push_text(&[&[b'x'; 100]]), Ok(()));
    let mut room = task::spawn(direct_writer.room());
    assert_pending!(room.poll());
    drop(stream);
    assert!(room.is_woken());
    assert_ready!(room.poll());
    assert_eq!(direct_writer.push(b"more"), Err(NotTaken::Gone));
    assert_eq!(direct_writer.flush(), Err(NotTaken::Gone));
}

/// One step of a server that writes in both ways to a client that reads now and then.
#[derive(Debug, Clone)]
enum Step {
    /// Engine.IO writes what it has, as far as it can.
    Write(usize),
    Push(usize),
    Flush,
    EngineFlush,
    Read(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1..200_usize).prop_map(Step::Write),
        (0..300_usize).prop_map(Step::Push),
        Just(Step::Flush),
        Just(Step::EngineFlush),
        (1..200_usize).prop_map(Step::Read),
    ]
}

proptest! {
    #[test]
    fn frames_stay_whole_and_each_way_keeps_its_order(
        engine in vec(0..300_usize, 0..10),
        steps in vec(step(), 0..80),
        buffer in 1..300_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _guard = runtime.enter();
        let (mut stream, direct_writer, mut client) = connect(buffer);
        let number = |letter: &str, number: usize, length: usize| {
            text_frame(&[letter.as_bytes(), number.to_string().as_bytes(), b" ", &vec![b'x'; length]])
        };
        let others: Vec<_> = engine.iter().enumerate().map(|(n, &length)| number("2e", n, length)).collect();
        let mut bytes = [text_frame(&[CONNECT]), others.concat()].concat();
        let expected_engine = [vec![replied(&direct_writer.websocket().link, "/")], others].concat();
        let mut expected_lane = Vec::new();
        let mut got = Vec::new();
        let mut context = Context::from_waker(Waker::noop());
        let mut read = |client: &mut DuplexStream, most: usize| {
            let mut buffer = vec![0; most];
            let mut buffer = tokio::io::ReadBuf::new(&mut buffer);
            let mut context = Context::from_waker(Waker::noop());
            let _ = tokio::io::AsyncRead::poll_read(Pin::new(client), &mut context, &mut buffer);
            got.extend_from_slice(buffer.filled());
            buffer.filled().len()
        };
        let write = |stream: &mut LinkedStream, bytes: &mut Vec<u8>, most: usize, context: &mut Context<'_>| {
            let part = most.min(bytes.len());
            if part > 0
                && let std::task::Poll::Ready(written) = Pin::new(stream).poll_write(context, &bytes[..part])
            {
                bytes.drain(..written.unwrap());
            }
        };
        for step in steps {
            match step {
                Step::Write(most) => write(&mut stream, &mut bytes, most, &mut context),
                Step::Push(length) => {
                    let frame = number("42p", expected_lane.len(), length);
                    assert_eq!(direct_writer.push(&frame), Ok(()));
                    expected_lane.push(frame);
                }
                Step::Flush => {
                    let _ = direct_writer.flush();
                }
                Step::EngineFlush => {
                    let _ = Pin::new(&mut stream).poll_flush(&mut context);
                }
                Step::Read(most) => {
                    read(&mut client, most);
                }
            }
        }
        for _ in 0..100_000 {
            write(&mut stream, &mut bytes, usize::MAX, &mut context);
            let _ = Pin::new(&mut stream).poll_flush(&mut context);
            let _ = direct_writer.flush();
            if read(&mut client, 1000) == 0 && bytes.is_empty() && direct_writer.flush() == Ok(()) {
                break;
            }
        }
        let (mut of_engine, mut of_lane) = (Vec::new(), Vec::new());
        let mut rest = &got[..];
        while !rest.is_empty() {
            let header = if rest[1] < 126 { 2 } else { 4 };
            let length = if rest[1] < 126 {
                usize::from(rest[1])
            } else {
                usize::from(u16::from_be_bytes([rest[2], rest[3]]))
            };
            let (frame, others) = rest.split_at(header + length);
            let frames = if frame[header..].starts_with(b"42p") { &mut of_lane } else { &mut of_engine };
            frames.push(frame.to_vec());
            rest = others;
        }
        prop_assert_eq!(of_engine, expected_engine);
        prop_assert_eq!(of_lane, expected_lane);
        assert_ready!(task::spawn(direct_writer.room()).poll());
    }
}

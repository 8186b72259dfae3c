//! The byte stream of a websocket as its link sees it.

mod direct_writer;
mod incoming;
mod msgpack;
mod opening;
mod reconnect;

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_test::{assert_pending, assert_ready, task};
use tokio_util::task::TaskTracker;

use super::budget::Budget;
use super::client_frames::PONG;
use super::frames::text_frame;
use super::registry::Registry;
use super::stream::{LinkedStream, StreamLimits};
use super::upgrade;
use super::websocket::Websocket;
use super::write_multiplexer::WriteMultiplexer;
use super::{Farewell, InFlight, Link};

const PATIENCE: Duration = Duration::from_secs(45);

fn limits() -> StreamLimits {
    let budget = Arc::new(Budget::new("tests", 1_000_000));
    let unsent = Arc::clone(&budget);
    StreamLimits {
        patience: PATIENCE,
        max_packet_bytes: 100_000,
        max_attachments: 16,
        budget,
        unsent,
    }
}

/// A server's stream whose client takes `buffer` bytes before it has to read.
fn connect(buffer: usize) -> (LinkedStream, Arc<Link>, DuplexStream) {
    let (server, client) = duplex(buffer);
    let link = Arc::new(Link::default());
    let open = TaskTracker::new().token();
    (
        LinkedStream::new(
            WriteMultiplexer::new(server),
            Websocket::of(Arc::clone(&link)),
            limits(),
            open,
        ),
        link,
        client,
    )
}

#[tokio::test]
async fn bytes_pass_untouched_both_ways() {
    let (mut stream, _, mut client) = connect(16);
    let sent: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    let expected = sent.clone();
    let echo = tokio::spawn(async move {
        let mut buffer = [0; 100];
        for _ in 0..100 {
            stream.read_exact(&mut buffer).await.unwrap();
            stream.write_all(&buffer).await.unwrap();
        }
        stream.flush().await.unwrap();
    });
    let (mut reader, mut writer) = tokio::io::split(&mut client);
    let mut received = vec![0; sent.len()];
    let (sent, read) = tokio::join!(writer.write_all(&sent), reader.read_exact(&mut received));
    sent.unwrap();
    read.unwrap();
    assert_eq!(received, expected);
    echo.await.unwrap();
}

#[tokio::test]
async fn there_is_room_until_much_was_sent_and_again_when_it_has_left() {
    let (mut stream, link, _client) = connect(1024);
    link.stage.end_probe(true);
    let mut sent = 0;
    while link.has_room() {
        link.outgoing.sending();
        sent += 1;
    }
    assert_eq!(sent, 64, "half of what a socket buffers at least is left for others");
    let mut drained = task::spawn(link.outgoing.drained());
    assert_pending!(drained.poll());
    stream.write_all(&text_frame(&[b"42[]"]).repeat(63)).await.unwrap();
    stream.flush().await.unwrap();
    assert!(drained.is_woken());
    assert_ready!(drained.poll());
    assert!(link.has_room() && !link.outgoing.is_drained(), "one of them is still to come");
    stream.write_all(&text_frame(&[b"42[]"])).await.unwrap();
    assert!(link.outgoing.is_drained());
}

#[test]
fn a_poll_gets_fewer_packets_than_clients_take() {
    let link = Link::default();
    (0..13).for_each(|_| link.outgoing.sending());
    assert!(link.has_room());
    link.outgoing.sending();
    assert!(!link.has_room());
    link.outgoing.sent(14);
    assert!(link.has_room());
}

#[test]
fn few_large_packets_use_up_the_room_too() {
    let link = Link::default();
    assert!((0..4).all(|_| link.outgoing.make_room(64 * 1024)));
    assert!(!link.has_room());
}

#[tokio::test]
async fn nothing_is_read_from_a_client_with_too_much_in_flight() {
    let (mut stream, link, mut client) = connect(1024);
    client.write_all(b"more").await.unwrap();
    let requests: Vec<_> = (0..5).map(|_| InFlight::new(&link, 64 * 1024)).collect();
    let mut buffer = [0; 4];
    let mut read = task::spawn(stream.read_exact(&mut buffer));
    assert_pending!(read.poll());
    drop(requests);
    assert!(read.is_woken());
    assert_ready!(read.poll()).unwrap();
}

#[tokio::test]
async fn a_client_that_goes_in_the_middle_of_a_packet_is_the_end_of_the_stream() {
    let large = [0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 9, 9, 9, 9, 1];
    for sent in [&large[..1], &large[..6], &large[..14], &large, &[0x82, 0x82, 1, 2, 3, 4, 5]] {
        let (mut stream, _, mut client) = connect(1024);
        client.write_all(sent).await.unwrap();
        drop(client);
        // The header of what passes is all that can be read.
        let mut read = Vec::new();
        assert!(stream.read_to_end(&mut read).await.unwrap() <= 15);
    }
}

#[tokio::test]
async fn a_closed_link_is_the_end_of_the_stream() {
    let (mut stream, link, _client) = connect(1024);
    let mut buffer = [0; 4];
    let mut read = task::spawn(stream.read(&mut buffer));
    assert_pending!(read.poll());
    link.close(Farewell::Stopping);
    assert!(read.is_woken());
    assert_eq!(assert_ready!(read.poll()).unwrap(), 0);
}

#[tokio::test]
async fn a_closed_link_ends_a_write_that_the_client_does_not_take() {
    let (mut stream, link, _client) = connect(8);
    let mut write = task::spawn(stream.write_all(&[0; 100]));
    assert_pending!(write.poll());
    link.close(Farewell::Stopping);
    assert!(write.is_woken());
    let error = assert_ready!(write.poll()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
}

#[tokio::test]
async fn a_closed_link_still_lets_the_last_bytes_out() {
    let (mut stream, link, mut client) = connect(1024);
    link.close(Farewell::Stopping);
    stream.write_all(b"bye").await.unwrap();
    let mut buffer = [0; 3];
    client.read_exact(&mut buffer).await.unwrap();
    assert_eq!(&buffer, b"bye");
}

#[tokio::test]
async fn after_a_close_what_the_client_still_sends_is_read_until_it_ends() {
    let (mut stream, link, mut client) = connect(8);
    link.close(Farewell::Stopping);
    stream.write_all(b"bye").await.unwrap();
    drop(stream);
    // More than fits into the buffers: were nobody reading, this would not end.
    client.write_all(&[0; 1000]).await.unwrap();
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.unwrap();
    assert_eq!(received, b"bye");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_reads_is_given_up() {
    let (mut stream, _, _client) = connect(8);
    let started = tokio::time::Instant::now();
    let error = stream.write_all(&[0; 100]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(started.elapsed().as_secs(), PATIENCE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_now_and_then_is_not_given_up() {
    let (mut stream, _, mut client) = connect(8);
    let write = tokio::spawn(async move { stream.write_all(&[0; 32]).await });
    let mut buffer = [0; 8];
    for _ in 0..4 {
        tokio::time::sleep(PATIENCE - Duration::from_secs(1)).await;
        client.read_exact(&mut buffer).await.unwrap();
    }
    write.await.unwrap().unwrap();
}

/// A connection whose move Engine.IO has seen half of would be polled and answered at once for ever.
#[tokio::test]
async fn engine_io_sees_the_whole_move_to_a_websocket_whatever_comes_then() {
    let (server, mut client) = duplex(1024);
    let link = Arc::new(Link::default());
    let multiplexer =
        WriteMultiplexer::upgraded(server, upgrade::SENT, upgrade::ANSWERED, BytesMut::new());
    let mut stream = LinkedStream::new(
        multiplexer,
        Websocket::of(Arc::clone(&link)),
        limits(),
        TaskTracker::new().token(),
    );
    let _much = InFlight::new(&link, 1024 * 1024);
    client.write_all(b"more").await.unwrap();
    link.close(Farewell::Stopping);
    let mut sent = vec![0; upgrade::SENT.len()];
    let (first, second) = sent.split_at_mut(3);
    stream.read_exact(first).await.unwrap();
    stream.read_exact(second).await.unwrap();
    assert_eq!(sent, upgrade::SENT);
    assert_eq!(stream.read(&mut sent).await.unwrap(), 0, "and then the end");

    let (known, rest) = upgrade::ANSWERED.split_at(5);
    stream.write_all(known).await.unwrap();
    stream.write_all(&[rest, &text_frame(&[b"42[]"])].concat()).await.unwrap();
    let mut received = [0; 6];
    client.read_exact(&mut received).await.unwrap();
    assert_eq!(received, *text_frame(&[b"42[]"]), "the client has had the answer to its probe");
}

/// Engine.IO closes a connection whose client does not read its answer to the move within some seconds.
#[tokio::test]
async fn what_was_left_for_the_next_poll_comes_first_on_the_websocket_and_does_not_hold_up_the_move()
 {
    let (server, mut client) = duplex(16);
    let kept = text_frame(&[&[b'x'; 100]]);
    let multiplexer =
        WriteMultiplexer::upgraded(server, upgrade::SENT, upgrade::ANSWERED, kept[..].into());
    let websocket = Websocket::of(Arc::default());
    let mut stream =
        LinkedStream::new(multiplexer, websocket, limits(), TaskTracker::new().token());
    stream.write_all(upgrade::ANSWERED).await.unwrap();
    assert_ready!(task::spawn(stream.flush()).poll()).unwrap();
    assert_pending!(task::spawn(stream.flush()).poll(), "the client has to read it");
    let next = text_frame(&[b"42[]"]);
    let expected = [&*kept, &next].concat();
    tokio::spawn(async move {
        stream.write_all(&next).await.unwrap();
        stream.flush().await.unwrap();
    });
    let mut received = vec![0; expected.len()];
    client.read_exact(&mut received).await.unwrap();
    assert_eq!(received, expected);
}

#[tokio::test(start_paused = true)]
async fn polls_end_when_the_client_is_told_that_its_websocket_works_and_when_it_has_moved() {
    let link = Arc::new(Link::default());
    let poll = link.begin_poll();
    let mut have_ended = task::spawn(link.stage.polls_have_ended());
    assert_pending!(have_ended.poll());
    assert!(link.stage.begin_probe());
    let mut waiting = task::spawn(link.stage.poll_is_over());
    assert_pending!(waiting.poll());
    link.stage.probed();
    let mut short = task::spawn(link.stage.poll_is_over());
    assert_pending!(short.poll());
    link.stage.end_probe(true);
    assert_ready!(waiting.poll());
    assert_ready!(short.poll());
    assert_ready!(task::spawn(link.stage.poll_is_over()).poll());
    assert_pending!(have_ended.poll());
    poll.end();
    assert_ready!(have_ended.poll());
    assert!(!link.is_closed());
}

#[tokio::test]
async fn waiting_for_the_end_notices_one_that_came_before() {
    let link = Link::default();
    let mut early = task::spawn(link.closed());
    assert_pending!(early.poll());
    link.close(Farewell::Stopping);
    assert!(early.is_woken());
    link.closed().await;
}

#[test]
fn the_registry_finds_links_and_forgets_those_that_are_gone() {
    let registry = Registry::default();
    let kept = Arc::new(Link::default());
    registry.add_polling("kept", &kept);
    for number in 0..1000 {
        registry.add_polling(&number.to_string(), &Arc::new(Link::default()));
        registry.add_websocket(&Arc::new(Link::default()));
    }
    assert!(Arc::ptr_eq(&registry.find("kept").unwrap(), &kept));
    assert!(registry.find("999").is_none());
    assert!(registry.len() < 200, "{} links are listed", registry.len());
    registry.close_all();
    assert!(kept.is_closed());
}

#[tokio::test]
async fn the_first_ping_is_answered_here_and_the_next_is_the_clients() {
    const PING: &[u8] = b"\x81\x012";
    let (server, mut client) = duplex(1024);
    let link = Arc::new(Link::default());
    let mut stream = LinkedStream::new(
        WriteMultiplexer::opened(server),
        Websocket::of(Arc::clone(&link)),
        limits(),
        TaskTracker::new().token(),
    );
    let open = text_frame(&[b"0{}"]);
    let mut pong = [0; PONG.len()];
    let mut read = task::spawn(stream.read_exact(&mut pong));
    assert_pending!(read.poll());
    drop(read);
    stream.write_all(&[&open, PING, PING, &open].concat()).await.unwrap();
    stream.read_exact(&mut pong).await.unwrap();
    assert_eq!(pong, PONG);
    assert_pending!(task::spawn(stream.read_exact(&mut pong)).poll());
    let mut received = vec![0; 2 * open.len() + PING.len()];
    client.read_exact(&mut received).await.unwrap();
    assert_eq!(received, [&open, PING, &open].concat());
}

//! Clients that send more than they may: what they send is read later, and none of it is lost.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use axum::body::Body;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use super::*;
use crate::engine::limits::Limits;
use crate::engine::rate::{Buckets, Rate};
use crate::socketio::client_address::ClientAddress;
use crate::socketio::transport::admission::Admissions;
use crate::socketio::transport::body::PacedBody;
use crate::socketio::transport::client_frames::PONG;

fn rate(per_second: u32, burst: u32) -> Option<Rate> {
    let limits =
        Limits { max_events_per_second: per_second, event_burst: burst, ..Limits::default() };
    limits.event_rate()
}

fn rated(link: Link) -> (LinkedStream, Arc<Link>, DuplexStream) {
    let (server, client) = duplex(64 * 1024);
    let (link, open) = (Arc::new(link), TaskTracker::new().token());
    link.namespaces.joined(b"/");
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

/// A text message of a client with the mask 0.
fn frame(text: &[u8]) -> Vec<u8> {
    [&[0x81, 0x80 | text.len() as u8, 0, 0, 0, 0], text].concat()
}

async fn next(stream: &mut LinkedStream) -> Vec<u8> {
    let mut header = [0; 6];
    stream.read_exact(&mut header).await.unwrap();
    let mut text = vec![0; usize::from(header[1] & 0x7f)];
    stream.read_exact(&mut text).await.unwrap();
    text
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_read_at_its_rate_in_order() {
    let (mut stream, _, mut client) = rated(Link::default().with_rate(rate(10, 5)));
    for number in 0..25u8 {
        client.write_all(&frame(&[number; 100])).await.unwrap();
    }
    let started = Instant::now();
    for number in 0..25u8 {
        assert_eq!(next(&mut stream).await, [number; 100]);
    }
    // Five at once, and one that brings it over the limit; the others wait for one tenth of a second each.
    assert_eq!(started.elapsed().as_millis() / 100, 19);
}

#[tokio::test(start_paused = true)]
async fn a_client_within_its_rate_never_waits() {
    let (mut stream, _, mut client) = rated(Link::default().with_rate(rate(10, 5)));
    for _ in 0..100 {
        client.write_all(&frame(b"42[\"e\"]")).await.unwrap();
        let started = Instant::now();
        next(&mut stream).await;
        assert!(started.elapsed().is_zero());
        tokio::time::advance(Duration::from_millis(100)).await;
    }
}

/// Its pong would lie behind what is not read, for longer than Engine.IO waits.
#[tokio::test(start_paused = true)]
async fn a_client_that_is_not_read_from_counts_as_alive() {
    let (mut stream, link, mut client) = connect(1024);
    client.write_all(&frame(b"first")).await.unwrap();
    assert_eq!(next(&mut stream).await, b"first");
    let (begun, rest) = (frame(b"second"), frame(b"third"));
    client.write_all(&begun[..8]).await.unwrap();
    let mut part = [0; 8];
    stream.read_exact(&mut part).await.unwrap();
    assert_eq!(part, begun[..8]);

    let much = InFlight::new(&link, 1024 * 1024);
    assert!(timeout(PATIENCE, stream.read_u8()).await.is_err(), "nothing comes into a message");
    client.write_all(&[&begun[8..], &rest[..]].concat()).await.unwrap();
    let mut part = vec![0; begun.len() - 8];
    stream.read_exact(&mut part).await.unwrap();
    assert_eq!(part, begun[8..]);
    for _ in 0..5 {
        let started = Instant::now();
        let mut pong = PONG;
        pong.fill(0);
        stream.read_exact(&mut pong).await.unwrap();
        assert_eq!(pong, PONG);
        assert!(started.elapsed() < PATIENCE / 10, "often enough");
    }
    drop(much);
    assert_eq!(next(&mut stream).await, b"third");
}

/// Wakes this task as another one would.
async fn step() {
    let mut woken = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut woken, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A message of somebody else takes some steps, as a message of a chat does. Each of them comes after what is ready.
#[tokio::test(start_paused = true)]
async fn a_flood_from_one_address_is_not_handled_before_the_message_of_another() {
    const CONNECTIONS: usize = 500;
    const MESSAGES: usize = 50;
    const STEPS: usize = 4;
    let admissions = Arc::new(Admissions::new(&Limits::default()));
    let handled = Arc::new(AtomicUsize::new(0));
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let address = Some(ClientAddress([192, 0, 2, 1].into()));
        let link = Link::default().admitted(admissions.admit(address).unwrap(), None);
        let (mut stream, _, mut client) = rated(link);
        client.write_all(&frame(b"3").repeat(MESSAGES)).await.unwrap();
        clients.push(client);
        let handled = Arc::clone(&handled);
        tokio::spawn(async move {
            for _ in 0..MESSAGES {
                next(&mut stream).await;
                handled.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let message = tokio::spawn(async move {
        for _ in 0..STEPS {
            let before = handled.load(Ordering::Relaxed);
            step().await;
            let meanwhile = handled.load(Ordering::Relaxed) - before;
            assert!(meanwhile <= 256, "{meanwhile}");
        }
        while handled.load(Ordering::Relaxed) < CONNECTIONS * MESSAGES {
            step().await;
        }
    });
    message.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn connections_of_a_user_count_together() {
    let users = Buckets::new(rate(10, 10).unwrap());
    let owner = chat_store::OwnerKey([1; 32]);
    let mut streams: Vec<_> = (0..2)
        .map(|_| {
            let (stream, link, client) = rated(Link::default().with_rate(rate(10, 10)));
            link.incoming.share(users.of(&owner));
            (stream, client)
        })
        .collect();
    let started = Instant::now();
    for (stream, client) in &mut streams {
        for _ in 0..10 {
            client.write_all(&frame(&[0; 100])).await.unwrap();
            next(stream).await;
        }
    }
    assert!(started.elapsed() > Duration::from_millis(800), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_post_waits_and_its_packets_come_at_their_rate() {
    let link = Arc::new(Link::default().with_rate(rate(10, 5)));
    let started = Instant::now();
    let poll = link.begin_poll();
    for _ in 0..2 {
        let sent: Vec<_> = (0..10).map(|number| format!("42[{number}]")).collect();
        let mut body =
            PacedBody::new(Body::from(sent.join("\x1e")), &link, Duration::from_millis(1600));
        let (mut got, mut pongs) = (String::new(), 0);
        while let Some(frame) = body.frame().await {
            match &*frame.unwrap().into_data().unwrap() {
                b"3\x1e" => pongs += 1,
                packet => got.push_str(str::from_utf8(packet).unwrap()),
            }
        }
        assert_eq!(got.split('\x1e').collect::<Vec<_>>(), sent);
        assert!(pongs > 0, "it counts as alive meanwhile");
    }
    // The last one does not hold up the answer to its POST, but what comes after it.
    assert!(started.elapsed() >= Duration::from_millis(1300), "{:?}", started.elapsed());
    poll.end();
}

/// Otherwise a POST that waits for answers to be polled would keep the session of a client that never polls.
#[tokio::test(start_paused = true)]
async fn a_post_that_waits_is_no_sign_of_life_of_a_client_that_does_not_poll() {
    let link = Arc::new(Link::default());
    let _much = InFlight::new(&link, 1024 * 1024);
    let mut body = PacedBody::new(Body::from("42[1]"), &link, PATIENCE);
    assert!(timeout(10 * PATIENCE, body.frame()).await.is_err());
    link.begin_poll().end();
    let pong = timeout(PATIENCE, body.frame()).await.expect("it has polled").unwrap().unwrap();
    assert_eq!(pong.into_data().unwrap(), "3\x1e");
    assert!(timeout(10 * PATIENCE, body.frame()).await.is_err(), "it counts once");
}

#[tokio::test]
async fn a_closed_link_ends_a_post() {
    let link = Arc::new(Link::default());
    let _much = InFlight::new(&link, 1024 * 1024);
    let body = PacedBody::new(Body::from("42[1]"), &link, PATIENCE);
    let read = tokio::spawn(body.collect());
    link.close(Farewell::Stopping);
    assert!(read.await.unwrap().is_err());
}

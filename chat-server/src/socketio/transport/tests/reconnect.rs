//! CONNECTs that socketioxide ignores are shown to it again.

use std::sync::Mutex;

use axum::body::Body;
use http_body_util::BodyExt;
use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::socketio::transport::oversize::ShrunkBody;

const CONNECT: &str = "40/admin,{\"token\":\"new\"}";

/// Longer than any of them is repeated.
const LONG: Duration = Duration::from_secs(100);

async fn send(client: &mut DuplexStream, packet: &str) {
    let frame = [&[0x81, 0x80 | packet.len() as u8, 0, 0, 0, 0], packet.as_bytes()].concat();
    client.write_all(&frame).await.unwrap();
}

/// The next packet that Engine.IO gets, if there is one in this time.
async fn next(stream: &mut LinkedStream, within: Duration) -> Option<String> {
    let packet = async {
        let mut header = [0; 6];
        stream.read_exact(&mut header).await.unwrap();
        let mut text = vec![0; usize::from(header[1] & 0x7f)];
        stream.read_exact(&mut text).await.unwrap();
        String::from_utf8(text).unwrap()
    };
    timeout(within, packet).await.ok()
}

async fn answer(stream: &mut LinkedStream, packet: &str) {
    stream.write_all(&text_frame(&[packet.as_bytes()])).await.unwrap();
    stream.flush().await.unwrap();
}

/// A client that was connected, or refused, and connects again.
async fn connects_again(told: &[&str], says: &[&str]) -> (LinkedStream, Arc<Link>, DuplexStream) {
    let (mut stream, link, mut client) = connect(1000);
    link.stage.end_probe(true);
    send(&mut client, "40/admin,{}").await;
    assert_eq!(next(&mut stream, LONG).await.unwrap(), "40/admin,{}");
    for packet in told {
        answer(&mut stream, packet).await;
    }
    for packet in says {
        send(&mut client, packet).await;
        assert_eq!(next(&mut stream, LONG).await.as_deref(), Some(*packet));
    }
    (stream, link, client)
}

#[tokio::test(start_paused = true)]
async fn a_connect_that_nothing_happens_after_is_shown_again_until_it_is_answered() {
    const REPLY: &str = "40/admin,{\"sid\":\"x\"}";
    const REFUSAL: &str = "44/admin,{\"message\":\"no\"}";
    for (told, says) in [
        (&[REPLY][..], &["41/admin,", CONNECT][..]),
        (&[REPLY, "41/admin,"], &[CONNECT]),
        (&[REFUSAL], &[CONNECT]),
    ] {
        for answered in [REPLY, REFUSAL] {
            let (mut stream, _, _client) = connects_again(told, says).await;
            for most in [1100, 1100, 2100, 4100] {
                let again = next(&mut stream, Duration::from_millis(most)).await;
                assert_eq!(again.as_deref(), Some(CONNECT), "{told:?}");
            }
            answer(&mut stream, answered).await;
            assert_eq!(next(&mut stream, LONG).await, None, "{answered}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_connect_is_not_repeated_for_ever_nor_when_it_cannot_have_been_ignored() {
    let (mut stream, link, mut client) = connects_again(&[], &[]).await;
    assert_eq!(next(&mut stream, LONG).await, None, "it is the first one");
    answer(&mut stream, "40/admin,{\"sid\":\"x\"}").await;
    send(&mut client, CONNECT).await;
    assert_eq!(next(&mut stream, LONG).await.as_deref(), Some(CONNECT));
    assert_eq!(next(&mut stream, LONG).await, None, "the client is connected");

    answer(&mut stream, "41/admin,").await;
    send(&mut client, CONNECT).await;
    let (began, mut times) = (Instant::now(), 0);
    while next(&mut stream, LONG).await.is_some() {
        times += 1;
        assert!(began.elapsed() < Duration::from_secs(40));
    }
    assert_eq!(times, 7);

    answer(&mut stream, "41/admin,").await;
    answer(&mut stream, "44/admin,{\"message\":\"no\"}").await;
    send(&mut client, CONNECT).await;
    assert!(next(&mut stream, LONG).await.is_some());
    link.namespaces.public_id("/admin");
    assert_eq!(next(&mut stream, LONG).await, None, "it is being handled");
}

#[tokio::test(start_paused = true)]
async fn a_connect_is_not_repeated_while_its_answer_may_be_on_its_way() {
    let (mut stream, link, mut client) =
        connects_again(&["44/admin,{\"message\":\"no\"}"], &[CONNECT]).await;
    let much = text_frame(&[&[b'x'; 2000]]);
    let mut stalled = task::spawn(async { stream.write_all(&much).await });
    assert_pending!(stalled.poll());
    assert!(link.outgoing.is_stalled());
    sleep(Duration::from_secs(3)).await;
    let mut received = vec![0; much.len()];
    let (read, written) = tokio::join!(client.read_exact(&mut received), stalled);
    read.unwrap();
    written.unwrap();
    assert!(!link.outgoing.is_stalled());
    assert_eq!(next(&mut stream, Duration::from_millis(400)).await, None);
    assert_eq!(next(&mut stream, Duration::from_secs(2)).await.as_deref(), Some(CONNECT));
}

#[tokio::test(start_paused = true)]
async fn a_polled_client_is_connected_again_too() {
    let link = Arc::new(Link::default());
    let posted: Arc<Mutex<Vec<String>>> = Arc::default();
    let posts = Arc::clone(&posted);
    link.on_packet(move |packet| {
        posts.lock().unwrap().push(String::from_utf8(packet).unwrap());
    });
    link.namespaces.joined(b"/admin");
    let budget = Arc::new(Budget::new("tests", 1_000_000));
    let sent = format!("41/admin,\x1e{CONNECT}");
    let body = ShrunkBody::new(Body::from(sent), 100_000, budget, Arc::clone(&link));
    body.collect().await.unwrap();
    let poll = link.begin_poll();
    sleep(Duration::from_millis(1100)).await;
    assert_eq!(*posted.lock().unwrap(), [CONNECT]);
    poll.end();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(posted.lock().unwrap().len(), 1, "its answer may be on its way");
    let poll = link.begin_poll();
    sleep(Duration::from_secs(2)).await;
    assert_eq!(*posted.lock().unwrap(), [CONNECT; 2]);
    poll.end();
}

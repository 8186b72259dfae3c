//! Clients that read nothing, from several addresses: all of them together cost what there is room for.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use crate::client::PATIENCE;
use crate::server::Server;

/// A websocket from this address, whose buffer for what it has not read is small.
async fn websocket(server: &Server, address: u8) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.bind(([127, 0, 0, address], 0).into()).unwrap();
    let mut stream = socket.connect(server.address.parse().unwrap()).await.unwrap();
    let request = format!(
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        server.address
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// A text message, with a mask of zeros.
fn text(message: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match message.len() {
        short @ ..126 => frame.push(0x80 | short as u8),
        long @ ..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend((long as u16).to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(message.as_bytes());
    frame
}

/// Reads until this has come.
async fn read_until(stream: &mut TcpStream, what: &str) {
    let (mut read, mut part) = (Vec::new(), [0; 65_536]);
    while !read.windows(what.len()).any(|window| window == what.as_bytes()) {
        // What was read before its beginning is of no use.
        read.drain(..read.len().saturating_sub(what.len()));
        let count = timeout(PATIENCE, stream.read(&mut part)).await.expect(what).unwrap();
        assert!(count > 0, "the connection ended before {what}");
        read.extend_from_slice(&part[..count]);
    }
}

/// What the program has held at the most, in MiB.
fn peak(server: &Server) -> u64 {
    let status = format!("/proc/{}/status", server.process.id().unwrap());
    let status = std::fs::read_to_string(status).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs addresses beside 127.0.0.1, and /proc")]
async fn replays_that_nobody_reads_have_a_bound_and_others_are_served() {
    let server = Server::start(&[]).await;
    let mut writer = websocket(&server, 1).await;
    writer.write_all(&text("40")).await.unwrap();
    read_until(&mut writer, "40{").await;
    // Each byte takes six in JSON.
    let long = "\\u0001".repeat(65_000);
    for number in 0..12 {
        writer.write_all(&text(&format!("42{number}[\"chat message\",\"{long}\"]"))).await.unwrap();
        read_until(&mut writer, &format!("43{number}[")).await;
    }
    let before = peak(&server);

    let mut deaf = Vec::new();
    for address in 2..14 {
        for _ in 0..120 {
            let mut stream = websocket(&server, address).await;
            stream.write_all(&text("40{\"serverOffset\":0}")).await.unwrap();
            deaf.push(stream);
        }
    }
    let began = Instant::now();
    let mut number = 100;
    while began.elapsed() < Duration::from_secs(10) {
        number += 1;
        let asked = Instant::now();
        writer.write_all(&text(&format!("42{number}[\"chat message\",\"hi\"]"))).await.unwrap();
        read_until(&mut writer, &format!("43{number}[")).await;
        assert!(asked.elapsed() < Duration::from_secs(5), "whoever reads is served");
        sleep(Duration::from_millis(200)).await;
    }
    let grown = peak(&server) - before;
    println!("{} clients that read nothing: {grown} MiB", deaf.len());
    // Without a bound, 800 KB for each: 1,130 MiB. The bound is 256 MiB; the rest is what is read for those who come
    // meanwhile, and what the allocator has not given back of those who have gone.
    assert!(grown < 560, "{grown} MiB");
    let lines = server.logged("no more room for what clients do not read");
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains(" client.address=127.0.0."), "{lines:?}");
}

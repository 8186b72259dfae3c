//! Bots without tokio and a real server, over connections that are cut.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{Read, Write, copy};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread;

use bot::{Event, run};
use chat_core::RefusalCode;
use chat_core::client::{Received, Session};
use chat_core::event::{ChatMessage, Delivery, Handshake};
use chat_server::Chat;
use chat_store::MemoryStore;
use tokio::runtime::Runtime;

/// A server, until the runtime is dropped.
fn server() -> (Runtime, SocketAddr) {
    let runtime = Runtime::new().unwrap();
    let address = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let chat = Chat::builder(Arc::new(MemoryStore::new())).start().await.unwrap();
        tokio::spawn(async move { chat.serve(listener, std::future::pending()).await });
        address
    });
    (runtime, address)
}

/// Passes connections on, and cuts the first twenty after some bytes, wherever in a frame that is.
fn proxy(server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for (number, client) in listener.incoming().enumerate() {
            let (client, server) = (client.unwrap(), TcpStream::connect(server).unwrap());
            let (from_client, to_server) =
                (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || pass(from_client, to_server, u64::MAX));
            let budget = if number < 20 { 700 + number as u64 * 977 % 3000 } else { u64::MAX };
            thread::spawn(move || pass(server, client, budget));
        }
    });
    address
}

fn pass(from: TcpStream, mut to: TcpStream, budget: u64) {
    // The clones at the other thread end as well.
    copy(&mut Read::by_ref(&mut &from).take(budget), &mut to).ok();
    to.flush().ok();
    from.shutdown(Shutdown::Both).ok();
    to.shutdown(Shutdown::Both).ok();
}

#[test]
fn everything_is_stored_and_arrives_once_and_in_order() {
    let (_runtime, server) = server();
    let expected: Vec<String> = (0..300).map(|number: u32| number.to_string()).collect();
    let mut sender = Session::new(Handshake::default(), "sender").unwrap();
    for text in &expected {
        sender.send(ChatMessage::new(text.parse().unwrap()));
    }
    let through = proxy(server);
    let sending = thread::spawn(move || {
        run(through, &mut sender, |session, event| {
            if let Event::Answered(answered) = event {
                answered.result.unwrap();
            }
            if session.unanswered() == 0 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
    });
    let mut listener = Session::new(Handshake::default(), "listener").unwrap();
    let mut heard = Vec::new();
    let hear = |_: &mut Session, event| {
        if let Event::Received(Received::Text(Delivery(content, ..))) = event {
            heard.push(content.as_str().to_owned());
        }
        if heard.len() == 300 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    run(proxy(server), &mut listener, hear).unwrap();
    sending.join().unwrap().unwrap();
    assert_eq!(heard, expected);
}

#[test]
fn a_bot_that_may_not_connect_ends() {
    let (_runtime, server) = server();
    let handshake = Handshake::default().with_nickname("no\u{200b}name\u{7}");
    let mut session = Session::new(handshake, "run").unwrap();
    let refusal = run(server, &mut session, |_, _| ControlFlow::Continue(())).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::InvalidNickname);
}

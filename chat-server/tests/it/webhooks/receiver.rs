use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chat_core::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::service::free_ports;

/// Longer than the longest pause of a webhook.
const PATIENCE: Duration = Duration::from_secs(40);

/// What a receiver does with a request, instead of taking it.
pub(super) enum Reaction {
    /// Answers with this status and these headers.
    Refuse(u16, &'static str),
    /// Never answers.
    Hang,
    /// Closes the connection without an answer.
    Break,
    /// Takes it with an answer that never ends.
    Flood,
}

/// An HTTP server that records what it gets.
pub(super) struct Receiver {
    pub(super) address: String,
    shared: Arc<Shared>,
    tls: Option<TlsAcceptor>,
    /// Ends with it, and all its connections.
    _connections: JoinSet<()>,
}

struct Shared {
    /// All requests, whatever became of them.
    asked: watch::Sender<Vec<Delivered>>,
    reactions: Mutex<VecDeque<Reaction>>,
    /// The number of connections that have ended before a request, for their TLS.
    refused: watch::Sender<usize>,
}

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Delivered {
    pub(super) head: String,
    pub(super) body: String,
    /// Whether it was answered with 2xx.
    pub(super) is_taken: bool,
    /// The number of the connection, the first is 0.
    pub(super) connection: usize,
}

impl Receiver {
    pub(super) async fn start(reactions: impl IntoIterator<Item = Reaction>) -> Self {
        Self::start_with(None, reactions).await
    }

    pub(super) async fn start_with(
        tls: Option<TlsAcceptor>,
        reactions: impl IntoIterator<Item = Reaction>,
    ) -> Self {
        let reactions = Mutex::new(reactions.into_iter().collect());
        let (asked, refused) = (watch::Sender::default(), watch::Sender::default());
        let shared = Arc::new(Shared { asked, reactions, refused });
        Self::listen(&format!("127.0.0.1:{}", free_ports(1)[0]), shared, tls).await
    }

    /// Ends as a process that is killed does, and starts again at the same address.
    pub(super) async fn restart(self) -> Self {
        let Self { address, shared, tls, mut _connections } = self;
        _connections.shutdown().await;
        Self::listen(&address, shared, tls).await
    }

    async fn listen(address: &str, shared: Arc<Shared>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut connections = JoinSet::new();
        connections.spawn({
            let (shared, tls) = (Arc::clone(&shared), tls.clone());
            async move {
                let mut open = JoinSet::new();
                for number in 0.. {
                    let (stream, _) = listener.accept().await.unwrap();
                    let (shared, tls) = (Arc::clone(&shared), tls.clone());
                    open.spawn(async move {
                        match tls {
                            None => shared.serve(stream, number).await,
                            Some(tls) => match tls.accept(stream).await {
                                Ok(stream) => shared.serve(stream, number).await,
                                Err(_) => shared.refused.send_modify(|refused| *refused += 1),
                            },
                        }
                    });
                }
            }
        });
        Self { address, shared, tls, _connections: connections }
    }

    /// Where it listens, with a path that is secret.
    pub(super) fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}/hook?key=secret-path", self.address)
    }

    /// Reacts so to a later request.
    pub(super) fn reacts(&self, reaction: Reaction) {
        self.shared.reactions.lock().unwrap().push_back(reaction);
    }

    /// All requests of a time when these are enough.
    pub(super) async fn until(&self, is_enough: impl Fn(&[Delivered]) -> bool) -> Vec<Delivered> {
        let mut asked = self.shared.asked.subscribe();
        let waited = timeout(PATIENCE, asked.wait_for(|asked| is_enough(asked))).await;
        match waited {
            Ok(asked) => asked.unwrap().clone(),
            Err(_) => panic!("not enough: {:?}", self.shared.asked.borrow()),
        }
    }

    /// Waits until so many connections have ended before a request, for their TLS.
    pub(super) async fn refuses(&self, count: usize) {
        let mut refused = self.shared.refused.subscribe();
        let waited = timeout(PATIENCE, refused.wait_for(|refused| *refused >= count)).await;
        waited.expect("as many").unwrap();
    }

    /// Those of its requests that it has taken, when they are enough.
    pub(super) async fn takes(&self, is_enough: impl Fn(&[Delivered]) -> bool) -> Vec<Delivered> {
        let taken = |asked: &[Delivered]| -> Vec<Delivered> {
            asked.iter().filter(|request| request.is_taken).cloned().collect()
        };
        taken(&self.until(|asked| is_enough(&taken(asked))).await)
    }
}

impl Shared {
    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin, connection: usize) {
        while let Some((head, body)) = request(&mut stream).await {
            let reaction = self.reactions.lock().unwrap().pop_front();
            let is_taken = matches!(reaction, None | Some(Reaction::Flood));
            let delivered = Delivered { head, body, is_taken, connection };
            self.asked.send_modify(|asked| asked.push(delivered));
            let answer = match reaction {
                None => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
                Some(Reaction::Refuse(status, headers)) => {
                    format!("HTTP/1.1 {status} No\r\n{headers}content-length: 2\r\n\r\nno")
                }
                Some(Reaction::Hang) => return std::future::pending().await,
                Some(Reaction::Break) => return,
                Some(Reaction::Flood) => {
                    let head = "HTTP/1.1 200 OK\r\ncontent-length: 999999999\r\n\r\n";
                    let _ = stream.write_all(head.as_bytes()).await;
                    while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
                    return;
                }
            };
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

/// Reads the head and the body of a request; none at the end of the connection.
async fn request(stream: &mut (impl AsyncRead + Unpin)) -> Option<(String, String)> {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length: usize = header(head, "content-length").unwrap().parse().unwrap();
            if body.len() >= length {
                return Some((head.to_owned(), body.to_owned()));
            }
        }
        let mut bytes = [0; 4096];
        match stream.read(&mut bytes).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => read.extend(&bytes[..count]),
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

impl Delivered {
    pub(super) fn header(&self, name: &str) -> &str {
        header(&self.head, name).unwrap_or_else(|| panic!("{name} in {}", self.head))
    }

    pub(super) fn messages(&self) -> Vec<Value> {
        let body: Value = serde_json::from_str(&self.body).unwrap();
        body["messages"].as_array().unwrap().clone()
    }

    /// Checks that it is signed with this key, as the specification of Standard Webhooks says, and now.
    pub(super) fn is_signed_with(&self, keys: &[[u8; 24]]) {
        let [id, timestamp, signatures] =
            ["id", "timestamp", "signature"].map(|name| self.header(&format!("webhook-{name}")));
        let now = Timestamp::now().as_millis() / 1000;
        let at: i64 = timestamp.parse().unwrap();
        assert!((now - 60..=now).contains(&at), "{at} is not now: {now}");
        let signed = format!("{id}.{timestamp}.{}", self.body);
        let expected = keys.iter().map(|key| {
            let mac = hmac_sha256(key, signed.as_bytes());
            format!("v1,{}", BASE64_STANDARD.encode(mac))
        });
        assert_eq!(signatures, expected.collect::<Vec<_>>().join(" "));
    }
}

/// HMAC as in RFC 2104, for keys that are shorter than a block.
fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let padded = |pad: u8| -> Vec<u8> {
        let key = key.iter().copied().chain(std::iter::repeat(0));
        key.take(64).map(|byte| byte ^ pad).collect()
    };
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().into()
}

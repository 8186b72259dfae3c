use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::http::{Http, status};
use crate::client::PATIENCE;

/// A stream of server-sent events, as a client reads it.
pub(super) struct Events {
    stream: TcpStream,
    /// What has come of the body and is not decoded yet.
    encoded: Vec<u8>,
    /// What is decoded and has not been returned yet.
    text: String,
    /// The id of the last block that had one, with which the client resumes.
    pub(super) last_id: String,
}

/// An event that clients hear.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) data: Value,
}

impl Events {
    /// Opens a stream.
    pub(super) async fn open(http: &Http, path: &str) -> Self {
        Self::of(http.open("GET", path, None, "keep-alive").await).await
    }

    /// Begins to read what a connection gets that has asked for a stream.
    pub(super) async fn of(mut stream: TcpStream) -> Self {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let byte = timeout(PATIENCE, stream.read_u8()).await.expect("a head").unwrap();
            head.push(byte);
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        assert_eq!(status(&head), 200, "{head}");
        assert!(head.contains("content-type: text/event-stream"), "{head}");
        let (encoded, text, last_id) = (Vec::new(), String::new(), String::new());
        Self { stream, encoded, text, last_id }
    }

    /// Goes on after a stream.
    pub(super) async fn resume(http: &Http, path: &str, last_id: &str) -> Self {
        let mut resumed = Self::open(&http.with("last-event-id", last_id), path).await;
        resumed.last_id = last_id.to_owned();
        resumed
    }

    /// The next event.
    pub(super) async fn next(&mut self) -> Heard {
        timeout(PATIENCE, self.try_next()).await.expect("an event").expect("no end")
    }

    /// The next event, however long it takes; none at the end.
    pub(super) async fn try_next(&mut self) -> Option<Heard> {
        loop {
            let block = self.block().await?;
            let field = |name: &str| {
                let value =
                    block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                value.map(ToOwned::to_owned)
            };
            self.last_id = field("id").unwrap_or(std::mem::take(&mut self.last_id));
            if let Some(data) = field("data") {
                let (id, name) = (self.last_id.clone(), field("event").expect("a name"));
                return Some(Heard { id, name, data: serde_json::from_str(&data).unwrap() });
            }
        }
    }

    /// The next block of lines, which may be a heartbeat; none at the end.
    pub(super) async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            while !self.decode() {
                if self.encoded.starts_with(b"0\r\n") {
                    return None;
                }
                if self.stream.read_buf(&mut self.encoded).await.unwrap_or(0) == 0 {
                    return None;
                }
            }
        }
    }

    /// Decodes one chunk of the body, if it is whole.
    fn decode(&mut self) -> bool {
        let Some(end) = self.encoded.windows(2).position(|pair| pair == b"\r\n") else {
            return false;
        };
        let size = str::from_utf8(&self.encoded[..end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if self.encoded.len() < end + 2 + size + 2 || size == 0 {
            return false;
        }
        let chunk = self.encoded[end + 2..end + 2 + size].to_vec();
        self.text += &String::from_utf8(chunk).unwrap();
        self.encoded.drain(..end + 2 + size + 2);
        true
    }
}

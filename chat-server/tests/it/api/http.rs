use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::PATIENCE;

/// Plain requests to the API of a node, with a token.
#[derive(Clone)]
pub(super) struct Http {
    pub(super) address: String,
    /// The headers of each request.
    headers: String,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    head: String,
    pub(super) body: String,
}

impl Http {
    pub(super) fn new(address: &str, secret: &str) -> Self {
        Self::without_token(address).with("authorization", &format!("Bearer {secret}"))
    }

    pub(super) fn without_token(address: &str) -> Self {
        Self { address: address.to_owned(), headers: String::new() }
    }

    /// The same with one more header.
    pub(super) fn with(&self, name: &str, value: &str) -> Self {
        Self {
            address: self.address.clone(),
            headers: format!("{}{name}: {value}\r\n", self.headers),
        }
    }

    pub(super) async fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, None).await
    }

    pub(super) async fn delete(&self, path: &str) -> Reply {
        self.ask("DELETE", path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.with("content-type", "application/json")
            .ask("POST", path, Some(&body.to_string()))
            .await
    }

    pub(super) async fn ask(&self, method: &str, path: &str, body: Option<&str>) -> Reply {
        let mut stream = self.open(method, path, body, "close").await;
        let mut answer = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an answer").unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        Reply { status: status(head), head: head.to_lowercase(), body: body.to_owned() }
    }

    /// Sends a request, and returns the connection.
    pub(super) async fn open(
        &self,
        method: &str,
        path: &str,
        body: Option<&str>,
        connection: &str,
    ) -> TcpStream {
        let Self { address, headers } = self;
        let mut stream = TcpStream::connect(address).await.unwrap();
        let length =
            body.map_or_else(String::new, |body| format!("content-length: {}\r\n", body.len()));
        let head = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nhost: {address}\r\nconnection: {connection}\r\n{headers}{length}\r\n"
        );
        // A server that refuses may not read the body.
        let _ = stream.write_all(format!("{head}{}", body.unwrap_or_default()).as_bytes()).await;
        stream
    }
}

impl Reply {
    pub(super) fn json(&self) -> Value {
        assert_eq!(self.header("content-type").as_deref(), Some("application/json"), "{self:?}");
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The JSON of an answer with this status.
    pub(super) fn with_status(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.json()
    }

    /// Checks that it is a refusal of this kind.
    pub(super) fn is_refused(&self, status: u16, code: &str) {
        let error = self.with_status(status);
        assert_eq!(error["code"], code, "{self:?}");
        assert!(!error["message"].as_str().unwrap().is_empty());
    }

    pub(super) fn header(&self, name: &str) -> Option<String> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(other, _)| *other == name).map(|(_, value)| value.to_owned()).next()
    }
}

/// The status in the head of an answer.
pub(super) fn status(head: &str) -> u16 {
    head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}

//! As much HTTP as is needed: one request on each connection.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The body of the answer, or its status when that is not 200.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Result<String, u16> {
    request(address, "GET", path, "").await
}

pub(crate) async fn post(address: SocketAddr, path: &str, body: &str) -> Result<String, u16> {
    request(address, "POST", path, body).await
}

async fn request(address: SocketAddr, method: &str, path: &str, body: &str) -> Result<String, u16> {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-type: text/plain;charset=UTF-8\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = timeout(Duration::from_secs(20), exchange).await.expect("an answer").unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).expect("a status").parse().unwrap();
    if status == 200 { Ok(body.to_owned()) } else { Err(status) }
}

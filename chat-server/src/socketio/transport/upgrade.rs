use std::io::{self, ErrorKind};
use std::time::Duration;

use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tungstenite::handshake::derive_accept_key;

use super::Link;

/// How long a client may take to move a polled connection to a websocket. Until then, and if it fails, the connection
/// is polled as before.
pub(super) const UPGRADE_PATIENCE: Duration = Duration::from_secs(10);

/// What a client sends on a websocket that it wants to move to, and the answer; see the
/// [protocol](https://github.com/socketio/engine.io-protocol#upgrade).
const PROBE: &[u8] = b"2probe";
const PROBED: &[u8] = b"3probe";
const UPGRADED: &[u8] = b"5";

/// What the client has sent once its connection has moved, for Engine.IO, from which the move is hidden until then:
/// `2probe` and `5`, with a mask of zeros.
pub(super) const SENT: &[u8] = b"\x81\x86\x00\x00\x00\x002probe\x81\x81\x00\x00\x00\x005";

/// Engine.IO's answer to the first of these, which the client already has.
pub(super) const ANSWERED: &[u8] = b"\x81\x063probe";

const FIN_TEXT: u8 = 0x81;
const FIN_PING: u8 = 0x89;
const FIN_PONG: u8 = 0x8a;
const MASKED: u8 = 0x80;

/// The maximum payload of a frame whose length is in the second byte. All frames expected here are shorter.
const SHORT: u8 = 125;

/// Returns the answer to a websocket handshake; none if the handshake is not valid.
pub(super) fn accept<B>(request: &Request<B>) -> Option<Response<axum::body::Body>> {
    let headers = request.headers();
    let valid = request.method() == Method::GET
        && headers.get(UPGRADE)?.as_bytes().eq_ignore_ascii_case(b"websocket")
        && headers.get(SEC_WEBSOCKET_VERSION)?.as_bytes() == b"13";
    if !valid {
        return None;
    }
    let accept = derive_accept_key(headers.get(SEC_WEBSOCKET_KEY)?.as_bytes());
    let mut response = Response::new(axum::body::Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, HeaderValue::try_from(accept).ok()?);
    if let Some(protocol) = subprotocol(request) {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    Some(response)
}

/// Returns the subprotocol to answer with if the client offers some: the first one, as the Node.js server does. A
/// browser closes a websocket whose answer has none of those that it has offered.
fn subprotocol<B>(request: &Request<B>) -> Option<HeaderValue> {
    let offered = request.headers().get(SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    let first = offered.split(',').map(str::trim).find(|protocol| !protocol.is_empty())?;
    HeaderValue::from_str(first).ok()
}

/// Lets a polled client prove that a websocket works, and move to it. Reads not a byte more.
///
/// # Errors
/// The websocket does not work or the client does not want it. The connection is polled as before.
pub(super) async fn probe(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    link: &Link,
) -> io::Result<()> {
    expect(PROBE, stream).await?;
    write_frame(FIN_TEXT, PROBED, stream).await?;
    // The client waits for the end of its poll now.
    link.stage.probed();
    expect(UPGRADED, stream).await
}

/// Reads a text message, which must be this one. Answers pings before it.
async fn expect(
    message: &[u8],
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
) -> io::Result<()> {
    loop {
        let [first, second] = read(stream).await?;
        let length = second & !MASKED;
        if second & MASKED == 0 || length > SHORT {
            return Err(ErrorKind::InvalidData.into());
        }
        let mask: [u8; 4] = read(stream).await?;
        let mut payload = [0; SHORT as usize];
        let payload = &mut payload[..usize::from(length)];
        stream.read_exact(payload).await?;
        payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        match first {
            FIN_TEXT if payload == message => return Ok(()),
            FIN_PING => write_frame(FIN_PONG, payload, stream).await?,
            FIN_PONG => {}
            _ => return Err(ErrorKind::InvalidData.into()),
        }
    }
}

async fn read<const N: usize>(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// Writes a frame with a short payload.
async fn write_frame(
    first: u8,
    payload: &[u8],
    stream: &mut (impl AsyncWrite + Unpin),
) -> io::Result<()> {
    let mut frame = vec![first, payload.len() as u8];
    frame.extend_from_slice(payload);
    stream.write_all(&frame).await?;
    stream.flush().await
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    /// A frame as a client sends it.
    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [7, 77, 177, 250];
        let mut frame = vec![first, MASKED | payload.len() as u8];
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    /// What becomes of the probe when a client sends all this, and what it is answered.
    async fn probed(sent: &[u8]) -> (io::Result<()>, Vec<u8>, Vec<u8>) {
        let (mut server, mut client) = duplex(4096);
        client.write_all(sent).await.unwrap();
        client.shutdown().await.unwrap();
        let result = probe(&mut server, &Link::default()).await;
        let mut rest = Vec::new();
        server.read_to_end(&mut rest).await.unwrap();
        drop(server);
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        (result, answer, rest)
    }

    #[tokio::test]
    async fn what_follows_the_upgrade_is_left_in_the_stream() {
        let sent = [masked(FIN_TEXT, b"2probe"), masked(FIN_TEXT, b"5"), b"more".to_vec()].concat();
        let (result, answer, rest) = probed(&sent).await;
        result.unwrap();
        assert_eq!((&*answer, &*rest), (ANSWERED, &b"more"[..]));
    }

    #[tokio::test]
    async fn what_engine_io_is_given_is_what_a_client_sends() {
        let (result, answer, _) = probed(SENT).await;
        result.unwrap();
        assert_eq!(answer, ANSWERED);
    }

    #[tokio::test]
    async fn pings_in_between_are_answered() {
        let sent = [masked(FIN_PING, b"?"), SENT.to_vec(), masked(FIN_PONG, b"")].concat();
        let (result, answer, _) = probed(&sent).await;
        result.unwrap();
        assert_eq!(answer, [&[FIN_PONG, 1, b'?'], ANSWERED].concat());
    }

    #[tokio::test]
    async fn anything_else_is_no_upgrade() {
        let probe = masked(FIN_TEXT, PROBE);
        for sent in [
            Vec::new(),
            probe.clone(),
            [probe.clone(), masked(FIN_TEXT, b"4x")].concat(),
            [probe.clone(), masked(0x88, b"")].concat(),
            masked(FIN_TEXT, b"5"),
            masked(0x01, PROBE),
            masked(0xc1, PROBE),
            // Not masked, and a length of another form.
            b"\x81\x062probe".to_vec(),
            b"\x81\xfe\x00\x06\x00\x00\x00\x002probe".to_vec(),
        ] {
            assert!(probed(&sent).await.0.is_err(), "{sent:?}");
        }
    }
}

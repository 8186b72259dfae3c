use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use chat_core::RoomId;
use http::Method;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value as Json;
use tokio::time::{sleep, timeout};

use super::api_client::{ApiClient, ApiRequest, TryAgain};
use super::show;

/// A stream that says nothing for this long, no heartbeat either, is broken.
const SILENCE: Duration = Duration::from_secs(90);

/// The pause before a broken stream goes on.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest event in bytes.
const MAX_EVENT: usize = 1024 * 1024;

/// Prints messages of rooms as they come. Goes on where it was when the connection breaks.
///
/// # Errors
/// When the server refuses, or the output has ended.
pub(super) async fn follow(
    client: &ApiClient,
    rooms: &[RoomId],
    after: Option<u64>,
    json: bool,
) -> anyhow::Result<()> {
    let mut last_id: Option<String> = None;
    let mut has_begun = false;
    loop {
        let mut request = ApiRequest::new(Method::GET, &["events"]).with_some("after", after);
        for room in rooms {
            request = request.with("room", room.as_str());
        }
        if let Some(id) = &last_id {
            request = request.with_header("last-event-id", id)?;
        }
        match client.send(&request).await {
            Ok(answer) => {
                has_begun = true;
                print_events(answer.into_body(), &mut last_id, json).await?;
                eprintln!("the stream has ended; going on");
            }
            Err(error) if has_begun && error.is::<TryAgain>() => {
                eprintln!("{error}; trying again");
            }
            Err(error) => return Err(error),
        }
        sleep(PAUSE).await;
    }
}

/// Prints the messages of a stream until it breaks, and notes how far it has come.
async fn print_events(
    mut body: Incoming,
    last_id: &mut Option<String>,
    json: bool,
) -> anyhow::Result<()> {
    let mut read = Vec::new();
    while let Ok(Some(Ok(frame))) = timeout(SILENCE, body.frame()).await {
        let Ok(data) = frame.into_data() else { continue };
        read.extend_from_slice(&data);
        while let Some(end) = read.windows(2).position(|pair| pair == b"\n\n") {
            let block: Vec<u8> = read.drain(..end + 2).collect();
            let (id, data) = fields(&String::from_utf8_lossy(&block));
            if let Some(data) = data {
                let message: Json = serde_json::from_str(&data).context("an event is no JSON")?;
                let mut output = std::io::stdout().lock();
                output.write_all(show::message(&message, json).as_bytes())?;
                output.flush()?;
            }
            // Only now: what was not printed comes again.
            *last_id = id.or(last_id.take());
        }
        if read.len() > MAX_EVENT {
            anyhow::bail!("the server sends an event without an end");
        }
    }
    Ok(())
}

/// Returns the id and the data of an event.
fn fields(block: &str) -> (Option<String>, Option<String>) {
    let field = |name: &str| {
        let value = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.map(|value| value.strip_prefix(' ').unwrap_or(value).to_owned())
    };
    (field("id"), field("data"))
}

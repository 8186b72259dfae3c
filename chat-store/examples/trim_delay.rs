//! How long messages wait while the beginning of the log is deleted.
//! `cargo run --release --example trim_delay -- URL [MESSAGES]`
//!
//! Fills an empty log, then appends one message at a time: first alone, then while everything before is deleted as a
//! server does it, in steps with pauses.
#![allow(missing_docs, reason = "a program, not a library")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chat_core::{NewMessage, RoomId, Timestamp};
use chat_store::{Store, Trim, Trimmed};
use tokio::time::sleep;

/// After each step, the pause is so many times as long as the step took.
const REST: u32 = 4;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or("give the URL of an empty store")?;
    let count: usize = arguments.next().as_deref().unwrap_or("200000").parse()?;
    let store = chat_store::open(&url).await?;
    let text = "x".repeat(200);
    for first in (0..count).step_by(1000) {
        let message = |number: usize| {
            let key = format!("key {number}").parse()?;
            let new = NewMessage::new(RoomId::general(), text.parse()?).with_client_offset(key);
            Ok::<_, chat_core::ParseError>(new)
        };
        let batch: Result<Vec<_>, _> = (first..count.min(first + 1000)).map(message).collect();
        store.append(&batch?).await?;
    }
    let upto = store.tail().await?;
    let second = async {
        sleep(Duration::from_secs(5)).await;
        Ok(0)
    };
    report("alone", &store, second).await?;
    for (what, keys) in [("while contents are removed", 0), ("while keys are", i64::MAX)] {
        let trim = Trim { upto, forget_keys_before: Timestamp::from_millis(keys) };
        report(what, &store, steps(&store, &trim)).await?;
    }
    store.close().await;
    Ok(())
}

/// Deletes, and returns how many steps that took.
async fn steps(store: &Arc<dyn Store>, trim: &Trim) -> Result<usize, Box<dyn Error>> {
    let mut steps = 1;
    loop {
        let began = Instant::now();
        if store.trim(trim).await? == Trimmed::All {
            return Ok(steps);
        }
        steps += 1;
        sleep(began.elapsed() * REST).await;
    }
}

/// Appends as long as something else goes on, and prints how long each append took.
async fn report(
    what: &str,
    store: &Arc<dyn Store>,
    meanwhile: impl Future<Output = Result<usize, Box<dyn Error>>>,
) -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    let mut times = Vec::new();
    let append = async {
        let batch = [NewMessage::new(RoomId::general(), "meanwhile".parse()?)];
        loop {
            let began = Instant::now();
            store.append(&batch).await?;
            times.push(began.elapsed());
        }
        #[expect(unreachable_code, reason = "it names the type of the result")]
        Ok::<(), Box<dyn Error>>(())
    };
    let steps = tokio::select! {
        steps = meanwhile => steps?,
        failed = append => return failed,
    };
    times.sort_unstable();
    let at = |part: f64| times.get((times.len() as f64 * part) as usize).or(times.last());
    let [half, most, worst] =
        [at(0.5), at(0.999), times.last()].map(|time| time.copied().unwrap_or_default());
    let (count, took) = (times.len(), began.elapsed());
    println!(
        "{what}: {count} appends in {took:.1?}, {steps} steps; half within {half:.1?}, 99.9 % within {most:.1?}, all within {worst:.1?}"
    );
    Ok(())
}

//! The beginning of a log that was deleted is gone from the files, which get smaller, and nobody waits for that.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chat_core::{NewMessage, Offset, Timestamp};
use chat_store::{Appended, MessageStore, SqliteStore, Trim, Trimmed};
use tokio::time::sleep;

use crate::deleted::{assert_soon_gone, files_with};
use crate::{new, read_all};

fn offset(number: u64) -> Offset {
    Offset::new(number).unwrap()
}

fn keyed(number: usize, text: &str) -> NewMessage {
    new(text)
        .with_from("Grace".parse().unwrap())
        .with_client_offset(format!("key {number}").parse().unwrap())
        .with_at(Timestamp::from_millis(1000))
}

async fn trim(store: &SqliteStore, upto: u64, forget_keys_before: i64) {
    let forget_keys_before = Timestamp::from_millis(forget_keys_before);
    let trim = Trim { upto: offset(upto), forget_keys_before };
    while store.trim(&trim).await.unwrap() == Trimmed::More {}
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().len()
}

/// As long as keys are kept, and when they are forgotten.
#[tokio::test]
async fn what_is_below_the_horizon_is_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("chat.db")).await.unwrap();
    let large = format!("the second secret {}", "x".repeat(50_000));
    let batch = [keyed(1, "the first secret"), keyed(2, &large), new("the third secret")];
    store.append(&batch).await.unwrap();
    store.append(&[new("harmless")]).await.unwrap();
    for secret in ["first secret", "second secret", "third secret", "Grace"] {
        assert_ne!(files_with(secret, folder.path()), [""; 0], "{secret}");
    }
    trim(&store, 3, 0).await;
    for secret in ["first secret", "second secret", "third secret", "Grace"] {
        assert_soon_gone(secret, folder.path()).await;
    }
    assert_ne!(files_with("key 2", folder.path()), [""; 0]);
    trim(&store, 3, 2000).await;
    assert_soon_gone("key 2", folder.path()).await;
    assert_ne!(files_with("harmless", folder.path()), [""; 0]);
    assert_eq!(read_all(&store).await.len(), 1);
}

/// While messages are stored, and none waits long for it.
#[tokio::test(flavor = "multi_thread")]
async fn the_file_gets_smaller_while_messages_are_stored() {
    const MESSAGES: usize = 20_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let store = Arc::new(SqliteStore::open(&path).await.unwrap());
    let text = "x".repeat(500);
    let batch: Vec<_> = (0..MESSAGES).map(|number| keyed(number, &text)).collect();
    for batch in batch.chunks(1000) {
        store.append(batch).await.unwrap();
    }
    store.close().await;
    let before = size(&path);
    let store = Arc::new(SqliteStore::open(&path).await.unwrap());
    let trimming = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { trim(&store, MESSAGES as u64, 2000).await })
    };
    let mut stored = 0;
    while !trimming.is_finished() {
        let appended = store.append(&[new("meanwhile")]).await.unwrap();
        stored += 1;
        assert_eq!(appended, [Appended::New(offset((MESSAGES + stored) as u64))]);
    }
    trimming.await.unwrap();
    assert_eq!(read_all(&*store).await.len(), stored);
    let begun = Instant::now();
    while size(&path) > before / 4 {
        assert!(begun.elapsed() < Duration::from_secs(20), "{} of {before}", size(&path));
        sleep(Duration::from_millis(50)).await;
    }
}

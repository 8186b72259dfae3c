//! Deleted texts are gone from the files.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

use chat_core::search::TOKENS_VERSION;
use chat_core::{Audience, Content, Message, NewMessage, Offset, RoomId, Timestamp, UserId};
use chat_store::{
    CredentialKey, CredentialOwner, Document, IndexAdvanced, IndexBatch, IndexChange, MessageStore,
    NewCredential, NicknameClaim, NicknameStore, OwnerKey, SearchIndex, SqliteStore, UserStore,
};
use tokio::time::sleep;

use crate::{new, read_all};

/// Ample: it takes half a second, and longer on a slow disk.
const SOON: Duration = Duration::from_secs(20);

fn offset(number: u64) -> Offset {
    Offset::new(number).unwrap()
}

fn edit(of: u64, text: &str) -> NewMessage {
    NewMessage::edit(RoomId::general(), offset(of), text.parse().unwrap())
}

fn deletion(of: u64) -> NewMessage {
    NewMessage::deletion(RoomId::general(), offset(of))
}

/// Returns in which of the files of a folder a text is.
pub(crate) fn files_with(text: &str, folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let has_it = |path: &std::path::PathBuf| {
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    files.filter(has_it).map(|path| path.display().to_string()).collect()
}

pub(crate) async fn assert_soon_gone(text: &str, folder: &Path) {
    let begun = Instant::now();
    loop {
        let found = files_with(text, folder);
        if found.is_empty() {
            return;
        }
        assert!(begun.elapsed() < SOON, "{text} is still in {found:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Texts that fill a row, and those that take pages of their own, in the file and in the write-ahead log.
#[tokio::test]
async fn what_is_deleted_or_edited_is_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("chat.db")).await.unwrap();
    let large = |text: &str| format!("{text} {}", "x".repeat(50_000));
    let batch = [
        new("the first secret"),
        new(&large("the second secret")),
        new("the third secret"),
        new(&large("the fourth secret")),
        new("harmless"),
    ];
    store.append(&batch).await.unwrap();
    assert_eq!(files_with("the first secret", folder.path()).len(), 1);
    // Into the file.
    store.close().await;
    let store = SqliteStore::open(folder.path().join("chat.db")).await.unwrap();
    store
        .append(&[edit(3, "the fifth secret"), edit(4, &large("the sixth secret"))])
        .await
        .unwrap();
    for secret in ["the third secret", "the fourth secret"] {
        assert_soon_gone(secret, folder.path()).await;
    }
    let batch = [deletion(1), deletion(2), deletion(3), deletion(4)];
    store.append(&batch).await.unwrap();
    for secret in ["first", "second", "fifth", "sixth"] {
        assert_soon_gone(&format!("the {secret} secret"), folder.path()).await;
    }
    assert_eq!(files_with("harmless", folder.path()).len(), 1);
    let said = read_all(&store).await;
    assert_eq!(said.iter().filter(|message| message.content != Content::default()).count(), 1);
}

/// The files are copied as a crash would leave them.
#[tokio::test]
async fn what_was_deleted_before_a_crash_is_gone_after_the_next_start() {
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = SqliteStore::open(folder.path().join("chat.db")).await.unwrap();
    // What is done after opening is over: the next time is half a second after the deletion.
    sleep(Duration::from_secs(1)).await;
    store.append(&[new("the secret"), new("harmless")]).await.unwrap();
    store.append(&[deletion(1)]).await.unwrap();
    for name in ["chat.db", "chat.db-wal"] {
        std::fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
    }
    assert_eq!(files_with("the secret", copy.path()).len(), 1, "it is in the write-ahead log");
    let store = SqliteStore::open(copy.path().join("chat.db")).await.unwrap();
    assert_soon_gone("the secret", copy.path()).await;
    assert_eq!(read_all(&store).await.len(), 3);
}

/// A reader of an old state delays it, and messages do not wait for the reader.
#[tokio::test]
async fn a_reader_of_an_old_state_delays_it() {
    use sqlx::{Connection, SqliteConnection};

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let store = SqliteStore::open(&path).await.unwrap();
    store.append(&[new("the secret")]).await.unwrap();
    let url = format!("sqlite://{}", path.display());
    let mut reader = SqliteConnection::connect(&url).await.unwrap();
    let mut reading = reader.begin().await.unwrap();
    let count: i64 =
        sqlx::query_scalar("SELECT count(*) FROM messages").fetch_one(&mut *reading).await.unwrap();
    assert_eq!(count, 1);
    store.append(&[deletion(1)]).await.unwrap();
    for number in 0..10 {
        sleep(Duration::from_millis(150)).await;
        let appended = store.append(&[new("harmless")]).await.unwrap();
        assert_eq!(appended[0].offset(), Some(offset(number + 3)));
    }
    assert_ne!(files_with("the secret", folder.path()), [""; 0], "the reader still needs it");
    reading.rollback().await.unwrap();
    reader.close().await.unwrap();
    assert_soon_gone("the secret", folder.path()).await;
}

fn change(at: u64, text: &str) -> IndexChange {
    IndexChange::Put(Document::of(&Message::from_new(offset(at), new(text))).unwrap())
}

async fn index(store: &SqliteStore, after: u64, changes: Vec<IndexChange>) {
    let (after, upto) = (offset(after), offset(after + 100));
    let batch = IndexBatch { version: TOKENS_VERSION, after, upto, changes };
    assert_eq!(store.apply(&batch).await.unwrap(), IndexAdvanced::Done);
}

/// Words of one message and of many, in an index of several segments. Of a word that begins like another one, the index has
/// the rest.
#[tokio::test]
async fn what_is_removed_from_the_index_is_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("chat.db")).await.unwrap();
    let large: String = (0..2000).map(|n| format!("large{n}xqzjwkvy ")).collect();
    for batch in 0..20 {
        let changes = (1..=100).map(|n| match (batch, n) {
            (3, 50) => change(350, "the word secretqjxzvkw and secretpwkzqxj"),
            (4, 1) => change(401, &large),
            _ => change(batch * 100 + n, &format!("the word {n} of secreta secretz {batch}")),
        });
        index(&store, batch * 100, changes.collect()).await;
    }
    for text in ["qjxzvkw", "pwkzqxj", "xqzjwkvy"] {
        assert_ne!(files_with(text, folder.path()), [""; 0], "{text}");
    }
    let changes = [IndexChange::Remove(offset(350)), change(401, "harmless")];
    index(&store, 2000, changes.into()).await;
    for text in ["qjxzvkw", "pwkzqxj", "xqzjwkvy"] {
        assert_soon_gone(text, folder.path()).await;
    }
    assert_ne!(files_with("harmless", folder.path()), [""; 0]);
    store.clear().await.unwrap();
    for text in ["harmless", "secreta"] {
        assert_soon_gone(text, folder.path()).await;
    }
}

/// Rows move between pages when others come and go, and leave a piece of themselves in what is unused of a page. Of words that
/// begin alike, the index has one whole, and the ends of the others.
#[tokio::test]
async fn of_many_texts_those_that_are_removed_leave_no_piece_in_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("chat.db")).await.unwrap();
    let (mut seed, mut removed) = (7, BTreeSet::new());
    let mut random = |most: u64| next(&mut seed) % most;
    let text = |number: u64, words: u64, random: &mut dyn FnMut(u64) -> u64| {
        let others: String = (0..words).map(|_| word(20_000 + random(2000)) + " ").collect();
        others + &word(number)
    };
    // Each batch brings new ones, longer ones in the place of earlier ones, and takes away some.
    for batch in 0..100 {
        let mut changes = BTreeMap::new();
        for _ in 0..if batch > 0 { 30 } else { 0 } {
            let earlier = 1 + random(batch * 100);
            if removed.contains(&earlier) {
                continue;
            }
            let words = random(120);
            changes.insert(
                earlier,
                match random(2) {
                    0 => IndexChange::Remove(offset(earlier)),
                    _ => change(earlier, &text(earlier, words, &mut random)),
                },
            );
            if let Some(IndexChange::Remove(_)) = changes.get(&earlier) {
                removed.insert(earlier);
            }
        }
        for number in batch * 100 + 1..=batch * 100 + 100 {
            let words = random(30);
            changes.insert(number, change(number, &text(number, words, &mut random)));
        }
        index(&store, batch * 100, changes.into_values().collect()).await;
    }
    let rest: Vec<_> = (1..=10_000).filter(|number| number % 7 == 3).collect();
    for (step, some) in rest.chunks(5).enumerate() {
        let changes = some.iter().map(|&number| IndexChange::Remove(offset(number))).collect();
        index(&store, 10_000 + step as u64 * 100, changes).await;
    }
    removed.extend(rest);
    let begun = Instant::now();
    loop {
        let ends = ends_in(folder.path());
        assert!(ends.contains(&end(&word(9_998))), "what is not removed stays");
        let left = removed.iter().filter(|&&number| ends.contains(&end(&word(number)))).count();
        if left == 0 {
            return;
        }
        assert!(begun.elapsed() < 3 * SOON, "{left} of {} are still there", removed.len());
        sleep(Duration::from_millis(500)).await;
    }
}

/// Returns a word of 14 letters that begins and ends unlike others.
fn word(number: u64) -> String {
    let mut seed = number;
    (0..14).map(|_| char::from(b'a' + u8::try_from(next(&mut seed) % 26).unwrap())).collect()
}

/// Returns the next of numbers that look random, and are the same each time.
fn next(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

fn end(word: &str) -> [u8; 8] {
    word.as_bytes()[word.len() - 8..].try_into().unwrap()
}

/// Returns all runs of eight letters in the files of a folder.
fn ends_in(folder: &Path) -> HashSet<[u8; 8]> {
    let mut ends = HashSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let runs = bytes.windows(8).filter(|run| run.iter().all(u8::is_ascii_lowercase));
        ends.extend(runs.map(|run| <[u8; 8]>::try_from(run).unwrap()));
    }
    ends
}

/// With the messages and everything else that is kept of the user.
#[tokio::test]
async fn the_name_of_a_user_who_is_erased_is_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("chat.db")).await.unwrap();
    let (ada, now) = (UserId::from_stored(7), Timestamp::now());
    let name = || "Adalbertine".parse().unwrap();
    let until = now.plus(Duration::from_secs(60));
    let claim = NicknameClaim::new(name(), OwnerKey([7; 32]), ada, now, until);
    store.claim_nickname(&claim).await.unwrap();
    let device = NewCredential::new(CredentialKey([8; 32]), now);
    let device = device.with_label(Some("phone of Adalbertine".into()));
    store.keep_credential(&device, CredentialOwner::new(ada, OwnerKey([7; 32]))).await.unwrap();
    let by_ada = |text| new(text).with_user(ada).with_from(name());
    let to = Audience::Private { from: UserId::from_stored(9), to: ada, nickname: name() };
    let reply = NewMessage::new(to, "for whom".parse().unwrap());
    store.append(&[by_ada("one"), by_ada("two"), reply]).await.unwrap();
    store.close().await;

    let store = SqliteStore::open(folder.path().join("chat.db")).await.unwrap();
    store.forget_user(ada, &[offset(1), offset(2), offset(3)]).await.unwrap();
    store.erase_user(ada, now).await.unwrap();
    assert_soon_gone("Adalbertine", folder.path()).await;
    assert_soon_gone("adalbertine", folder.path()).await;
    assert_eq!(read_all(&store).await.len(), 3);
}

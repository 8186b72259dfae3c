use std::path::Path;

use super::*;
use crate::files::FileAudience;
use chat_core::{Epoch, FileName, RoomId};

const OWNER: UserId = UserId::from_stored(7);

fn offset(number: u64) -> Offset {
    Offset::new(number).unwrap()
}

fn at(number: u64) -> RecoveryOffset {
    let tag = format!("{:08x}", number & 0xffff_ffff).parse().unwrap();
    RecoveryOffset::new(Epoch::from_random([1; 8]), offset(number)).with_tag(tag)
}

fn record(number: u8, bytes: u64) -> FileRecord {
    let name = FileName::fitted("a.txt");
    let audience = FileAudience::Room(RoomId::general());
    FileRecord::new(FileId::from_random([number; 16]), name, bytes, OWNER, audience)
}

struct Kept {
    store: DirectoryStore,
    directory: tempfile::TempDir,
}

impl Kept {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { store: DirectoryStore::new(directory.path().join("files")), directory }
    }

    async fn stored(&self, number: u8, text: &'static str) -> FileId {
        let record = record(number, text.len() as u64);
        self.store.create(&record).await.unwrap();
        let mut writer = self.store.append(record.id, 0).await.unwrap();
        writer.write(text.into()).await.unwrap();
        let state = writer.finish().await.unwrap();
        assert!(matches!(state, FileState::Complete { .. }));
        record.id
    }

    /// Returns whether these bytes are anywhere in the directory.
    fn has_bytes(&self, text: &str) -> bool {
        fn search(path: &Path, text: &[u8]) -> bool {
            if path.is_dir() {
                let mut entries = fs::read_dir(path).unwrap();
                return entries.any(|entry| search(&entry.unwrap().path(), text));
            }
            fs::read(path).unwrap().windows(text.len()).any(|window| window == text)
        }
        search(self.directory.path(), text.as_bytes())
    }
}

#[tokio::test]
async fn a_file_arrives_in_parts_and_is_read_when_it_is_complete() {
    let Kept { store, directory: _kept } = Kept::new();
    let record = record(1, 10);
    store.create(&record).await.unwrap();
    let mut writer = store.append(record.id, 0).await.unwrap();
    writer.write("hello".into()).await.unwrap();
    assert!(matches!(store.append(record.id, 0).await, Err(FileError::Busy)));
    assert_eq!(writer.finish().await.unwrap(), FileState::Incomplete { received: 5 });
    assert!(matches!(store.read(record.id, 0, 99).await, Err(FileError::Unknown)));
    let elsewhere = store.append(record.id, 4).await;
    assert!(matches!(elsewhere, Err(FileError::Elsewhere { received: 5 })));
    // Another node goes on.
    let other = store.clone();
    let mut writer = other.append(record.id, 5).await.unwrap();
    assert!(matches!(writer.write("worlds".into()).await, Err(FileError::TooLong)));
    writer.write("world".into()).await.unwrap();
    let hash = sha2::Digest::finalize(sha2::Digest::chain_update(
        <sha2::Sha256 as sha2::Digest>::new(),
        "helloworld",
    ));
    assert_eq!(writer.finish().await.unwrap(), FileState::Complete { hash: hash.into() });
    assert_eq!(store.read(record.id, 3, 4).await.unwrap(), "lowo");
    assert_eq!(store.read(record.id, 10, 4).await.unwrap(), "");
    let again = store.append(record.id, 10).await;
    assert!(matches!(again, Err(FileError::Elsewhere { received: 10 })));
}

#[tokio::test]
async fn a_file_has_one_message_and_goes_with_it_for_good() {
    let kept = Kept::new();
    let (first, second) = (kept.stored(1, "first secret").await, kept.stored(2, "second").await);
    let store = &kept.store;
    for _ in 0..2 {
        store.attach(first, &at(9)).await.unwrap();
        store.attach(second, &at(9)).await.unwrap();
    }
    store.attach(first, &at(10)).await.unwrap();
    assert_eq!(store.find(first).await.unwrap().unwrap().message, Some(at(9)));
    assert_eq!(store.offsets(Offset::ZERO, 5).await.unwrap(), [offset(9)]);
    assert_eq!(store.offsets(offset(9), 5).await.unwrap(), []);
    assert_eq!(store.unattached().await.unwrap(), []);
    assert_eq!(store.totals().await.unwrap(), FileTotals { files: 2, bytes: 18 });
    assert!(kept.has_bytes("first secret"));
    store.remove(first).await.unwrap();
    store.remove(first).await.unwrap();
    assert!(!kept.has_bytes("first secret"));
    assert_eq!(store.find(first).await.unwrap(), None);
    assert_eq!(store.attached_to(offset(9)).await.unwrap(), [second]);
    assert_eq!(store.read(second, 0, 99).await.unwrap(), "second");
    store.remove(second).await.unwrap();
    assert_eq!(store.offsets(Offset::ZERO, 5).await.unwrap(), []);
}

#[tokio::test]
async fn what_a_crash_leaves_while_a_file_is_removed_is_out_of_reach_and_swept() {
    let kept = Kept::new();
    let id = kept.stored(1, "first secret").await;
    let store = &kept.store;
    store.attach(id, &at(9)).await.unwrap();
    // As far as a process came that was killed.
    make_directory(&store.paths.trash()).unwrap();
    fs::rename(store.paths.kept(id), store.paths.trash().join(id.to_string())).unwrap();
    assert_eq!(store.find(id).await.unwrap(), None);
    assert!(matches!(store.read(id, 0, 9).await, Err(FileError::Unknown)));
    assert!(kept.has_bytes("first secret"));
    store.sweep(Timestamp::now()).await.unwrap();
    assert!(!kept.has_bytes("first secret"));
    assert_eq!(store.offsets(Offset::ZERO, 5).await.unwrap(), []);
}

/// However far apart: pages of offsets read what they return, and not all that there is.
#[tokio::test]
async fn messages_with_files_are_listed_in_their_order() {
    let kept = Kept::new();
    let numbers = [1, 9, 63, 64, 1024, 65_536, 2_000_000, 3_000_000_000, (1 << 53) - 1];
    for (id, number) in (1..).zip(numbers.into_iter().rev()) {
        kept.store.attach(kept.stored(id, "text").await, &at(number)).await.unwrap();
    }
    for limit in [1, 2, 100] {
        let (mut all, mut after) = (Vec::new(), Offset::ZERO);
        loop {
            let page = kept.store.offsets(after, limit).await.unwrap();
            assert!(page.len() <= limit);
            let Some(&last) = page.last() else { break };
            after = last;
            all.extend(page);
        }
        assert_eq!(all, numbers.map(offset));
    }
    assert_eq!(kept.store.attached_to(offset(1024)).await.unwrap().len(), 1);
    assert_eq!(kept.store.attached_to(offset(1025)).await.unwrap(), []);
    let files = numbers.len() as u64;
    assert_eq!(kept.store.totals().await.unwrap(), FileTotals { files, bytes: 4 * files });
}

#[tokio::test]
async fn what_says_that_a_message_has_a_file_goes_if_there_is_none() {
    let kept = Kept::new();
    let id = kept.stored(1, "text").await;
    kept.store.attach(id, &at(9)).await.unwrap();
    // As far as a process came that was killed.
    fs::remove_dir_all(kept.store.paths.kept(id)).unwrap();
    assert_eq!(kept.store.attached_to(offset(9)).await.unwrap(), []);
    assert_eq!(kept.store.offsets(Offset::ZERO, 5).await.unwrap(), []);
}

#[tokio::test]
async fn what_a_user_has_in_no_message_is_counted_until_it_is_in_one() {
    let kept = Kept::new();
    let now = Timestamp::now();
    let ids = [kept.stored(1, "one").await, kept.stored(2, "two").await, {
        let begun = record(3, 5);
        kept.store.create(&begun).await.unwrap();
        begun.id
    }];
    let of_user = async || kept.store.of_user(OWNER, now).await.unwrap();
    let expected = UserFiles { bytes_today: 11, today: 3, unattached: 3 };
    assert_eq!((of_user().await, kept.store.count_unattached().await.unwrap()), (expected, 3));
    kept.store.attach(ids[0], &at(9)).await.unwrap();
    kept.store.remove(ids[2]).await.unwrap();
    let expected = UserFiles { unattached: 1, ..expected };
    assert_eq!((of_user().await, kept.store.count_unattached().await.unwrap()), (expected, 1));
    // Those of the day before, too.
    let tomorrow = now.plus(std::time::Duration::from_secs(24 * 3600));
    let expected = UserFiles { unattached: 1, ..UserFiles::default() };
    assert_eq!(kept.store.of_user(OWNER, tomorrow).await.unwrap(), expected);
}

#[tokio::test]
async fn what_a_crash_leaves_while_a_file_is_attached_is_attached_again() {
    let kept = Kept::new();
    let id = kept.stored(1, "text").await;
    let store = &kept.store;
    // As far as a process came that was killed.
    let position = at(9).to_string();
    create_synced(&store.paths.loose(id), "message", position.as_bytes()).unwrap();
    store.attach(id, &at(9)).await.unwrap();
    assert_eq!(store.attached_to(offset(9)).await.unwrap(), [id]);
    assert_eq!(store.unattached().await.unwrap(), []);
}

#[tokio::test]
async fn days_and_the_secret_outlive_the_process() {
    let kept = Kept::new();
    let id = kept.stored(1, "text").await;
    kept.stored(2, "texts").await;
    kept.store.remove(id).await.unwrap();
    let now = Timestamp::now();
    let again = DirectoryStore::new(kept.directory.path().join("files"));
    assert_eq!(again.of_user(OWNER, now).await.unwrap().bytes_today, 9);
    assert_eq!(again.of_user(UserId::from_stored(8), now).await.unwrap().bytes_today, 0);
    let secret = kept.store.secret().await.unwrap();
    assert_eq!(again.secret().await.unwrap(), secret);
    again.sweep(now.plus(std::time::Duration::from_secs(2 * 24 * 3600))).await.unwrap();
    assert_eq!(again.of_user(OWNER, now).await.unwrap().bytes_today, 0);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_loses_nothing_that_was_answered() {
    let kept = Kept::new();
    let record = record(1, 10);
    kept.store.create(&record).await.unwrap();
    let mut writer = kept.store.append(record.id, 0).await.unwrap();
    writer.write("hello".into()).await.unwrap();
    writer.finish().await.unwrap();
    let part = kept.store.paths.loose(record.id).join("part");
    let aside = part.with_extension("aside");
    fs::rename(&part, &aside).unwrap();
    std::os::unix::fs::symlink("/dev/full", &part).unwrap();
    let mut writer = kept.store.append(record.id, 0).await.unwrap();
    assert!(matches!(writer.write("hello".into()).await, Err(FileError::Full(_))));
    drop(writer);
    // There is room again.
    fs::remove_file(&part).unwrap();
    fs::rename(&aside, &part).unwrap();
    let mut writer = kept.store.append(record.id, 5).await.unwrap();
    writer.write("world".into()).await.unwrap();
    writer.finish().await.unwrap();
    assert_eq!(kept.store.read(record.id, 0, 99).await.unwrap(), "helloworld");
}

/// Two nodes have committed the same text: the message that has the file keeps it when the other one goes.
#[tokio::test]
async fn of_two_messages_one_has_the_file_and_nothing_is_left_of_the_other() {
    let kept = Kept::new();
    for number in 1..=20 {
        let id = kept.stored(number, "bytes").await;
        let others = [at(2), at(3)].map(|at| {
            let store = kept.store.clone();
            tokio::spawn(async move { store.attach(id, &at).await.unwrap() })
        });
        for other in others {
            other.await.unwrap();
        }
        let of = kept.store.find(id).await.unwrap().unwrap().message.unwrap().offset;
        for offset in [offset(2), offset(3)] {
            let is_listed = kept.store.attached_to(offset).await.unwrap().contains(&id);
            assert_eq!(is_listed, offset == of);
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn all_of_it_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    fn modes(path: &Path, found: &mut Vec<(bool, u32)>) {
        let metadata = fs::metadata(path).unwrap();
        found.push((metadata.is_dir(), metadata.permissions().mode() & 0o777));
        if metadata.is_dir() {
            fs::read_dir(path).unwrap().for_each(|entry| modes(&entry.unwrap().path(), found));
        }
    }

    let kept = Kept::new();
    let id = kept.stored(1, "text").await;
    kept.store.attach(id, &at(1)).await.unwrap();
    kept.store.create(&record(2, 4)).await.unwrap();
    kept.store.secret().await.unwrap();
    let mut found = Vec::new();
    modes(&kept.directory.path().join("files"), &mut found);
    assert!(found.iter().any(|(is_directory, _)| !is_directory));
    let others = |&(is_directory, mode): &_| mode != if is_directory { 0o700 } else { 0o600 };
    assert!(!found.iter().any(others), "{found:?}");
}

//! What becomes of files when disks fail, times pass and messages change.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chat_core::event::UploadTicket;
use chat_core::{Audience, FileId, FileName, Offset, RecoveryOffset, RoomId, UserId};
use chat_store::{
    DirectoryStore, FileAudience, FileRecord, FileWriter, MemoryStore, MessageStore, UserFiles,
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::engine::log::tests::log_on;
use crate::engine::log::{Outcome, READ_LIMIT};

const ADA: UserId = UserId::from_stored(7);
const HOME: Source = Source::Connection(1);

/// A store on a disk that is full while a test wants it to be.
struct Disk {
    store: DirectoryStore,
    is_full: AtomicBool,
}

impl Disk {
    fn check(&self) -> Result<(), FileError> {
        let full = || FileError::Full(io::ErrorKind::StorageFull.into());
        if self.is_full.load(Ordering::Relaxed) { Err(full()) } else { Ok(()) }
    }
}

#[async_trait]
impl FileStore for Disk {
    async fn secret(&self) -> Result<[u8; 32], FileError> {
        self.store.secret().await
    }

    async fn create(&self, file: &FileRecord) -> Result<(), FileError> {
        self.check()?;
        self.store.create(file).await
    }

    async fn find(&self, id: FileId) -> Result<Option<KeptFile>, FileError> {
        self.store.find(id).await
    }

    async fn append(&self, id: FileId, from: u64) -> Result<Box<dyn FileWriter>, FileError> {
        self.store.append(id, from).await
    }

    async fn read(&self, id: FileId, from: u64, most: usize) -> Result<Bytes, FileError> {
        self.store.read(id, from, most).await
    }

    async fn attach(&self, id: FileId, to: &RecoveryOffset) -> Result<(), FileError> {
        self.check()?;
        self.store.attach(id, to).await
    }

    async fn attached_to(&self, offset: Offset) -> Result<Vec<FileId>, FileError> {
        self.store.attached_to(offset).await
    }

    async fn offsets(&self, after: Offset, limit: usize) -> Result<Vec<Offset>, FileError> {
        self.store.offsets(after, limit).await
    }

    async fn unattached(&self) -> Result<Vec<KeptFile>, FileError> {
        self.store.unattached().await
    }

    async fn remove(&self, id: FileId) -> Result<(), FileError> {
        self.store.remove(id).await
    }

    async fn sweep(&self, before: Timestamp) -> Result<(), FileError> {
        self.store.sweep(before).await
    }

    async fn of_user(&self, user: UserId, now: Timestamp) -> Result<UserFiles, FileError> {
        self.store.of_user(user, now).await
    }

    async fn count_unattached(&self) -> Result<u64, FileError> {
        self.store.count_unattached().await
    }

    async fn totals(&self) -> Result<FileTotals, FileError> {
        self.store.totals().await
    }
}

struct Chat {
    files: Files,
    disk: Arc<Disk>,
    log: Arc<Log>,
    store: Arc<MemoryStore>,
    directory: TempDir,
}

impl Chat {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(limited: impl FnOnce(&mut Limits)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let disk = DirectoryStore::new(directory.path());
        let disk = Arc::new(Disk { store: disk, is_full: AtomicBool::new(false) });
        let store = Arc::new(MemoryStore::new());
        let log = log_on(store.clone()).await;
        let mut limits = Limits::default();
        (limits.max_file_bytes_per_day, limits.max_files_bytes) = (100, 100);
        limited(&mut limits);
        let files = Files::new(disk.clone(), log.clone(), &limits);
        Self { files, disk, log, store, directory }
    }

    async fn begin(&self, bytes: u64) -> Result<UploadTicket, FilesError> {
        let audience = FileAudience::Room(RoomId::general());
        self.files.begin(ADA, HOME, FileName::fitted("a.txt"), bytes, audience).await
    }

    async fn uploaded(&self, text: &'static str) -> UploadTicket {
        let ticket = self.begin(text.len() as u64).await.unwrap();
        let mut writer = self.files.append(ticket.file, 0).await.unwrap();
        writer.write(text.into()).await.unwrap();
        writer.finish().await.unwrap();
        ticket
    }

    async fn say(&self, message: NewMessage) -> Message {
        let outcome = self.log.append(message.with_user(ADA)).await;
        assert!(matches!(outcome, Outcome::Answered(_)));
        self.log.message(self.log.tail()).await.unwrap().unwrap()
    }

    fn keeper(&self) -> Keeper {
        Keeper::new(self.files.clone(), Arc::default())
    }

    /// Makes a file one that was begun a day ago.
    async fn make_old(&self, ticket: &UploadTicket) {
        let mut record = self.disk.find(ticket.file).await.unwrap().unwrap().record;
        record.at = record.at.minus(ABANDONED);
        let path = self.directory.path().join("loose").join(ticket.file.to_string());
        std::fs::write(path.join("record.json"), serde_json::to_vec(&record).unwrap()).unwrap();
    }

    async fn is_there(&self, ticket: &UploadTicket) -> bool {
        self.disk.find(ticket.file).await.unwrap().is_some()
    }
}

fn with(line: &str) -> NewMessage {
    NewMessage::new(RoomId::general(), line.parse().unwrap())
}

#[tokio::test]
async fn a_full_disk_takes_nothing_and_counts_nothing() {
    let chat = Chat::new().await;
    chat.disk.is_full.store(true, Ordering::Relaxed);
    assert!(matches!(chat.begin(60).await, Err(FilesError::Files(FileError::Full(_)))));
    chat.disk.is_full.store(false, Ordering::Relaxed);
    assert!(chat.begin(60).await.is_ok());
    let refused = chat.begin(41).await;
    let Err(FilesError::Refused(refusal)) = refused else { panic!("there is no room") };
    assert_eq!(refusal.code, RefusalCode::QuotaExceeded);
}

#[tokio::test]
async fn a_file_that_was_not_begun_counts_for_no_address() {
    let chat = Chat::with(|limits| {
        limits.max_file_bytes_per_day_per_address = 50;
        limits.max_files_per_day_per_address = 2;
    })
    .await;
    chat.disk.is_full.store(true, Ordering::Relaxed);
    for _ in 0..5 {
        assert!(matches!(chat.begin(30).await, Err(FilesError::Files(FileError::Full(_)))));
    }
    chat.disk.is_full.store(false, Ordering::Relaxed);
    let code = |begun: Result<UploadTicket, FilesError>| match begun {
        Err(FilesError::Refused(refusal)) => {
            assert!(refusal.retry_after.is_some());
            Some(refusal.code)
        }
        begun => begun.map(|_| None).unwrap(),
    };
    assert_eq!(code(chat.begin(30).await), None);
    assert_eq!(code(chat.begin(30).await), Some(RefusalCode::QuotaExceeded));
    assert_eq!(code(chat.begin(10).await), None, "the bytes that were refused do not count");
    assert_eq!(code(chat.begin(1).await), Some(RefusalCode::QuotaExceeded), "two files");
}

/// A node that has committed a deletion may have ended, and a program that erases a user has no keeper.
#[tokio::test]
async fn what_others_delete_is_removed_here() {
    let chat = Chat::new().await;
    let ticket = chat.uploaded("hello").await;
    let message = chat.say(with(&ticket.line)).await;
    chat.keeper().attach(&message).await.unwrap();
    let (commits, heard) = commits();
    chat.log.on_messages_of_others(move |messages| commits.note_of_others(messages));
    let closing = CancellationToken::new();
    let running = tokio::spawn(Keeper::run(chat.files.clone(), heard, closing.clone()));
    let deletion = NewMessage::deletion(RoomId::general(), message.offset).with_user(ADA);
    chat.store.append(&[deletion]).await.unwrap();
    while chat.is_there(&ticket).await {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    closing.cancel();
    running.await.unwrap();
}

/// It was checked while the message still had the file, and another one took that out.
#[tokio::test]
async fn an_edit_that_is_on_its_way_finds_its_file() {
    let chat = Chat::new().await;
    let ticket = chat.uploaded("hello").await;
    let message = chat.say(with(&ticket.line)).await;
    chat.keeper().attach(&message).await.unwrap();
    let (commits, heard) = commits();
    let closing = CancellationToken::new();
    let running = tokio::spawn(Keeper::run(chat.files.clone(), heard, closing.clone()));
    let edit =
        |text: &str| NewMessage::edit(RoomId::general(), message.offset, text.parse().unwrap());
    let keeps = edit(&ticket.line).with_user(ADA);
    chat.files.check(&keeps).await.unwrap();
    for edit in [edit("without"), keeps] {
        commits.note(&[chat.say(edit).await]);
        // Others may do something in between.
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    tokio::time::sleep(Duration::from_secs(4)).await;
    let now = chat.log.message(message.offset).await.unwrap().unwrap();
    assert_eq!(chat.files.links(&now).await.unwrap().files.len(), 1);
    commits.note(&[chat.say(edit("without")).await]);
    while chat.is_there(&ticket).await {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    closing.cancel();
    running.await.unwrap();
}

/// What could not be done is done again by itself, without comparing everything.
#[tokio::test(start_paused = true)]
async fn what_has_failed_is_tried_again() {
    let chat = Chat::new().await;
    let ticket = chat.uploaded("hello").await;
    let message = chat.say(with(&ticket.line)).await;
    let (commits, heard) = commits();
    let missed = Arc::clone(&heard.missed);
    chat.disk.is_full.store(true, Ordering::Relaxed);
    commits.note(std::slice::from_ref(&message));
    let closing = CancellationToken::new();
    let running = tokio::spawn(Keeper::run(chat.files.clone(), heard, closing.clone()));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(chat.disk.attached_to(message.offset).await.unwrap(), []);
    chat.disk.is_full.store(false, Ordering::Relaxed);
    // Before anything is compared.
    tokio::time::sleep(Duration::from_secs(35)).await;
    assert_eq!(chat.disk.attached_to(message.offset).await.unwrap(), [ticket.file]);
    assert!(!missed.load(Ordering::Relaxed));
    closing.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn a_file_that_could_not_be_attached_is_when_everything_is_compared() {
    let chat = Chat::new().await;
    let ticket = chat.uploaded("hello").await;
    let message = chat.say(with(&ticket.line)).await;
    let keeper = chat.keeper();
    chat.disk.is_full.store(true, Ordering::Relaxed);
    assert!(keeper.attach(&message).await.is_err());
    // It is read all the same.
    assert_eq!(chat.files.links(&message).await.unwrap().files.len(), 1);
    chat.disk.is_full.store(false, Ordering::Relaxed);
    keeper.adopt().await.unwrap();
    assert_eq!(chat.disk.attached_to(message.offset).await.unwrap(), [ticket.file]);
}

/// A node may end after a commit: then nobody else knows of the file.
#[tokio::test]
async fn a_file_that_a_message_has_is_kept_for_good_whoever_forgot_to_say_so() {
    let chat = Chat::new().await;
    let (sent, unsent) = (chat.uploaded("sent").await, chat.uploaded("unsent").await);
    for ticket in [&sent, &unsent] {
        chat.make_old(ticket).await;
    }
    for _ in 0..3 * READ_LIMIT {
        chat.say(with("words")).await;
    }
    let message = chat.say(with(&sent.line)).await;
    chat.keeper().adopt().await.unwrap();
    assert_eq!(chat.disk.attached_to(message.offset).await.unwrap(), [sent.file]);
    assert!(chat.is_there(&sent).await && !chat.is_there(&unsent).await);
}

#[tokio::test]
async fn commits_that_do_not_fit_into_the_queue_have_everything_compared() {
    let chat = Chat::new().await;
    let message = chat.say(with("hello")).await;
    let mut deletion = message.clone();
    deletion.kind = Kind::Deletion(message.offset);
    let (commits, heard) = commits();
    commits.note(&[message, deletion.clone()]);
    assert!(!heard.missed.load(Ordering::Relaxed));
    commits.note(&vec![deletion; 10_000]);
    assert!(heard.missed.load(Ordering::Relaxed));
}

/// Whatever way a message takes to the log.
#[tokio::test]
async fn what_is_committed_reaches_the_keeper() {
    let chat = Chat::new().await;
    let ticket = chat.uploaded("hello").await;
    let message = chat.say(with(&ticket.line)).await;
    let (commits, heard) = commits();
    commits.note(std::slice::from_ref(&message));
    let closing = CancellationToken::new();
    let running = tokio::spawn(Keeper::run(chat.files.clone(), heard, closing.clone()));
    while chat.disk.attached_to(message.offset).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    closing.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn a_file_is_for_one_message_of_its_owner() {
    let chat = Chat::new().await;
    let ticket = chat.uploaded("hello").await;
    let by = |message: NewMessage, user| message.with_user(user);
    let refused = |checked: Result<(), FilesError>| match checked {
        Err(FilesError::Refused(refusal)) => assert_eq!(refusal.code, RefusalCode::UnknownFile),
        other => panic!("{other:?}"),
    };
    chat.files.check(&by(with(&ticket.line), ADA)).await.unwrap();
    refused(chat.files.check(&by(with(&ticket.line), UserId::from_stored(8))).await);
    refused(chat.files.check(&with(&ticket.line)).await);
    let elsewhere = Audience::Room("elsewhere".parse().unwrap());
    let other_room = NewMessage::new(elsewhere, ticket.line.parse().unwrap());
    refused(chat.files.check(&by(other_room, ADA)).await);
    let first = chat.say(with(&ticket.line)).await;
    let second = chat.say(with(&ticket.line)).await;
    let keeper = chat.keeper();
    for message in [&first, &second] {
        keeper.attach(message).await.unwrap();
    }
    refused(chat.files.check(&by(with(&ticket.line), ADA)).await);
    assert_eq!(chat.files.links(&first).await.unwrap().files.len(), 1);
    assert_eq!(chat.files.links(&second).await.unwrap().files, []);
}

#[tokio::test]
async fn what_no_message_has_goes_after_a_day_and_not_before() {
    let chat = Chat::new().await;
    let (young, complete) = (chat.uploaded("young").await, chat.uploaded("old").await);
    let incomplete = chat.begin(5).await.unwrap();
    for ticket in [&complete, &incomplete] {
        chat.make_old(ticket).await;
    }
    chat.keeper().adopt().await.unwrap();
    assert!(chat.is_there(&young).await);
    assert!(!chat.is_there(&complete).await && !chat.is_there(&incomplete).await);
}

#[tokio::test]
async fn what_lost_its_message_without_an_entry_goes_too() {
    let chat = Chat::new().await;
    let (stays, goes) = (chat.uploaded("stays").await, chat.uploaded("goes").await);
    let message = chat.say(with(&stays.line)).await;
    let other = chat.say(with("words")).await;
    chat.disk.attach(stays.file, &chat.files.position(&message)).await.unwrap();
    chat.disk.attach(goes.file, &chat.files.position(&other)).await.unwrap();
    let keeper = chat.keeper();
    keeper.review().await.unwrap();
    assert!(chat.is_there(&stays).await && !chat.is_there(&goes).await);
    keeper.forget(Offset::ZERO, message.offset).await.unwrap();
    assert!(!chat.is_there(&stays).await);
}

/// The store was not mounted, or its place is mistyped.
#[tokio::test]
async fn a_keeper_that_meets_the_files_of_another_log_leaves_them() {
    let chat = Chat::new().await;
    let files: [_; 2] = [chat.uploaded("one").await, chat.uploaded("two").await];
    for file in &files {
        chat.keeper().attach(&chat.say(with(&file.line)).await).await.unwrap();
    }
    let other = Files::new(
        chat.disk.clone(),
        log_on(Arc::new(MemoryStore::new())).await,
        &Limits::default(),
    );
    let keeper = Keeper::new(other.clone(), Arc::default());
    for round in 0..2 {
        keeper.review().await.unwrap();
        keeper.adopt().await.unwrap();
        keeper.forget(Offset::ZERO, Offset::new(round).unwrap()).await.unwrap();
        for file in &files {
            assert!(chat.is_there(file).await);
        }
        // Then there is a message at the offset of one, of the same user, which is deleted.
        let said = with("words").with_user(ADA);
        other.0.log.append(said).await;
        let deletion = NewMessage::deletion(RoomId::general(), Offset::FIRST).with_user(ADA);
        other.0.log.append(deletion).await;
    }
}

#[tokio::test]
async fn a_file_that_has_all_bytes_is_complete_when_somebody_asks() {
    let chat = Chat::new().await;
    let ticket = chat.begin(5).await.unwrap();
    let part = chat.directory.path().join("loose").join(ticket.file.to_string()).join("part");
    std::fs::write(part, "bytes").unwrap();
    let again = chat.files.again(ADA, ticket.file).await.unwrap();
    assert_eq!(again.received, 5);
    chat.files.check(&with(&ticket.line).with_user(ADA)).await.unwrap();
}

/// The ack of a message may come before anybody has noted that it has the file.
#[tokio::test]
async fn a_file_that_is_complete_cannot_be_taken_back() {
    let chat = Chat::new().await;
    let (complete, begun) = (chat.uploaded("hello").await, chat.begin(5).await.unwrap());
    for ticket in [&complete, &begun] {
        let file = chat.disk.find(ticket.file).await.unwrap().unwrap();
        chat.files.cancel(&file).await.unwrap();
    }
    assert!(chat.is_there(&complete).await && !chat.is_there(&begun).await);
}

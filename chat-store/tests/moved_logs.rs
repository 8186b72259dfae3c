//! A log is moved from one store to another, and is the same log there.
#![cfg(all(feature = "sqlite", feature = "postgres", feature = "testkit", unix))]
#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

use std::io::{BufReader, Read};
use std::path::Path;
use std::time::Duration;

use chat_core::{
    Audience, Author, AuthorId, Emoji, Feed, NewMessage, Offset, Posting, RoomId, Timestamp, Topic,
    UserId, Visibility,
};
use chat_store::testkit::PostgresServer;
use chat_store::{
    AccessRequest, Appended, CredentialKey, CredentialOwner, MessageStore, MoveError,
    NewAccessChange, NewCredential, NicknameClaim, NicknameStore, OwnerKey, ReadPosition,
    ReadPositionStore, RoomStore, SqliteStore, Trim, Trimmed, UserStore, export, import,
};

const MESSAGES: usize = 1200;

fn user(number: i64) -> UserId {
    UserId::from_stored(number)
}

fn text(number: usize) -> NewMessage {
    let author = Author::user(AuthorId::from_stored(7), AuthorId::from_stored(-7));
    let message =
        NewMessage::new(RoomId::general(), format!("said {number} é\u{0}").parse().unwrap());
    let message = message.with_client_offset(format!("key {number}").parse().unwrap());
    message.with_author(author).with_user(user(7)).with_from("Ada".parse().unwrap())
}

/// One of everything.
async fn fill(url: &Path) {
    let store = SqliteStore::open(url).await.unwrap();
    let now = Timestamp::now();
    let until = now.plus(Duration::from_secs(60));
    let owner = OwnerKey([7; 32]);
    let claim = NicknameClaim::new("Ada".parse().unwrap(), owner, user(7), now, until);
    store.claim_nickname(&claim).await.unwrap();
    let device = NewCredential::new(CredentialKey([8; 32]), now).with_label(Some("phone".into()));
    store.keep_credential(&device, CredentialOwner::new(user(7), owner)).await.unwrap();
    let create = AccessRequest::CreateRoom {
        room: "Lab".parse().unwrap(),
        topic: Topic::default(),
        visibility: Visibility::Private,
        posting: Posting::Members,
        owner: Some(user(7)),
    };
    store.change_access(&NewAccessChange::new(create, now).with_by(user(7))).await.unwrap();
    let read = ReadPosition {
        user: user(7),
        feed: Feed::Room(RoomId::general()),
        offset: Offset::new(9).unwrap(),
    };
    store.note_read(&[read]).await.unwrap();
    for from in (0..MESSAGES).step_by(100) {
        store.append(&(from..from + 100).map(text).collect::<Vec<_>>()).await.unwrap();
    }
    let to = Audience::Private { from: user(7), to: user(9), nickname: "Bob".parse().unwrap() };
    let (general, thumb): (_, Emoji) = (RoomId::general(), "👍".parse().unwrap());
    let at = |offset| Offset::new(offset).unwrap();
    let changes = [
        NewMessage::new(to, "private".parse().unwrap()),
        NewMessage::edit(general.clone(), at(30), "edited".parse().unwrap()),
        NewMessage::deletion(general.clone(), at(31)),
        NewMessage::reaction(general, at(32), &thumb, true),
    ];
    store.append(&changes).await.unwrap();
    let trim = Trim { upto: at(20), forget_keys_before: Timestamp::from_millis(0) };
    while store.trim(&trim).await.unwrap() == Trimmed::More {}
    store.close().await;
}

async fn exported(url: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    export(url, &mut bytes, &mut |_, _| {}).await.unwrap();
    bytes
}

async fn imported(url: &str, bytes: &[u8]) -> Result<u64, MoveError> {
    import(url, &mut BufReader::new(bytes), &mut |_, _| {}).await
}

fn sqlite(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

/// Breaks after so many bytes, as a process that is killed.
struct Breaking<'a>(&'a [u8]);

impl Read for Breaking<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(std::io::Error::other("broken")),
            count => Ok(count),
        }
    }
}

#[tokio::test]
async fn a_log_is_the_same_in_every_store_and_after_any_interruption() {
    let folder = tempfile::tempdir().unwrap();
    let [first, last] = ["first.db", "last.db"].map(|name| folder.path().join(name));
    fill(&first).await;
    let bytes = exported(&sqlite(&first)).await;
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
    assert_eq!(lines, 1 + MESSAGES as u64 + 4 + 1 + 1 + 1 + 1 + 1 + 1 + 1);

    let server = PostgresServer::start();
    let postgres = server.create_database().await;
    for part in [1000, bytes.len() / 2, bytes.len() - 10] {
        let mut from = BufReader::new(Breaking(&bytes[..part]));
        let stopped = import(&postgres, &mut from, &mut |_, _| {}).await.unwrap_err();
        assert!(matches!(stopped, MoveError::File(_)), "{stopped}");
    }
    assert_eq!(imported(&postgres, &bytes).await.unwrap(), lines);
    assert!(exported(&postgres).await == bytes, "PostgreSQL has something else");
    assert_eq!(imported(&sqlite(&last), &exported(&postgres).await).await.unwrap(), lines);
    assert!(exported(&sqlite(&last)).await == bytes, "SQLite has something else");

    for url in [&sqlite(&last), &postgres] {
        // It is the same log, which goes on, and knows what it had.
        let store = chat_store::open(url).await.unwrap();
        let before = SqliteStore::open(&first).await.unwrap();
        assert_eq!(store.epoch(), before.epoch());
        for feed in [Feed::Room(RoomId::general()), Feed::User(user(9))] {
            let feed = Some(std::slice::from_ref(&feed));
            let [now, then] = [
                store.read_after(feed, Offset::ZERO, 3000).await.unwrap(),
                before.read_after(feed, Offset::ZERO, 3000).await.unwrap(),
            ];
            assert_eq!(now, then);
        }
        let again = store.append(&[text(3), text(500), text(MESSAGES)]).await.unwrap();
        let [third, other, next] = [4, 501, MESSAGES as u64 + 5].map(|it| Offset::new(it).unwrap());
        let expected =
            [Appended::Duplicate(third), Appended::Duplicate(other), Appended::New(next)];
        assert_eq!(again, expected);
        store.close().await;
        before.close().await;
        let refused = imported(url, &bytes).await.unwrap_err();
        assert!(matches!(refused, MoveError::NotEmpty), "{refused}");
    }
}

#[tokio::test]
async fn a_wrong_line_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let first = folder.path().join("first.db");
    fill(&first).await;
    let text = String::from_utf8(exported(&sqlite(&first)).await).unwrap();
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    let with = |line: usize, other: &str| {
        let mut lines = lines.clone();
        lines[line - 1] = other;
        lines.concat()
    };
    let no_id = lines[4].replace("\"id\":4", "\"id\":\"4\"");
    let more = lines[4].replace("\"id\":4", "\"more\":1,\"id\":4");
    for (number, (text, line)) in [
        (with(1, "{}\n"), 1),
        (with(1, &lines[0].replace("\"version\":1", "\"version\":2")), 1),
        (with(5, "not JSON\n"), 5),
        (with(5, &no_id), 5),
        (with(5, &more), 5),
        (with(100, ""), 100),
        (with(100, lines[98]), 100),
        (text[..text.len() - 1].to_owned(), lines.len()),
        (format!("{text}{{}}\n"), lines.len() + 1),
    ]
    .into_iter()
    .enumerate()
    {
        let url = sqlite(&folder.path().join(format!("{number}.db")));
        let error = imported(&url, text.as_bytes()).await.unwrap_err();
        let named = matches!(error, MoveError::Line { line: named, .. } if named == line as u64);
        assert!(named, "{number}: {error} instead of line {line}");
    }
}

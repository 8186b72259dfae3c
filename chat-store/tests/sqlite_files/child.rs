//! A second process: this test binary once more, told by its environment what to do.

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use chat_store::{Appended, MessageStore, SqliteStore};

use crate::keyed;

const PATH: &str = "CHAT_STORE_CHILD_PATH";
const NAME: &str = "CHAT_STORE_CHILD_NAME";
const COUNT: &str = "CHAT_STORE_CHILD_COUNT";

/// Starts a process that appends `count` messages with keys `name 0`, `name 1`, … one by one to the log
/// at `path`.
pub(crate) fn start(path: &Path, name: &str, count: usize) -> Writer {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child::writes_when_another_test_starts_it", "--nocapture", "--ignored"])
        .env(PATH, path)
        .env(NAME, name)
        .env(COUNT, count.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(process.stdout.take().unwrap()).lines();
    Writer { process, output }
}

pub(crate) struct Writer {
    process: Child,
    output: Lines<BufReader<ChildStdout>>,
}

impl Writer {
    /// Ends the process with SIGKILL, at whatever it is doing.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
    }

    /// Waits for its end and says whether it ended well.
    pub(crate) fn wait(&mut self) -> bool {
        self.process.wait().unwrap().success()
    }
}

/// The offsets and keys that the process has acknowledged, as they come.
impl Iterator for Writer {
    type Item = (u64, String);

    fn next(&mut self) -> Option<Self::Item> {
        self.output.by_ref().map_while(Result::ok).find_map(|line| {
            let (offset, key) = line.strip_prefix("stored ")?.split_once(' ')?;
            // The last line of a process that was killed may lack its end.
            let key = key.strip_suffix('.')?;
            Some((offset.parse().unwrap(), key.to_owned()))
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
#[ignore = "the other tests start it in a process of its own"]
async fn writes_when_another_test_starts_it() {
    let Ok(path) = std::env::var(PATH) else { return };
    let name = std::env::var(NAME).unwrap();
    let count: usize = std::env::var(COUNT).unwrap().parse().unwrap();
    let store = SqliteStore::open(path).await.unwrap();
    // Past what the test harness has written on this line.
    println!();
    for number in 0..count {
        let key = format!("{name} {number}");
        let Appended::New(offset) = store.append(&[keyed(&key, &key)]).await.unwrap()[0] else {
            panic!("the key was known");
        };
        println!("stored {offset} {key}.");
    }
    store.close().await;
}

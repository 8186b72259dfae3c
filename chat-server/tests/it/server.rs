use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::client::PATIENCE;

/// Longer than the program takes to start.
const START: Duration = Duration::from_secs(30);

/// The program as it runs. It ends when this is dropped.
pub(crate) struct Launched {
    pub(crate) process: Child,
    /// What it writes to standard output from now on.
    pub(crate) output: Lines<BufReader<ChildStdout>>,
    /// Where it listens.
    pub(crate) urls: Vec<String>,
}

/// Runs a command, and waits until it has printed as many URLs as expected.
pub(crate) async fn launch(mut command: Command, expected: usize) -> Launched {
    let mut process = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut urls = Vec::new();
    let ready = async {
        while urls.len() < expected {
            let line = output.next_line().await.unwrap().expect("it starts");
            if ["administrator: ", "operator: "].iter().any(|other| line.starts_with(other)) {
                continue;
            }
            urls.push(line.strip_prefix("listening on ").expect("a URL").to_owned());
        }
    };
    timeout(START, ready).await.expect("it starts in time");
    Launched { process, output, urls }
}

/// The real program, with a file for its store and one for what it logs.
pub(crate) struct Server {
    pub(crate) address: String,
    pub(crate) process: Child,
    folder: TempDir,
}

impl Server {
    /// Starts it with these options. It ends with the test.
    pub(crate) async fn start(options: &[&str]) -> Self {
        Self::start_with(Command::new(env!("CARGO_BIN_EXE_chat-server")), options).await
    }

    /// Starts it with so few open files allowed.
    pub(crate) async fn start_with_open_files(most: usize, options: &[&str]) -> Self {
        Self::start_with(below(&format!("ulimit -n {most}")), options).await
    }

    /// Starts it with so few open files allowed that it may allow itself more.
    pub(crate) async fn start_with_soft_open_files(soft: usize, hard: usize) -> Self {
        let limits = format!("ulimit -n {hard} && ulimit -S -n {soft}");
        Self::start_with(below(&limits), &[]).await
    }

    async fn start_with(mut command: Command, options: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let store = format!("sqlite:{}", folder.path().join("chat.db").display());
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        if !options.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        command.args(["--store", &store]).args(options).stdin(Stdio::null()).stderr(log);
        let Launched { process, urls, .. } = launch(command, 1).await;
        Self { address: urls[0].replace("http://", ""), process, folder }
    }

    pub(crate) async fn open(&self) -> Raw {
        Raw(TcpStream::connect(&self.address).await.unwrap())
    }

    /// Sends one request on a connection of its own, and returns all of the answer.
    pub(crate) async fn ask(&self, request: &str) -> String {
        let mut connection = self.open().await;
        connection.send(&format!("{request}\r\nHost: {}\r\n\r\n", self.address)).await;
        connection.response().await
    }

    /// The lines of the log with this in them.
    pub(crate) fn logged(&self, what: &str) -> Vec<String> {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
        log.lines().filter(|line| line.contains(what)).map(ToOwned::to_owned).collect()
    }
}

/// The program in a shell that has done this before.
fn below(limits: &str) -> Command {
    let mut command = Command::new("sh");
    let script = format!("{limits} && exec \"$0\" \"$@\"");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_chat-server")]);
    command
}

/// A connection that says whatever it likes.
pub(crate) struct Raw(pub(crate) TcpStream);

impl Raw {
    pub(crate) async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Sends byte after byte, until all is sent or the connection has ended.
    pub(crate) async fn drip(&mut self, text: &str, pause: Duration) {
        for byte in text.bytes() {
            if self.0.write_all(&[byte]).await.is_err() {
                return;
            }
            sleep(pause).await;
        }
    }

    /// The next response, of which the length is known; empty when the connection ends without.
    pub(crate) async fn response(&mut self) -> String {
        let mut read = Vec::new();
        let respond = async {
            loop {
                let text = String::from_utf8_lossy(&read).into_owned();
                if let Some((head, body)) = text.split_once("\r\n\r\n") {
                    let length = head.to_lowercase();
                    let length = length.split_once("content-length: ").map(|(_, rest)| rest);
                    let length = length.and_then(|rest| rest.lines().next()?.parse().ok());
                    if head.starts_with("HTTP/1.1 101") || body.len() >= length.unwrap_or(0) {
                        return text;
                    }
                }
                let mut bytes = [0; 4096];
                match self.0.read(&mut bytes).await {
                    Ok(0) | Err(_) => return text,
                    Ok(count) => read.extend(&bytes[..count]),
                }
            }
        };
        timeout(PATIENCE, respond).await.expect("a response or the end")
    }

    /// How long it takes until the server ends the connection, and what it says before.
    pub(crate) async fn end(&mut self) -> (Duration, String) {
        let began = Instant::now();
        let mut read = Vec::new();
        // It may be a reset.
        let _ = timeout(PATIENCE, self.0.read_to_end(&mut read)).await.expect("the end");
        (began.elapsed(), String::from_utf8_lossy(&read).into_owned())
    }
}

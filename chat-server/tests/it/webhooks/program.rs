use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::sleep;

use super::receiver::{Delivered, Reaction, Receiver};
use super::{SECRETS, contents, newest};
use crate::client::Client;
use crate::server::{Launched, launch};

/// A folder with a store and a file of secrets, for the program with a webhook.
struct Setup {
    folder: TempDir,
    url: String,
}

impl Setup {
    fn new(receiver: &Receiver) -> Self {
        let setup = Self { folder: TempDir::new().unwrap(), url: receiver.url("http") };
        setup.write_secrets(1, 0o600);
        setup
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write_secrets(&self, count: usize, mode: u32) {
        let lines = SECRETS[..count].iter().map(|(line, _)| format!("{line}\n"));
        std::fs::write(self.path("secrets"), lines.collect::<String>()).unwrap();
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(self.path("secrets"), mode).unwrap();
    }

    fn command(&self, options: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chat-server"));
        command.args(["--listen", "127.0.0.1:0", "--webhook", &self.url]);
        command.arg("--store").arg(format!("sqlite:{}", self.path("chat.db").display()));
        command.arg("--webhook-secret-file").arg(self.path("secrets")).args(options);
        command.kill_on_drop(true);
        command
    }

    /// Starts the program, with what it logs in a file.
    async fn start(&self, options: &[&str], processes: usize) -> Launched {
        let mut command = self.command(options);
        let log = std::fs::File::options().create(true).append(true).open(self.path("log"));
        command.stderr(log.unwrap());
        launch(command, processes).await
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap()
    }
}

async fn connect(launched: &Launched, process: usize) -> Client {
    let address = launched.urls[process].replace("http://", "");
    Client::connect(&address, json!({})).await.0
}

/// Sends a message, and waits until it is stored.
async fn send(client: &mut Client, text: &str) {
    client.send(&format!("421[\"chat message\",{}]", json!(text))).await;
    while !client.packet().await.starts_with("431[") {}
}

/// Sends until the webhook has begun, which it does with what is sent from then on.
async fn begin(client: &mut Client, receiver: &Receiver) -> usize {
    loop {
        send(client, "begin").await;
        let asked = tokio::time::timeout(
            Duration::from_millis(300),
            receiver.until(|asked| newest(asked) > 0),
        );
        if let Ok(asked) = asked.await {
            return asked.len();
        }
    }
}

fn signal(launched: &Launched, signal: Signal) {
    let pid = Pid::from_raw(launched.process.id().unwrap().cast_signed()).unwrap();
    kill_process(pid, signal).unwrap();
}

#[tokio::test]
async fn a_server_that_is_killed_goes_on_where_it_was() {
    let receiver = Receiver::start([]).await;
    let setup = Setup::new(&receiver);
    let mut server = setup.start(&[], 1).await;
    let mut client = connect(&server, 0).await;
    begin(&mut client, &receiver).await;
    for number in 0..10 {
        send(&mut client, &format!("content {number}")).await;
    }
    let has = |number: u32| {
        move |asked: &[Delivered]| contents(asked).contains(&format!("content {number}"))
    };
    receiver.takes(has(9)).await;
    receiver.reacts(Reaction::Hang);
    send(&mut client, "content 10").await;
    receiver.until(has(10)).await;
    for number in 11..20 {
        send(&mut client, &format!("content {number}")).await;
    }
    server.process.kill().await.unwrap();
    let server = setup.start(&[], 1).await;
    let mut client = connect(&server, 0).await;
    send(&mut client, "content 20").await;
    let is_last =
        |taken: &[Delivered]| contents(taken).last().is_some_and(|last| last == "content 20");
    let taken = receiver.takes(is_last).await;
    let mut got = contents(&taken);
    got.retain(|content| content != "begin");
    let mut first_times = Vec::new();
    got.iter().for_each(|content| {
        if !first_times.contains(content) {
            first_times.push(content.clone());
        }
    });
    let expected: Vec<String> = (0..=20).map(|number| format!("content {number}")).collect();
    assert_eq!(first_times, expected);
    for secret in ["secret-path", "content", &SECRETS[0].0[6..]] {
        assert!(!setup.log().contains(secret), "{secret} is logged");
    }
}

#[tokio::test]
async fn a_failing_receiver_is_logged_without_what_is_secret_and_when_it_works_again() {
    let reactions =
        [Reaction::Refuse(500, ""), Reaction::Refuse(500, ""), Reaction::Refuse(418, "")];
    let receiver = Receiver::start(reactions).await;
    let setup = Setup::new(&receiver);
    let server = setup.start(&[], 1).await;
    let mut client = connect(&server, 0).await;
    begin(&mut client, &receiver).await;
    receiver.takes(|taken| newest(taken) > 0).await;
    while !setup.log().contains("works again") {
        sleep(Duration::from_millis(20)).await;
    }
    let log = setup.log();
    let count = |what: &str| log.lines().filter(|line| line.contains(what)).count();
    assert_eq!((count("answers with status 500"), count("answers with status 418")), (1, 1));
    assert!(log.contains(&format!("webhook http://{}", receiver.address)), "{log}");
    for secret in ["secret-path", "begin", &SECRETS[0].0[6..]] {
        assert!(!log.contains(secret), "{secret} is logged");
    }
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_an_error_in_the_log_and_left_alone_for_a_while() {
    let receiver = Receiver::start([Reaction::Refuse(410, "")]).await;
    let setup = Setup::new(&receiver);
    let server = setup.start(&[], 1).await;
    let mut client = connect(&server, 0).await;
    begin(&mut client, &receiver).await;
    // Four attempts, if it were another failure.
    sleep(Duration::from_secs(2)).await;
    assert_eq!(receiver.until(|_| true).await.len(), 1);
    let log = setup.log();
    assert!(log.lines().any(|line| line.contains("ERROR") && line.contains("status 410")), "{log}");
    assert!(!log.contains("secret-path"), "{log}");
}

#[tokio::test]
async fn secrets_are_read_again_on_sighup() {
    let receiver = Receiver::start([]).await;
    let setup = Setup::new(&receiver);
    let server = setup.start(&[], 1).await;
    let mut client = connect(&server, 0).await;
    begin(&mut client, &receiver).await;
    let keys = SECRETS.map(|(_, key)| key);
    receiver.until(|_| true).await[0].is_signed_with(&keys[..1]);
    setup.write_secrets(2, 0o600);
    signal(&server, Signal::HUP);
    let signatures =
        |delivered: &Delivered| delivered.header("webhook-signature").split(' ').count();
    while receiver.until(|_| true).await.last().is_none_or(|last| signatures(last) < 2) {
        send(&mut client, "again").await;
    }
    receiver.until(|_| true).await.last().unwrap().is_signed_with(&keys);
}

#[tokio::test]
async fn of_several_workers_one_delivers_everything() {
    let receiver = Receiver::start([]).await;
    let setup = Setup::new(&receiver);
    let server = setup.start(&["--workers", "2", "--webhook-rooms", "general"], 2).await;
    let (mut one, mut other) = (connect(&server, 0).await, connect(&server, 1).await);
    begin(&mut one, &receiver).await;
    for number in 0..10 {
        let client = if number % 2 == 0 { &mut one } else { &mut other };
        send(client, &number.to_string()).await;
    }
    let is_last = |taken: &[Delivered]| contents(taken).last().is_some_and(|last| last == "9");
    let mut got = contents(&receiver.takes(is_last).await);
    got.retain(|content| content != "begin");
    assert_eq!(got, (0..10).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn options_that_cannot_be_right_stop_the_program_with_a_reason() {
    let receiver = Receiver::start([]).await;
    let setup = Setup::new(&receiver);
    let fails = async |mut command: Command, reason: &str| {
        let Output { status, stderr, .. } = command.output().await.unwrap();
        let said = String::from_utf8(stderr).unwrap();
        assert!(!status.success() && said.contains(reason), "{reason}: {said}");
        assert!(!said.contains("secret-path"), "{said}");
    };
    let secrets = setup.path("secrets");
    let secrets = secrets.to_str().unwrap();
    let twice = ["--webhook-secret-file", secrets];
    fails(setup.command(&twice), "one for all, or one for each").await;
    fails(setup.command(&["--webhook-ca", secrets]), "--webhook-ca cannot be used").await;
    setup.write_secrets(1, 0o644);
    fails(setup.command(&[]), "chmod 600").await;
    setup.write_secrets(0, 0o600);
    fails(setup.command(&[]), "there is no secret").await;
    let mut help = Command::new(env!("CARGO_BIN_EXE_chat-server"));
    help.arg("--help").env("CHAT_WEBHOOK", &setup.url);
    let help = String::from_utf8(help.output().await.unwrap().stdout).unwrap();
    assert!(help.contains("CHAT_WEBHOOK") && !help.contains("secret-path"), "{help}");
    let mut alone = Command::new(env!("CARGO_BIN_EXE_chat-server"));
    alone.args(["--webhook", &setup.url]);
    fails(alone, "--webhook-secret-file").await;
    for (url, reason) in
        [("ftp://a/secret-path", "absolute URL"), ("http://secret-path@a/", "user name")]
    {
        let setup = Setup { folder: TempDir::new().unwrap(), url: url.to_owned() };
        setup.write_secrets(1, 0o600);
        fails(setup.command(&[]), reason).await;
    }
}

use std::future::Pending;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, watch};

use super::*;

/// A worker that says it listens and then does what the script says.
fn script(script: &str) -> impl Fn(&str) -> Command + Send + Sync + use<> {
    let script = format!("echo {LISTENING}http://$1; {script}");
    move |address| {
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh", address]);
        command
    }
}

fn no_hangups() -> watch::Receiver<()> {
    watch::channel(()).1
}

/// Stops workers when this is ready.
fn when<A>(asked: A) -> Stop<A, Pending<()>> {
    Stop { asked, hurried: std::future::pending(), longer: Duration::ZERO }
}

/// Runs two workers until they listen, and says where.
async fn run_two(command: impl Fn(&str) -> Command + Send + Sync + 'static) -> Vec<String> {
    let seen = Mutex::new(Vec::new());
    let ready = Notify::new();
    let listening = |addresses: &[&str]| {
        seen.lock().expect("no panic").extend(addresses.iter().map(ToString::to_string));
        ready.notify_one();
    };
    let addresses = ["one:1".to_owned(), "two:2".to_owned()];
    let command = move |_, address: &str| command(address);
    run(&addresses, command, listening, no_hangups(), when(ready.notified()))
        .await
        .expect("they start");
    seen.into_inner().expect("no panic")
}

#[tokio::test]
async fn workers_are_announced_in_order_and_stop_when_their_input_ends() {
    assert_eq!(run_two(script("cat")).await, ["one:1", "two:2"]);
}

// Time passes at once while nothing else happens.
#[tokio::test(start_paused = true)]
async fn a_worker_that_does_not_stop_is_killed() {
    let started = Instant::now();
    run_two(script("exec sleep 600")).await;
    assert_eq!(started.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn a_worker_that_ends_before_it_listens_ends_everything() {
    let command = |address: &str| match address {
        "good" => script("cat")(address),
        _ => {
            let mut command = Command::new("sh");
            command.args(["-c", "exit 1"]);
            command
        }
    };
    let addresses = ["good".to_owned(), "bad".to_owned()];
    let listening = |_: &[&str]| panic!("they are not all listening");
    let command = move |_, address: &str| command(address);
    let error =
        run(&addresses, command, listening, no_hangups(), when(std::future::pending())).await;
    let error = error.expect_err("one did not start");
    assert!(error.is_explained());
    assert_eq!(error.to_string(), "the worker for bad ended before it listened: exit status: 1");
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_keeps_ending_is_started_again_with_growing_pauses() {
    let started = Arc::new(Mutex::new(Vec::new()));
    let enough = Arc::new(Notify::new());
    let command = {
        let (started, enough) = (Arc::clone(&started), Arc::clone(&enough));
        move |_, address: &str| {
            let mut started = started.lock().expect("no panic");
            started.push(Instant::now());
            if started.len() == 12 {
                enough.notify_one();
            }
            script("exit 3")(address)
        }
    };
    run(&["one:1".to_owned()], command, |_| {}, no_hangups(), when(enough.notified()))
        .await
        .expect("it starts");
    let started = started.lock().expect("no panic");
    let pauses: Vec<_> = started.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses[0] >= SHORTEST_PAUSE);
    assert!(pauses.iter().is_sorted());
    assert!(pauses[10] >= LONGEST_PAUSE);
}

#[tokio::test]
async fn a_program_that_is_not_there_is_an_error() {
    let command = |_, _: &str| Command::new(Path::new("/nowhere/chat-server"));
    let error =
        run(&["one:1".to_owned()], command, |_| {}, no_hangups(), when(std::future::pending()))
            .await;
    assert!(matches!(error, Err(SupervisorError::Spawn(_))));
}

#[tokio::test]
async fn a_hangup_reaches_every_worker_and_ends_none_that_expects_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let notes = directory.path().to_owned();
    // Status 1 is the end of the input. A signal that comes just before a `read` is noted when its time is over.
    let note = "trap 'echo x >> \"$0.$1\"' HUP";
    let wait = "while read -t 0.05 line; [ $? -ne 1 ]; do :; done";
    let script = format!("{note}; echo {LISTENING}http://$1; {wait}");
    let command = move |_, address: &str| {
        let mut command = Command::new("bash");
        command.args(["-c", &script]).arg(notes.join("hangups")).arg(address);
        command
    };
    let (hang_up, hangups) = watch::channel(());
    let addresses = ["one".to_owned(), "two".to_owned()];
    let noted = |address: &str| {
        let path = directory.path().join(format!("hangups.{address}"));
        std::fs::read_to_string(path).unwrap_or_default().len()
    };
    let stop = async {
        for bytes in [2, 4] {
            hang_up.send(()).expect("they listen");
            while !addresses.iter().all(|address| noted(address) == bytes) {
                sleep(Duration::from_millis(10)).await;
            }
        }
    };
    let ran = run(&addresses, command, |_| {}, hangups, when(stop));
    tokio::time::timeout(Duration::from_secs(30), ran).await.expect("in time").expect("they run");
}

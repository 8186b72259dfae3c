use std::path::PathBuf;
use std::process::{Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::time::timeout;

use super::program::add_token;
use super::{hears, user};
use crate::client::{Client, PATIENCE};
use crate::server::Server;
use crate::service::free_ports;
use crate::webhooks::https::tls;

/// The program as a server, and a file with a token for it.
struct Shell {
    server: Server,
    url: String,
    token: PathBuf,
    _folder: TempDir,
}

impl Shell {
    async fn start(scope: &str, options: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("tokens");
        let token = folder.path().join("token");
        std::fs::write(&token, add_token(&file, "ops", scope) + "\n").unwrap();
        let options = [&["--api-tokens", file.to_str().unwrap()][..], options].concat();
        let server = Server::start(&options).await;
        let url = format!("http://{}", server.address);
        Self { server, url, token, _folder: folder }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chat-server"));
        command.args(arguments).args(["--url", &self.url]).arg("--token-file").arg(&self.token);
        command.kill_on_drop(true);
        command
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        timeout(PATIENCE, self.command(arguments).output()).await.expect("the end").unwrap()
    }

    /// What a command that succeeds prints.
    async fn prints(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The exit code of a command that fails, and what it says.
    async fn fails(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments).await;
        assert!(output.stdout.is_empty(), "{output:?}");
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }
}

#[tokio::test]
async fn a_shell_sends_and_reads() {
    let shell = Shell::start("send", &["--base-path", "/chat"]).await;
    let refused = shell.fails(&["send", "ci", "x"]).await;
    assert!(refused.1.contains("no API"), "below the base path: {refused:?}");
    let shell = Shell { url: format!("{}/chat", shell.url), ..shell };
    assert_eq!(
        shell.prints(&["send", "a/b ?", "first", "--from", "CI", "--key", "k"]).await,
        "1\n"
    );
    assert_eq!(
        shell.prints(&["send", "a/b ?", "first", "--from", "CI", "--key", "k"]).await,
        "1\n"
    );
    let (code, said) = shell.fails(&["send", "a/b ?", "other", "--key", "k"]).await;
    assert!(code == 1 && said.contains("at offset 1 (client_offset_conflict)"), "{said}");
    let (code, said) = shell.fails(&["history", "a/b ?"]).await;
    assert!(code == 1 && said.contains("(forbidden)"), "{said}");
    let mut piped = shell.command(&["send", "a/b ?", "-"]);
    let mut piped = piped.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    piped.stdin.take().unwrap().write_all("two\nlines\n".as_bytes()).await.unwrap();
    assert!(piped.wait().await.unwrap().success());
    let event = shell.prints(&["send", "ci", r#"{"ok":true}"#, "--event", "built"]).await;
    assert_eq!(event, "3\n");
    let (_, said) = shell.fails(&["send", "ci", "{", "--event", "built"]).await;
    assert!(said.contains("JSON"), "{said}");
    let (code, said) = shell.fails(&["send", "ci", ""]).await;
    assert!(code == 1 && said.contains("(invalid_content)"), "{said}");
}

#[tokio::test]
async fn history_users_and_rooms_are_printed_for_people_and_programs() {
    let shell = Shell::start("read", &[]).await;
    let mut ada = user(&shell.server.address, "Ada", json!({ "rooms": ["ci"] })).await;
    let _anonymous = Client::connect(&shell.server.address, json!({ "rooms": ["ci"] })).await;
    for number in 0..250 {
        ada.send(&format!(r#"42["chat message","{number}\u001b[2J",null,{{"room":"ci"}}]"#)).await;
    }
    while hears(&mut ada, "chat message").await[1] != 250 {}
    let all = shell.prints(&["history", "ci", "--limit", "1000"]).await;
    let lines: Vec<&str> = all.lines().collect();
    assert_eq!(lines.len(), 250);
    assert!(
        lines[0].starts_with("1 20") && lines[0].ends_with("Z ci Ada: 0\\u{1b}[2J"),
        "{}",
        lines[0]
    );
    let some = shell.prints(&["history", "ci", "--limit", "2", "--before", "100", "--json"]).await;
    let offsets: Vec<Value> = some
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["offset"].clone())
        .collect();
    assert_eq!(offsets, [98, 99]);
    assert_eq!(shell.prints(&["users", "ci"]).await, "Ada\n");
    let users: Value =
        serde_json::from_str(&shell.prints(&["users", "ci", "--json"]).await).unwrap();
    assert_eq!(users["users"], 2);
    assert_eq!(shell.prints(&["rooms"]).await, "ci\t2\n");
    let (code, said) = shell.fails(&["send", "ci", "x"]).await;
    assert!(code == 1 && said.contains("scope send"), "{said}");
}

#[tokio::test]
async fn what_is_found_is_printed() {
    let shell = Shell::start("read", &[]).await;
    let mut ada = user(&shell.server.address, "Ada", json!({ "rooms": ["ci"] })).await;
    for number in 1..=120 {
        ada.send(&format!(r#"42["chat message","build {number}",null,{{"room":"ci"}}]"#)).await;
    }
    let find = ["search", "build in:ci from:ada", "--limit", "1000"];
    let mut all = shell.prints(&find).await;
    while all.lines().count() < 120 {
        all = shell.prints(&find).await;
    }
    let (first, last) = (all.lines().next().unwrap(), all.lines().next_back().unwrap());
    assert!(first.starts_with("120 20") && first.ends_with("Z ci Ada: build 120"), "{first}");
    assert!(last.ends_with("Z ci Ada: build 1"), "{last}");
    let some = shell.prints(&["search", "-120", "--limit", "1", "--json"]).await;
    let hit: Value = serde_json::from_str(&some).unwrap();
    assert_eq!((&hit["offset"], &hit["matches"]), (&json!(119), &json!([])));
    let (code, said) = shell.fails(&["search", "before:x"]).await;
    assert!(code == 1 && said.contains("(invalid_query)"), "{said}");
}

#[tokio::test]
async fn a_room_is_followed_also_when_the_server_starts_again() {
    let folder = TempDir::new().unwrap();
    let store = format!("sqlite:{}", folder.path().join("chat.db").display());
    let (file, token) = (folder.path().join("tokens"), folder.path().join("token"));
    let secret = [add_token(&file, "ops", "read"), add_token(&file, "ci", "send")];
    std::fs::write(&token, &secret[0]).unwrap();
    let start = async |listen: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chat-server"));
        command.args(["--listen", listen, "--store", &store, "--api-tokens"]).arg(&file);
        crate::server::launch(command, 1).await
    };
    let address = format!("127.0.0.1:{}", free_ports(1)[0]);
    let server = start(&address).await;
    let ci = super::Http::new(&address, &secret[1]);
    let send = async |text: &str| {
        let body = json!({ "content": text });
        ci.post("/rooms/ci/messages", &body).await.with_status(201);
    };
    send("before").await;
    let mut follow = Command::new(env!("CARGO_BIN_EXE_chat-server"));
    follow.args([
        "follow",
        "ci",
        "other",
        "--after",
        "0",
        "--url",
        &server.urls[0],
        "--token-file",
    ]);
    follow.arg(&token).kill_on_drop(true).stdout(Stdio::piped());
    let mut follow = follow.spawn().unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    let mut next = async || {
        let line = timeout(PATIENCE, lines.next_line()).await.expect("a line").unwrap().unwrap();
        line.rsplit(": ").next().unwrap().to_owned()
    };
    assert_eq!(next().await, "before");
    send("first").await;
    assert_eq!(next().await, "first");
    drop(server);
    let _server = start(&address).await;
    for text in ["second", "third"] {
        send(text).await;
        assert_eq!(next().await, text);
    }
}

#[tokio::test]
async fn a_server_on_a_unix_socket_is_asked_there() {
    let folder = TempDir::new().unwrap();
    let socket = format!("unix:{}", folder.path().join("chat.sock").display());
    let shell = Shell::start("send", &["--listen", &socket]).await;
    let shell = Shell { url: socket, ..shell };
    assert_eq!(shell.prints(&["send", "ci", "x"]).await, "1\n");
}

#[tokio::test]
async fn a_shell_keeps_order() {
    let shell = Shell::start("moderate:lobby", &["--rooms"]).await;
    let mut eve = user(&shell.server.address, "Eve", json!({ "rooms": ["lobby"] })).await;
    let kick =
        shell.prints(&["kick", "--room", "lobby", "--user", "Eve", "--reason", "noise"]).await;
    assert_eq!(kick, "done\n");
    let left = hears(&mut eve, "not joined").await;
    assert!(left[0].to_string().contains("noise"), "{left:?}");
    let there = ["--room", "lobby", "--user", "eve"];
    for (command, expected) in [("ban", "done\n"), ("mute", "done\n"), ("lift", "done\ndone\n")] {
        assert_eq!(shell.prints(&[&[command][..], &there].concat()).await, expected);
    }
    assert_eq!(shell.prints(&["ban", "--room", "lobby", "--address", "192.0.2.7"]).await, "done\n");
    let (code, said) = shell.fails(&["ban", "--user", "Eve", "--for", "1h"]).await;
    assert!(code == 1 && said.contains("scope moderate"), "{said}");
}

#[tokio::test]
async fn what_may_help_later_has_an_exit_code_of_its_own() {
    let shell = Shell::start("send", &[]).await;
    let Shell { server, url, .. } = &shell;
    let environment = async |token: &str, url: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chat-server"));
        command.args(["send", "ci", "x", "--key", "k"]).env("CHAT_SERVER_URL", url);
        let output = command.env("CHAT_SERVER_TOKEN", token).output().await.unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = environment("", url).await;
    assert!(code == 1 && said.contains("--token-file"), "{said}");
    let (code, said) = environment("chat_wrong", url).await;
    assert!(
        code == 1 && said.contains("(invalid_token)") && !said.contains("chat_wrong"),
        "{said}"
    );
    let (code, said) = environment("chat_wrong", "ftp://127.0.0.1").await;
    assert!(code == 2 && said.contains("https://HOST"), "{said}");
    let address = server.address.clone();
    drop(shell);
    let (code, said) = environment("chat_wrong", &format!("http://{address}")).await;
    assert!(code == 75 && said.contains("--key k") && said.lines().count() == 1, "{code} {said}");
}

/// A proxy in front of a server, with a certificate of an authority that nobody knows. Returns where it listens, and the
/// certificate of the authority.
async fn tls_proxy(server: &Server) -> (u16, String) {
    let (authority, acceptor) = tls("localhost");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, address) = (listener.local_addr().unwrap().port(), server.address.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, address) = (acceptor.clone(), address.clone());
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut server = TcpStream::connect(&*address).await.unwrap();
                let _ = copy_bidirectional(&mut stream, &mut server).await;
            });
        }
    });
    (port, authority)
}

#[tokio::test]
async fn a_shell_asks_over_https_whom_it_trusts() {
    let shell = Shell::start("send", &[]).await;
    let (port, authority) = tls_proxy(&shell.server).await;
    let file = shell.token.with_file_name("authority.pem");
    std::fs::write(&file, authority).unwrap();
    let shell = Shell { url: format!("https://localhost:{port}"), ..shell };
    let send = async |url: &str, authority: Option<&PathBuf>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chat-server"));
        command.args(["send", "ci", "over TLS", "--url", url, "--token-file"]).arg(&shell.token);
        authority.map(|file| command.env("SSL_CERT_FILE", file));
        timeout(PATIENCE, command.kill_on_drop(true).output()).await.expect("the end").unwrap()
    };
    let said = |output: &Output| String::from_utf8(output.stderr.clone()).unwrap();
    let sent = send(&shell.url, Some(&file)).await;
    assert_eq!(sent.stdout, b"1\n", "{}", said(&sent));
    // Nothing is sent to anybody else, the token least of all.
    for (url, authority) in [
        (&*shell.url, None),
        (&*format!("https://127.0.0.1:{port}"), Some(&file)),
        (&*format!("https://{}", shell.server.address), Some(&file)),
    ] {
        let refused = send(url, authority).await;
        assert_eq!(refused.status.code(), Some(1));
        assert!(said(&refused).contains("TLS"), "{}", said(&refused));
    }
}

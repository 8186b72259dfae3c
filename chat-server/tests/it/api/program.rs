use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::time::{Duration, sleep};

use super::http::Http;
use crate::server::Server;

/// Runs a command of the program.
pub(super) fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_chat-server")).args(arguments).output().unwrap()
}

/// What a command that succeeds prints, without the end of the line.
pub(super) fn printed(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// Adds a token to a file, and returns its secret.
pub(super) fn add_token(file: &Path, name: &str, scope: &str) -> String {
    let file = file.to_str().unwrap();
    printed(&["api-token", name, "--scope", scope, "--api-tokens", file])
}

#[tokio::test]
async fn the_program_serves_the_api_to_the_tokens_in_its_file_and_reads_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    let path = file.to_str().unwrap();
    let secret = add_token(&file, "ci", "send:ci");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let server = Server::start(&["--api-tokens", path, "--base-path", "/chat"]).await;
    // Below the base path.
    let address = server.address.trim_end_matches("/chat").to_owned();
    let outside = Http::new(&address, &secret);
    assert_eq!(outside.get("/rooms").await.status, 404);
    let post = async |secret: &str| {
        let body = json!({ "content": "x" }).to_string();
        let request = format!(
            "POST /chat/api/v1/rooms/ci/messages HTTP/1.1\r\nconnection: close\r\nauthorization: Bearer {secret}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nhost: {address}\r\n\r\n{body}",
            body.len()
        );
        let mut connection = server.open().await;
        connection.send(&request).await;
        connection.response().await
    };
    assert!(post(&secret).await.starts_with("HTTP/1.1 201 "));
    let second = add_token(&file, "cd", "send:ci");
    assert!(post(&second).await.starts_with("HTTP/1.1 401 "));
    let pid = Pid::from_raw(server.process.id().unwrap() as i32).unwrap();
    kill_process(pid, Signal::HUP).unwrap();
    while !post(&second).await.starts_with("HTTP/1.1 201 ") {
        sleep(Duration::from_millis(20)).await;
    }
    for secret in [&secret, &second] {
        assert!(server.logged(&secret[5..]).is_empty(), "no secret is logged");
    }
}

#[tokio::test]
async fn pages_use_the_api_where_they_may_use_the_chat() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    let secret = add_token(&file, "page", "read");
    let page = "https://page.example";
    let options = ["--api-tokens", file.to_str().unwrap(), "--allowed-origin", page];
    let server = Server::start(&options).await;
    let http = Http::new(&server.address, &secret);
    let preflight = Http::without_token(&server.address)
        .with("origin", page)
        .with("access-control-request-method", "DELETE")
        .with("access-control-request-headers", "authorization");
    let allowed = preflight.ask("OPTIONS", "/bans", None).await;
    assert_eq!(allowed.status, 204);
    assert!(allowed.header("access-control-allow-methods").unwrap().contains("delete"));
    assert_eq!(allowed.header("access-control-allow-headers").as_deref(), Some("authorization"));
    let answer = http.with("origin", page).get("/rooms").await;
    assert_eq!(
        (answer.status, answer.header("access-control-allow-origin").as_deref()),
        (200, Some(page))
    );
    let refused = http.with("origin", "https://other.example").get("/rooms").await;
    refused.is_refused(403, "forbidden");
    assert_eq!(refused.header("access-control-allow-origin"), None);
}

#[test]
fn a_file_that_others_may_read_stops_the_program_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    add_token(&file, "ci", "read");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let path = file.to_str().unwrap();
    for arguments in [
        &["--listen", "127.0.0.1:0", "--store", "memory:", "--api-tokens", path][..],
        &["api-token", "cd", "--scope", "read", "--api-tokens", path],
    ] {
        let output = run(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains("chmod 600"), "{said}");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 1);
}

//! Requests as browsers send them for pages of this server and of others.

use crate::server::Server;

const POLL: &str = "/socket.io/?EIO=4&transport=polling";

const WEBSOCKET: &str = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";

const FOREIGN: &str = "https://evil.example";

/// Sends a request that brings its own `Host`.
async fn ask_as(server: &Server, request: &str, host: &str, origin: &str) -> String {
    let mut connection = server.open().await;
    connection.send(&format!("{request}\r\nHost: {host}\r\nOrigin: {origin}\r\n\r\n")).await;
    connection.response().await.to_lowercase()
}

async fn ask_from(server: &Server, request: &str, origin: &str) -> String {
    ask_as(server, request, &server.address, origin).await
}

fn get() -> String {
    format!("GET {POLL} HTTP/1.1")
}

fn preflight() -> String {
    format!(
        "OPTIONS {POLL} HTTP/1.1\r\nAccess-Control-Request-Method: POST\r\n\
         Access-Control-Request-Headers: x-one,content-type"
    )
}

#[tokio::test]
async fn pages_of_others_are_refused_and_told_what_to_do() {
    let server = Server::start(&[]).await;
    let requests = [
        get(),
        preflight(),
        format!("POST {POLL} HTTP/1.1"),
        format!("GET {POLL}&sid=AAAAAAAAAAAAAAAA HTTP/1.1"),
        WEBSOCKET.to_owned(),
        WEBSOCKET.replace("transport=websocket", "transport=websocket&sid=AAAAAAAAAAAAAAAA"),
        get().replace("/socket.io/?", "/socket.io?"),
    ];
    for request in &requests {
        for origin in [FOREIGN, "null", "http://127.0.0.1:1", "http://localhost", "nonsense"] {
            let response = ask_from(&server, request, origin).await;
            assert!(response.starts_with("http/1.1 403 "), "{request} {origin}: {response}");
            assert!(response.contains("\r\ncontent-type: application/json\r\n"), "{response}");
            assert!(response.contains(r#"{"code":4,"message":""#), "{response}");
            assert!(!response.contains("access-control"), "{response}");
        }
        let response = ask_from(&server, request, FOREIGN).await;
        assert!(response.contains("--allowed-origin https://evil.example if"), "{response}");
    }
    let own = format!("http://{}", server.address);
    assert!(ask_from(&server, &get(), &own).await.starts_with("http/1.1 200 "));
    assert!(ask_from(&server, WEBSOCKET, &own).await.starts_with("http/1.1 101 "));
    assert!(server.ask(&get()).await.starts_with("HTTP/1.1 200 "), "a program");
    let lines = server.logged(" WARN ");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("--allowed-origin https://evil.example"), "{lines:?}");
}

#[tokio::test]
async fn a_page_whose_name_was_made_to_lead_here_is_refused() {
    let server = Server::start(&["--allowed-origin", "*"]).await;
    let port = server.address.rsplit(':').next().unwrap();
    for request in [get(), WEBSOCKET.to_owned(), preflight()] {
        let host = format!("evil.example:{port}");
        let response = ask_as(&server, &request, &host, &format!("http://{host}")).await;
        assert!(response.starts_with("http/1.1 403 "), "{response}");
        assert!(response.contains("--allowed-host evil.example"), "{response}");
    }
    let host = format!("localhost:{port}");
    let response = ask_as(&server, &get(), &host, &format!("http://{host}")).await;
    assert!(response.starts_with("http/1.1 200 "), "{response}");
    let lines = server.logged(" WARN ");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("--allowed-host evil.example"), "{lines:?}");

    // A server that others reach is reached by a name that it need not know, until it is told.
    for (options, status) in [(&[][..], "200"), (&["--allowed-host", "chat.example"], "403")] {
        let server = Server::start(&[&["--listen", "0.0.0.0:0"], options].concat()).await;
        let response = ask_as(&server, &get(), "any.example", "http://any.example").await;
        assert!(response.starts_with(&format!("http/1.1 {status} ")), "{response}");
        let response = ask_as(&server, &get(), "chat.example", "http://chat.example").await;
        assert!(response.starts_with("http/1.1 200 "), "{response}");
    }
}

#[tokio::test]
async fn allowed_pages_may_read_answers_and_also_errors() {
    let allowed = ["--allowed-origin", "https://*.example.org,http://localhost:*"];
    let server = Server::start(&allowed).await;
    for origin in ["https://a.example.org", "http://localhost:5173"] {
        let unknown = format!("GET {POLL}&sid=AAAAAAAAAAAAAAAA HTTP/1.1");
        for (request, status) in [(get(), "200"), (unknown, "400"), (preflight(), "204")] {
            let response = ask_from(&server, &request, origin).await;
            assert!(response.starts_with(&format!("http/1.1 {status} ")), "{response}");
            for header in [
                &format!("access-control-allow-origin: {origin}"),
                "access-control-allow-credentials: true",
                "vary: origin",
            ] {
                assert!(response.contains(&format!("\r\n{header}\r\n")), "{header}: {response}");
            }
        }
        let response = ask_from(&server, &preflight(), origin).await;
        for header in [
            "access-control-allow-methods: get, post",
            "access-control-allow-headers: x-one,content-type",
            "access-control-max-age: 7200",
        ] {
            assert!(response.contains(&format!("\r\n{header}\r\n")), "{header}: {response}");
        }
        let response = ask_from(&server, WEBSOCKET, origin).await;
        assert!(response.starts_with("http/1.1 101 "), "{response}");
    }
    let response = ask_from(&server, &get(), "https://example.org").await;
    assert!(response.starts_with("http/1.1 403 "), "{response}");
    // What may be kept by a cache says what it depends on, and a program needs none of this.
    assert!(!server.ask(&get()).await.to_lowercase().contains("access-control"));
}

#[tokio::test]
async fn allowed_pages_may_read_why_they_are_refused_before_they_are_heard() {
    const PAGE: &str = "https://page.example";
    let readable = |response: &str, status: &str| {
        assert!(response.starts_with(&format!("http/1.1 {status} ")), "{response}");
        for header in [
            "access-control-allow-origin: https://page.example",
            "access-control-allow-credentials: true",
            "vary: origin",
        ] {
            let found = response.matches(&format!("\r\n{header}\r\n")).count();
            assert_eq!(found, 1, "{header}: {response}");
        }
    };
    for (limit, status) in
        [(&["--max-connections", "1"][..], "503"), (&["--max-connections-per-address", "1"], "429")]
    {
        let server = Server::start(&[limit, &["--allowed-origin", PAGE]].concat()).await;
        let _other = server.open().await;
        readable(&ask_from(&server, &get(), PAGE).await, status);
        // What comes after it is to be read.
        readable(&ask_from(&server, &preflight(), PAGE).await, "204");
        for origin in [FOREIGN, "null"] {
            let response = ask_from(&server, &get(), origin).await;
            assert!(response.starts_with(&format!("http/1.1 {status} ")), "{response}");
            assert!(!response.contains("access-control"), "{response}");
        }
        let response = server.ask(&get()).await.to_lowercase();
        assert!(!response.contains("access-control"), "{response}");

        let server = Server::start(&[limit, &["--allowed-origin", "*"]].concat()).await;
        let _other = server.open().await;
        let response = ask_from(&server, &get(), FOREIGN).await;
        assert!(response.starts_with(&format!("http/1.1 {status} ")), "{response}");
        assert!(response.contains("\r\naccess-control-allow-origin: *\r\n"), "{response}");
        assert!(!response.contains("credentials"), "{response}");
    }

    let server = Server::start(&["--body-timeout", "1s", "--allowed-origin", PAGE]).await;
    let session = server.ask(&get()).await;
    let (_, session) = session.split_once("\"sid\":\"").expect("a session");
    let (id, _) = session.split_once('"').expect("an id");
    let post = format!("POST {POLL}&sid={id} HTTP/1.1\r\nContent-Length: 10");
    readable(&ask_from(&server, &post, PAGE).await, "408");
}

#[tokio::test]
async fn all_pages_may_come_without_credentials() {
    let server = Server::start(&["--allowed-origin", "*"]).await;
    for request in [get(), preflight()] {
        for origin in [FOREIGN, "null"] {
            let response = ask_from(&server, &request, origin).await;
            assert!(response.contains("\r\naccess-control-allow-origin: *\r\n"), "{response}");
            assert!(!response.contains("credentials"), "{response}");
        }
    }
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_host_that_was_asked_for_counts() {
    let server = Server::start(&["--trusted-proxy", "loopback"]).await;
    let forwarded = get() + "\r\nX-Forwarded-For: 192.0.2.1";
    let name = "chat.example.org";
    let response = ask_as(&server, &forwarded, name, "https://chat.example.org").await;
    assert!(response.starts_with("http/1.1 200 "), "{response}");
    let response = ask_as(&server, &forwarded, name, FOREIGN).await;
    assert!(response.starts_with("http/1.1 403 "), "{response}");
    let rewritten =
        forwarded + "\r\nX-Forwarded-Host: chat.example.org\r\nX-Forwarded-Proto: https";
    let response = ask_as(&server, &rewritten, "127.0.0.1:3000", "https://chat.example.org").await;
    assert!(response.starts_with("http/1.1 200 "), "{response}");
    let response = ask_as(&server, &rewritten, "127.0.0.1:3000", "http://chat.example.org").await;
    assert!(response.starts_with("http/1.1 403 "), "{response}");
    // Not through the proxy: a browser of this machine.
    let response = ask_as(&server, &get(), "evil.example", "http://evil.example").await;
    assert!(response.starts_with("http/1.1 403 "), "{response}");
}

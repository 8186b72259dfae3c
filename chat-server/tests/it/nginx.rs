//! The example of a proxy in the documentation, as it stands there.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::Child;

use crate::javascript;
use crate::nodes::node;
use crate::server::{Raw, Server};
use crate::service::{Service, executable, free_ports};

const OPERATIONS: &str = include_str!("../../../docs/OPERATIONS.md");

/// The example with these servers behind it, on another port.
fn example(servers: &[String], port: u16) -> String {
    let (_, rest) = OPERATIONS.split_once("```nginx\n").expect("there is an example");
    let (example, _) = rest.split_once("```").expect("it ends");
    let mut text = String::new();
    let mut servers = servers.iter();
    for line in example.lines() {
        match line.trim().strip_prefix("server 127.0.0.1:") {
            Some(rest) => servers.next().into_iter().for_each(|server| {
                let parameters = rest.trim_start_matches(|c: char| c.is_ascii_digit());
                let server = server.trim_start_matches("http://");
                writeln!(text, "server {server}{parameters}").unwrap();
            }),
            None => writeln!(text, "{line}").unwrap(),
        }
    }
    assert!(text.contains("listen 80;") && servers.next().is_none(), "{text}");
    text.replace("listen 80;", &format!("listen 127.0.0.1:{port};"))
}

async fn nginx(servers: Vec<String>) -> (Service, String) {
    let command = move |port: u16, folder: &Path| {
        let path = folder.display();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {path}/{kind};"))
            .concat();
        let configuration = format!(
            "daemon off; master_process off; pid {path}/pid; error_log stderr crit;
            events {{ worker_connections 4096; }}
            http {{ access_log off; {temporary} {} }}",
            example(&servers, port)
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, configuration).unwrap();
        let mut command = Command::new(executable("nginx"));
        command.arg("-p").arg(folder).arg("-c").arg(&file);
        command
    };
    let nginx = Service::run(Box::new(command)).await;
    let url = format!("http://{}", nginx.address);
    (nginx, url)
}

/// Two nodes of one chat behind the documented proxy, and its URL. All of them end with what is returned.
async fn two_nodes_behind_nginx(folder: &TempDir) -> (Service, [Child; 2], String) {
    let store = format!("sqlite:{}", folder.path().join("chat.db").display());
    let listen = ["--listen", "127.0.0.1:0", "--trusted-proxy", "loopback"];
    let arguments = [&listen[..], &["--store", &store]].concat();
    let (first, mut servers) = node(&arguments, 1).await;
    let (second, more) = node(&arguments, 1).await;
    servers.extend(more);
    let (proxy, url) = nginx(servers).await;
    (proxy, [first, second], url)
}

#[tokio::test]
#[cfg_attr(
    not(all(has_socket_io_client, has_nginx)),
    ignore = "needs Node.js with npm, and nginx-light"
)]
async fn the_documented_proxy_keeps_each_client_with_one_node() {
    let folder = TempDir::new().unwrap();
    let (_proxy, _nodes, url) = two_nodes_behind_nginx(&folder).await;
    let run = move || javascript::run("sticky_proxy.test.mjs", &[("CHAT_PROXY_URL", &url)]);
    tokio::task::spawn_blocking(run).await.unwrap();
}

#[tokio::test]
#[cfg_attr(
    not(all(has_socket_io_client, has_other_clients, has_nginx)),
    ignore = "needs Node.js with npm, Python with venv, and nginx-light; scripts/test installs the clients"
)]
async fn clients_in_python_chat_behind_the_documented_proxy() {
    let folder = TempDir::new().unwrap();
    let (_proxy, _nodes, url) = two_nodes_behind_nginx(&folder).await;
    let run = move || {
        let _turn = javascript::MACHINE.blocking_lock();
        javascript::run_in("clients", "nginx.test.mjs", &[("CHAT_PROXY_URL", &url)]);
    };
    tokio::task::spawn_blocking(run).await.unwrap();
}

/// What a browser gets for a page of `origin` when it has asked the proxy for `host`.
async fn status(proxy: &str, host: &str, origin: &str) -> String {
    let stream = TcpStream::connect(proxy.trim_start_matches("http://")).await.unwrap();
    let mut connection = Raw(stream);
    let path = "/socket.io/?EIO=4&transport=polling";
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\n\r\n");
    connection.send(&request).await;
    connection.response().await
}

#[tokio::test]
#[cfg_attr(not(has_nginx), ignore = "needs nginx-light")]
async fn pages_behind_the_documented_proxy_have_its_host() {
    for (options, expected) in [(&["--trusted-proxy", "loopback"][..], "200"), (&[], "403")] {
        let server = Server::start(options).await;
        let (_nginx, proxy) = nginx(vec![server.address.clone()]).await;
        for host in ["chat.example.org", "chat.example.org:8080"] {
            let response = status(&proxy, host, &format!("http://{host}")).await;
            assert!(response.starts_with(&format!("HTTP/1.1 {expected} ")), "{host}: {response}");
        }
        for origin in ["https://chat.example.org", "http://evil.example"] {
            let response = status(&proxy, "chat.example.org", origin).await;
            assert!(response.starts_with("HTTP/1.1 403 "), "{origin}: {response}");
        }
        // A client that names a host itself changes nothing.
        let host = "chat.example.org\r\nX-Forwarded-Host: evil.example";
        let response = status(&proxy, host, "http://evil.example").await;
        assert!(response.starts_with("HTTP/1.1 403 "), "{response}");
        if options.is_empty() {
            // Who forgets the option is told so.
            let response = status(&proxy, "chat.example.org", "http://chat.example.org").await;
            assert!(response.contains("--trusted-proxy"), "{response}");
            assert_eq!(server.logged("--trusted-proxy").len(), 1);
        }
    }
}

/// The test starts the nodes itself, where the proxy expects them, and restarts them.
#[tokio::test]
#[cfg_attr(
    not(all(has_socket_io_client, has_nginx)),
    ignore = "needs Node.js with npm, and nginx-light"
)]
async fn nodes_behind_the_documented_proxy_can_be_restarted_one_after_the_other() {
    let nodes: Vec<_> = free_ports(2).into_iter().map(|port| format!("127.0.0.1:{port}")).collect();
    let (_nginx, url) = nginx(nodes.clone()).await;
    let run = move || {
        let nodes = nodes.join(",");
        let variables = [("CHAT_PROXY_URL", &*url), ("CHAT_NODE_ADDRESSES", &*nodes)];
        javascript::run("rolling_restart.test.mjs", &variables);
    };
    tokio::task::spawn_blocking(run).await.unwrap();
}

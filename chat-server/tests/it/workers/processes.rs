//! Processes start and end together.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use super::client::Client;
use super::supervisor::{Supervisor, command, failure};
use crate::service::free_ports;

/// How long stopping may take.
const STOP: Duration = Duration::from_secs(10);

#[tokio::test]
async fn all_workers_end_by_themselves_when_the_supervisor_is_killed() {
    let server = Supervisor::start(3).await;
    let mut client = Client::connect(server.ports[2]).await.expect("connected");
    let start = Instant::now();
    server.signal(Signal::KILL);
    server.ended().await;
    assert!(start.elapsed() < STOP, "{:?}", start.elapsed());
    assert!(client.message().await.is_err());
}

#[tokio::test]
async fn sigterm_and_ctrl_c_stop_all_workers_in_good_order() {
    for signal in [Signal::TERM, Signal::INT] {
        let server = Supervisor::start(3).await;
        let mut client = Client::connect(server.ports[1]).await.expect("connected");
        client.send("stored").await.expect("sent");
        assert_eq!(client.ack().await.expect("acked"), 1);
        let (start, ports) = (Instant::now(), server.ports.clone());
        server.signal(signal);
        let (status, output, log) = server.ended().await;
        assert!(status.success(), "{status}");
        assert!(start.elapsed() < STOP, "{:?}", start.elapsed());
        assert_eq!(output, "");
        // It would say so if a worker had ended otherwise than with success.
        assert!(!log.iter().any(|line| line.contains(" WARN ")), "{log:?}");
        for port in ports {
            let name = format!(" worker=127.0.0.1:{port} ");
            let stopping = |line: &&String| line.contains(&name) && line.ends_with("stopping");
            assert_eq!(log.iter().filter(stopping).count(), 1, "{log:?}");
        }
    }
}

#[tokio::test]
async fn a_port_in_use_is_one_clear_line() {
    let folder = TempDir::new().expect("a folder");
    let store = format!("sqlite:{}", folder.path().join("chat.db").display());
    for taken in 0..2 {
        let ports = free_ports(3);
        let _taken = TcpListener::bind(("127.0.0.1", ports[taken])).expect("it is free");
        let (output, errors) = failure(command(ports[0], 3, &store)).await;
        assert_eq!(output, "");
        let expected = format!("chat-server: cannot listen on \"127.0.0.1:{}\"", ports[taken]);
        assert!(errors.len() == 1 && errors[0].starts_with(&expected), "{errors:?}");
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_is_one_clear_line() {
    let folder = TempDir::new().expect("a folder");
    let store = format!("sqlite:{}", folder.path().join("missing/chat.db").display());
    let (output, errors) = failure(command(free_ports(3)[0], 3, &store)).await;
    assert_eq!(output, "");
    assert!(errors.len() == 1 && errors[0].contains("cannot be opened"), "{errors:?}");
}

#[tokio::test]
async fn a_store_that_processes_cannot_share_is_refused() {
    let (output, errors) = failure(command(0, 3, "memory:")).await;
    assert_eq!(output, "");
    let expected = "chat-server: a memory: store is inside one process and --workers 3 are several";
    assert!(errors.len() == 1 && errors[0].starts_with(expected), "{errors:?}");
}

#[tokio::test]
async fn a_socket_of_another_server_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let socket = folder.path().join("hub");
    let _other = chat_adapter::ClusterHub::bind(&socket).await.expect("a hub");
    let store = format!("sqlite:{}", folder.path().join("chat.db").display());
    let mut command = command(free_ports(2)[0], 2, &store);
    command.arg("--adapter").arg(format!("cluster:{}", socket.display()));
    let (output, errors) = failure(command).await;
    assert_eq!(output, "");
    assert!(
        errors.len() == 1 && errors[0].ends_with("another process listens on it"),
        "{errors:?}"
    );
}

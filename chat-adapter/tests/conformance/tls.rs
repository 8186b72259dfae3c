//! Brokers with TLS.

use std::process::Command;

use chat_adapter::testkit::frame;
use chat_adapter::{BroadcastError, Incoming};
use tempfile::TempDir;

use crate::certificates::Certificates;
use crate::next;
use crate::service::{Service, executable};

/// Two nodes that trust the broker's authority hear each other; whoever trusts another, or speaks no TLS, does not get in.
async fn check(secure: &str, plain: &str, service: &Service, certificates: &Certificates) {
    let url = |scheme: &str, query: String| format!("{scheme}://{}{query}", service.address);
    let trusting = url(secure, format!("?ca={}", certificates.authority.display()));
    let publisher = chat_adapter::open(&trusting).await.expect("connected");
    let node = chat_adapter::open(&trusting).await.expect("connected");
    let mut subscriber = node.subscribe().await.expect("subscribed");
    publisher.publish(frame(1, 1)).await.expect("published");
    assert_eq!(next(&mut subscriber).await, Incoming::Frame(frame(1, 1)));
    for refused in [
        url(secure, format!("?ca={}", certificates.stranger.display())),
        url(secure, String::new()),
        url(plain, String::new()),
    ] {
        let error = chat_adapter::open(&refused).await.err().expect("it is refused");
        let is_right =
            matches!(error, BroadcastError::Unreachable { .. } | BroadcastError::Refused { .. });
        assert!(is_right, "{refused}: {error:?}");
    }
}

/// Nobody goes on in the clear with a broker that has no TLS.
async fn check_without_tls(secure: &str, service: &Service) {
    let refused = chat_adapter::open(&format!("{secure}://{}", service.address)).await;
    let error = refused.err().expect("it is refused");
    assert!(
        matches!(error, BroadcastError::Unreachable { .. } | BroadcastError::Refused { .. }),
        "{error:?}"
    );
}

#[cfg(feature = "redis")]
fn redis_command(port: u16, folder: &std::path::Path, tls: Option<&Certificates>) -> Command {
    let mut command = Command::new(executable("redis-server"));
    command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    command.arg("--dir").arg(folder);
    match tls {
        None => command.args(["--port", &port.to_string()]),
        Some(Certificates { server, key, authority, .. }) => {
            command.args(["--port", "0", "--tls-port", &port.to_string()]);
            command.arg("--tls-cert-file").arg(server).arg("--tls-key-file").arg(key);
            command.arg("--tls-ca-cert-file").arg(authority).args(["--tls-auth-clients", "no"])
        }
    };
    command
}

#[cfg(feature = "redis")]
#[tokio::test]
#[cfg_attr(not(has_redis_server), ignore = "needs redis-server")]
async fn redis_with_tls_is_trusted_by_its_authority() {
    let folder = TempDir::new().expect("a folder");
    let certificates = Certificates::make(folder.path());
    let files = certificates.clone();
    let service =
        Service::run(Box::new(move |port, folder| redis_command(port, folder, Some(&files)))).await;
    check("rediss", "redis", &service, &certificates).await;
    let plain = Service::run(Box::new(|port, folder| redis_command(port, folder, None))).await;
    check_without_tls("rediss", &plain).await;
}

#[cfg(feature = "nats")]
#[tokio::test]
#[cfg_attr(not(has_nats_server), ignore = "needs nats-server")]
async fn nats_with_tls_is_trusted_by_its_authority() {
    let folder = TempDir::new().expect("a folder");
    let certificates = Certificates::make(folder.path());
    let (server, key) = (certificates.server.clone(), certificates.key.clone());
    let command = |port: u16| {
        let mut command = Command::new(executable("nats-server"));
        command.args(["--addr", "127.0.0.1", "--port", &port.to_string()]);
        command
    };
    let service = Service::run(Box::new(move |port, _| {
        let mut command = command(port);
        command.arg("--tls").arg("--tlscert").arg(&server).arg("--tlskey").arg(&key);
        command
    }))
    .await;
    check("tls", "nats", &service, &certificates).await;
    let plain = Service::run(Box::new(move |port, _| command(port))).await;
    check_without_tls("tls", &plain).await;
}

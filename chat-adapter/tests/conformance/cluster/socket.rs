//! The socket in the file system.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use chat_adapter::testkit::frame;
use chat_adapter::{Broadcast, ClusterBroadcast, ClusterHub, Incoming};

use super::Place;
use crate::next;

fn cause(error: impl std::error::Error) -> String {
    error.source().expect("a cause").to_string()
}

#[tokio::test]
async fn only_this_user_may_connect_and_the_socket_goes_with_the_hub() {
    let place = Place::new();
    let hub = place.hub().await;
    let mode = fs::metadata(hub.path()).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    drop(hub);
    assert!(!place.path().exists());
}

#[tokio::test]
async fn a_socket_that_was_left_behind_is_replaced() {
    let place = Place::new();
    // The standard library's listener leaves its file, as a killed process does.
    drop(std::os::unix::net::UnixListener::bind(place.path()).expect("a socket"));
    assert!(place.path().exists());
    let _hub = place.hub().await;
    let (one, other) = (place.node().await, place.node().await);
    let mut subscriber = other.subscribe().await.expect("subscribed");
    one.publish(frame(1, 1)).await.expect("published");
    assert_eq!(next(&mut subscriber).await, Incoming::Frame(frame(1, 1)));
}

#[tokio::test]
async fn a_second_hub_is_refused_and_the_first_goes_on() {
    let place = Place::new();
    let _hub = place.hub().await;
    let refused = ClusterHub::bind(place.path()).await.expect_err("it is taken");
    assert!(cause(refused).ends_with("cannot be used: another process listens on it"));
    place.node().await;
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_left_alone() {
    let place = Place::new();
    fs::write(place.path(), "precious").expect("written");
    let refused = ClusterHub::bind(place.path()).await.expect_err("it is no socket");
    assert!(cause(refused).ends_with("cannot be used: the file is no socket"));
    assert_eq!(fs::read(place.path()).expect("read"), b"precious");
}

#[tokio::test]
async fn a_node_without_a_hub_does_not_start() {
    let place = Place::new();
    let refused = ClusterBroadcast::connect(place.path()).await.expect_err("nobody is there");
    assert_eq!(
        refused.to_string(),
        format!(
            "the hub at {} does not answer; start it, or correct the address of the adapter",
            place.path().display()
        )
    );
    assert!(refused.is_retryable());
}

//! A Socket.IO client by polling, with no more than these tests need. It stands alone, so that you can copy this crate.

use std::collections::VecDeque;
use std::net::SocketAddr;

use serde_json::Value;

use crate::http::{get, post};

/// Between the packets of one body.
const SEPARATOR: char = '\x1e';

pub(crate) struct Client {
    address: SocketAddr,
    /// Where its requests go.
    path: String,
    /// What stands before each packet of its namespace: nothing for the main one.
    namespace: String,
    acks: u64,
    packets: VecDeque<String>,
}

impl Client {
    /// Connects to a namespace; why it was refused, if it was.
    pub(crate) async fn connect(
        address: SocketAddr,
        namespace: &str,
        auth: Value,
    ) -> Result<Self, Value> {
        let path = "/socket.io/?EIO=4&transport=polling";
        let open = get(address, path).await.unwrap();
        let open: Value = serde_json::from_str(open.strip_prefix('0').expect("OPEN")).unwrap();
        let path = format!("{path}&sid={}", open["sid"].as_str().expect("a sid"));
        let namespace = if namespace == "/" { String::new() } else { format!("{namespace},") };
        let mut client = Self { address, path, namespace, acks: 0, packets: VecDeque::new() };
        client.send(&format!("0{}{auth}", client.namespace)).await;
        let answer = client.packet().await;
        if let Some(error) = answer.strip_prefix(&format!("4{}", client.namespace)) {
            return Err(serde_json::from_str(error).unwrap());
        }
        assert!(answer.starts_with('0'), "{answer}");
        Ok(client)
    }

    /// Sends an event and returns the arguments of its ack. Other events that come first are kept.
    pub(crate) async fn ask(&mut self, event: Value) -> Value {
        let id = self.acks;
        self.acks += 1;
        self.send(&format!("2{}{id}{event}", self.namespace)).await;
        let ack = format!("3{}{id}[", self.namespace);
        let packet = self.find(|packet| packet.starts_with(&ack)).await;
        serde_json::from_str(&packet[ack.len() - 1..]).unwrap()
    }

    /// Sends an event without an ack.
    pub(crate) async fn emit(&mut self, event: Value) {
        self.send(&format!("2{}{event}", self.namespace)).await;
    }

    /// The next event with this name: an array that begins with it.
    pub(crate) async fn event(&mut self, name: &str) -> Value {
        let event = format!("2{}[\"{name}\"", self.namespace);
        let packet = self.find(|packet| packet.starts_with(&event)).await;
        serde_json::from_str(&packet[1 + self.namespace.len()..]).unwrap()
    }

    /// Leaves, as `socket.disconnect()` does.
    pub(crate) async fn disconnect(&mut self) {
        self.send(&format!("1{}", self.namespace)).await;
    }

    async fn send(&self, packet: &str) {
        assert_eq!(post(self.address, &self.path, &format!("4{packet}")).await.unwrap(), "ok");
    }

    async fn find(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        let mut others = VecDeque::new();
        let found = loop {
            let packet = self.packet().await;
            if wanted(&packet) {
                break packet;
            }
            others.push_back(packet);
        };
        others.append(&mut self.packets);
        self.packets = others;
        found
    }

    /// The next packet of Socket.IO; those of Engine.IO are left out.
    async fn packet(&mut self) -> String {
        loop {
            if let Some(packet) = self.packets.pop_front() {
                return packet;
            }
            let body = get(self.address, &self.path).await.unwrap();
            let packets = body.split(SEPARATOR).filter_map(|packet| packet.strip_prefix('4'));
            self.packets.extend(packets.map(str::to_owned));
        }
    }
}

//! One node or two of this project's server, which share a log.

use std::fs;
use std::net::SocketAddr;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::lifted::lift_limits;
use super::place::{Place, SharedProcess};
use super::services::Service;
use super::setup::{Adapter, Setup, StoreKind};
use super::{PATIENCE, Servers, listening};
use crate::measure::children;

/// By which the nodes know each other in a broker that nobody else uses.
const SECRET: &str = "the nodes of one measurement, and nobody else";

/// Nodes that run, until this is dropped.
pub(crate) struct Group {
    addresses: Vec<SocketAddr>,
    pids: Vec<u32>,
    shared: Option<SharedProcess>,
    /// The nodes, or the supervisor that has started them.
    children: Vec<Child>,
    /// A broker or a database that was started for them.
    service: Option<Service>,
    folder: TempDir,
}

impl Servers {
    /// Starts nodes with an empty store, and what they need.
    pub(crate) async fn start_group(&self, setup: Setup) -> anyhow::Result<Group> {
        let folder = TempDir::new_in(&self.runs).context("there is no folder for the nodes")?;
        let service = match setup {
            Setup::Two(Adapter::Redis | Adapter::RedisPubsub) => {
                Some(Service::redis(folder.path()).await?)
            }
            Setup::Two(Adapter::Nats) => Some(Service::nats().await?),
            _ if setup.store() == StoreKind::Postgres => Some(Service::postgres().await?),
            Setup::One(_) | Setup::Two(_) => None,
        };
        let url = service.as_ref().map(|service| service.url.clone()).unwrap_or_default();
        let store = match setup.store() {
            StoreKind::Sqlite => format!("sqlite:{}", folder.path().join("chat.db").display()),
            StoreKind::Postgres => url.clone(),
        };
        let shared = service.as_ref().map(|service| service.shared);
        let mut group = Group {
            addresses: Vec::new(),
            pids: Vec::new(),
            shared,
            children: Vec::new(),
            service,
            folder,
        };
        match setup {
            Setup::One(_) => self.add_node(&mut group, &store, "local:").await?,
            Setup::Two(Adapter::Cluster) => self.add_workers(&mut group, &store).await?,
            Setup::Two(adapter) => {
                let parameters = if adapter == Adapter::RedisPubsub { "?mode=pubsub" } else { "" };
                for _ in 0..2 {
                    self.add_node(&mut group, &store, &format!("{url}{parameters}")).await?;
                }
            }
        }
        Ok(group)
    }

    async fn add_node(&self, group: &mut Group, store: &str, url: &str) -> anyhow::Result<()> {
        let mut command = self.chat_server(store);
        command.args(["--adapter", url]);
        if url != "local:" {
            // Without one the second node would read each message from the store.
            let secret = group.folder.path().join("secret");
            fs::write(&secret, SECRET).context("the secret of the nodes cannot be written")?;
            command.arg("--cluster-secret-file").arg(secret);
        }
        let log = self.runs.join(format!("node-{}.log", group.children.len()));
        let (child, addresses) = listening(command, &log, 1).await?;
        group.pids.push(child.id().context("a node ended at once")?);
        group.addresses.extend(addresses);
        group.children.push(child);
        Ok(())
    }

    async fn add_workers(&self, group: &mut Group, store: &str) -> anyhow::Result<()> {
        let mut command = self.chat_server(store);
        command.args(["--workers", "2"]);
        let (child, addresses) = listening(command, &self.runs.join("workers.log"), 2).await?;
        let supervisor = child.id().context("the supervisor ended at once")?;
        group.children.push(child);
        group.pids = children(supervisor)?;
        group.addresses = addresses;
        // It relays, and does nothing else.
        group.shared = Some(SharedProcess::Alone(supervisor));
        anyhow::ensure!(
            group.pids.len() == 2,
            "the supervisor has other children than two workers"
        );
        Ok(())
    }

    fn chat_server(&self, store: &str) -> Command {
        let mut command = Command::new(&self.chat_server);
        command.args(["--listen", "127.0.0.1:0", "--store", store]);
        lift_limits(&mut command);
        command
    }
}

impl Group {
    /// The senders at the first node, and the others at the last one or there as well.
    pub(crate) fn place(&self, remote: bool) -> anyhow::Result<Place> {
        let first = self.addresses.first().context("there is no node")?;
        let last = self.addresses.last().context("there is no node")?;
        Ok(Place {
            senders: *first,
            listeners: if remote { *last } else { *first },
            nodes: self.pids.clone(),
            shared: self.shared,
        })
    }

    /// Ends the nodes and what they use, and deletes what they kept.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        let Self { mut children, service, folder, .. } = self;
        for child in &mut children {
            // In good order: a supervisor takes its workers with it.
            let pid = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
            if let Some(pid) = pid {
                kill_process(pid, Signal::TERM).context("a node cannot be stopped")?;
            }
        }
        for mut child in children {
            if timeout(PATIENCE, child.wait()).await.is_err() {
                child.kill().await.context("a node cannot be stopped")?;
            }
        }
        if let Some(service) = service {
            service.stop().await?;
        }
        folder.close().context("the folder of the nodes cannot be deleted")
    }
}

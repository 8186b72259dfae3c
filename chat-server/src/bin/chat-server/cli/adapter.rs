//! Opens the adapter that the command line names.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use chat_adapter::{Broadcast, ClusterSecret};

use super::Cli;

/// Opens the adapter. A worker opens the hub of its supervisor, if there is one.
///
/// # Errors
/// When the adapter cannot be opened, and when it is a broker on another machine and there is no secret.
pub(super) async fn open(cli: &Cli) -> anyhow::Result<Arc<dyn Broadcast>> {
    if let Some(hub) = &cli.worker_hub {
        return Ok(chat_adapter::open(&format!("cluster:{}", hub.display())).await?);
    }
    let secret = cli.cluster_secret_file.as_deref().map(read_secret).transpose()?;
    if secret.is_none() && !cli.trust_broker {
        refuse_strangers(&cli.adapter, &cli.store)?;
    }
    Ok(chat_adapter::open_with(&cli.adapter, secret).await?)
}

fn refuse_strangers(adapter: &str, store: &str) -> anyhow::Result<()> {
    if chat_adapter::needs_secret(adapter, store)? {
        anyhow::bail!(
            "the broker of --adapter is not on this machine, and whoever reaches it could speak as a node; make a \
             secret with \"openssl rand -hex 32 > FILE\", give all nodes the same with --cluster-secret-file \
             FILE, or say --trust-broker when nobody else reaches the broker"
        );
    }
    Ok(())
}

fn read_secret(path: &Path) -> anyhow::Result<ClusterSecret> {
    let place = || format!("--cluster-secret-file {} cannot be used", path.display());
    let bytes = std::fs::read(path).with_context(place)?;
    ClusterSecret::from_bytes(&bytes).with_context(place)
}

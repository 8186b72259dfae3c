//! How messages get onto the disk: written, then synced, and only then seen by anybody and confirmed.

use std::sync::Arc;
use std::time::Duration;

use chat_core::NewMessage;
use chat_store::Appended;
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::plants::Plant;
use crate::world::World;

/// A batch that is written, and not synced. There is one at the most, as one commit holds the log.
pub(crate) struct Written {
    batch: Vec<NewMessage>,
    /// How many of its messages the disk keeps.
    most: usize,
    node: usize,
    confirm: oneshot::Sender<Vec<Appended>>,
}

impl World {
    /// Commits a batch, whatever becomes of the node meanwhile. None if the power was cut before it was synced.
    pub(crate) async fn commit(
        self: &Arc<Self>,
        batch: &[NewMessage],
        most: usize,
        node: usize,
    ) -> Option<Vec<Appended>> {
        let (confirm, confirmed) = oneshot::channel();
        let written = Written { batch: batch.to_vec(), most, node, confirm };
        let world = Arc::clone(self);
        tokio::spawn(async move {
            let _one_at_a_time = world.log.lock().await;
            world.disk().written = Some(written);
            if world.plant == Some(Plant::AckBeforeSync) {
                world.sync();
                let end = world.disk().log.len();
                sleep(world.random(|rng| rng.millis(100, 1000))).await;
                let disk = &mut *world.disk();
                disk.synced = end.min(disk.log.len());
                return;
            }
            world.take_time().await;
            world.sync();
        });
        confirmed.await.ok()
    }

    /// Keeps what is written.
    fn sync(&self) {
        let mut disk = self.disk();
        let Some(Written { batch, most, node, confirm }) = disk.written.take() else { return };
        let appended = disk.append(&batch, most, node);
        drop(disk);
        self.note(format_args!("store: node {node} appends {appended:?}"));
        // The node may have crashed.
        let _ = confirm.send(appended);
    }

    /// Cuts the power of the disk: what is not synced is there or not, as a whole.
    pub(crate) fn cut_power(&self) {
        self.note("the power of the disk is cut");
        if self.random(|rng| rng.chance(500)) {
            self.sync();
        }
        let mut disk = self.disk();
        disk.written = None;
        if disk.is(Plant::AckBeforeSync) {
            let synced = disk.synced;
            disk.forget_after(synced);
        }
    }
}

/// How long the machines are without power at least.
pub(crate) const DARK: Duration = Duration::from_millis(300);

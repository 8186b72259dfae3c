use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::{Mutex, MutexGuard, OwnedMutexGuard};

/// Keeps the requests of one connection in order when one of them has to wait for the store.
///
/// Requests that need not wait run at once, as long as none before them waits.
#[derive(Debug, Default)]
pub(crate) struct RequestQueue(Arc<Mutex<()>>);

impl RequestQueue {
    /// Runs `request` at once, or after everything that was started before.
    pub(crate) fn now_or_later(&self, request: impl FnOnce() + Send + 'static) {
        match self.0.try_lock() {
            Ok(_turn) => request(),
            Err(_) => self.later(async { request() }),
        }
    }

    /// Returns the turn, which ends when it is dropped; none if a request has it or waits for it.
    pub(crate) fn turn(&self) -> Option<MutexGuard<'_, ()>> {
        self.0.try_lock().ok()
    }

    /// Runs `request`, which may wait, after everything that was started before and before everything that comes
    /// later. It runs to its end even if the client has left.
    pub(crate) fn later(&self, request: impl Future<Output = ()> + Send + 'static) {
        self.later_with(|turn| async move {
            request.await;
            drop(turn);
        });
    }

    /// Like [`later`](Self::later), for a request that ends its turn itself: by dropping the guard that it is given.
    pub(crate) fn later_with<F: Future<Output = ()> + Send + 'static>(
        &self,
        request: impl FnOnce(OwnedMutexGuard<()>) -> F + Send + 'static,
    ) {
        let mut turn = Box::pin(Arc::clone(&self.0).lock_owned());
        // The first poll puts it into the queue.
        let first: Option<OwnedMutexGuard<()>> = (&mut turn).now_or_never();
        tokio::spawn(async move {
            let turn = match first {
                Some(turn) => turn,
                None => turn.await,
            };
            request(turn).await;
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn requests_keep_their_order_whichever_of_them_waits() {
        let (requests, done) = (RequestQueue::default(), Arc::new(Mutex::new(Vec::new())));
        let note = |number: u32| {
            let done = Arc::clone(&done);
            move || done.lock().unwrap().push(number)
        };
        requests.now_or_later(note(1));
        assert_eq!(*done.lock().unwrap(), [1]);
        let (open, opened) = oneshot::channel::<()>();
        let second = note(2);
        requests.later(async move {
            opened.await.unwrap();
            second();
        });
        requests.now_or_later(note(3));
        let fourth = note(4);
        requests.later(async move { fourth() });
        let (end, ended) = oneshot::channel();
        let fifth = note(5);
        requests.now_or_later(move || {
            fifth();
            end.send(()).unwrap();
        });
        assert_eq!(*done.lock().unwrap(), [1]);
        open.send(()).unwrap();
        ended.await.unwrap();
        assert_eq!(*done.lock().unwrap(), [1, 2, 3, 4, 5]);
        requests.now_or_later(note(6));
    }
}

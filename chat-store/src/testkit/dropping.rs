use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// Maximum number of polls before a future is dropped. Stores that need more are dropped in the middle.
pub(super) const POLLS: usize = 12;

/// Polls a future at most this many times, drops it if it is not ready then, and returns whether it was.
pub(super) async fn poll_at_most<F: Future>(polls: usize, future: F) -> bool {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        if left > 0 {
            left -= 1;
            if future.as_mut().poll(context).is_ready() {
                return Poll::Ready(true);
            }
        }
        if left == 0 { Poll::Ready(false) } else { Poll::Pending }
    })
    .await
}

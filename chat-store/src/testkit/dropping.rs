use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// The furthest that a dropped future gets. Stores that are not done by then are dropped in the middle.
pub(super) const POLLS: usize = 12;

/// Polls a future at most so many times, drops it when it is not ready then, and says whether it was.
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

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat_store::StoreError;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// How long no call may have failed before a kind of call counts as working again.
///
/// On a full disk a small write may fit where a large one does not. Without this delay the two would report the end
/// of the outage, and the next outage, again and again.
const CALM: Duration = Duration::from_secs(2);

/// Tracks whether one kind of store call works. Logs once when it stops working and once when it works again, however
/// many calls fail in between.
///
/// A kind covers calls that fail together: a write outage is not over because reads work.
#[derive(Debug)]
pub(crate) struct Outage {
    what: &'static str,
    state: Mutex<State>,
    begun: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// When the last call failed, during the outage.
    failed: Option<Instant>,
    /// Whether a call has succeeded since.
    works: bool,
    /// Whether a task waits for the calm period to end.
    waits: bool,
}

impl Outage {
    /// Creates a tracker; `what` is the name of the kind, as in "reading from the store".
    pub(crate) fn new(what: &'static str) -> Arc<Self> {
        Arc::new(Self { what, state: Mutex::default(), begun: Notify::new() })
    }

    /// Returns whether it does not work: a call has failed, and since then none has succeeded, or another one failed
    /// a moment ago.
    pub(crate) fn is_on(&self) -> bool {
        self.state().failed.is_some()
    }

    /// Returns whether it is unknown if it works: the last call failed.
    pub(crate) fn is_unproven(&self) -> bool {
        let state = self.state();
        state.failed.is_some() && !state.works
    }

    /// Returns when an outage begins; immediately during one. For a single waiting task.
    pub(crate) async fn begins(&self) {
        while !self.is_on() {
            self.begun.notified().await;
        }
    }

    /// Records a result of the store and returns it. Must be called on a tokio runtime.
    pub(crate) fn watch<T>(
        self: &Arc<Self>,
        result: Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match &result {
            Err(error) => self.failed(error),
            Ok(_) => self.worked(),
        }
        result
    }

    fn failed(&self, error: &StoreError) {
        let mut state = self.state();
        state.works = false;
        if state.failed.replace(Instant::now()).is_none() {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::error!(error.cause = cause, "{} has failed: {error}", self.what);
            self.begun.notify_one();
        }
    }

    fn worked(self: &Arc<Self>) {
        let mut state = self.state();
        if state.failed.is_none() {
            return;
        }
        state.works = true;
        if !std::mem::replace(&mut state.waits, true) {
            tokio::spawn(Arc::clone(self).end_in_calm());
        }
    }

    /// Ends the outage once no call has failed for long enough, unless the last one has failed by then.
    async fn end_in_calm(self: Arc<Self>) {
        while let Some(calm) = self.end() {
            sleep_until(calm).await;
        }
    }

    /// Ends the outage if possible. Returns when to check again, unless there is nothing to wait for.
    fn end(&self) -> Option<Instant> {
        let mut state = self.state();
        let calm = state.failed.filter(|_| state.works).map(|failed| failed + CALM);
        if let Some(calm) = calm.filter(|calm| Instant::now() < *calm) {
            return Some(calm);
        }
        state.waits = false;
        if calm.is_some() {
            state.failed = None;
            tracing::info!("{} works again", self.what);
        }
        None
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write;

    use tracing::subscriber::DefaultGuard;

    use super::*;

    /// What this thread writes to its log while this lives.
    pub(crate) struct Lines {
        written: Arc<Mutex<Vec<u8>>>,
        _listening: DefaultGuard,
    }

    struct Writer(Arc<Mutex<Vec<u8>>>);

    impl Write for Writer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        pub(crate) fn listen() -> Self {
            let written = Arc::<Mutex<Vec<u8>>>::default();
            let writer = Arc::clone(&written);
            let lines = tracing_subscriber::fmt()
                .without_time()
                .with_ansi(false)
                .with_target(false)
                .with_writer(move || Writer(Arc::clone(&writer)));
            let _listening = tracing::subscriber::set_default(lines.finish());
            Self { written, _listening }
        }

        /// What comes before the first `:` of each line.
        pub(crate) fn heads(&self) -> Vec<String> {
            let written = String::from_utf8(self.written.lock().unwrap().clone()).unwrap();
            let head = |line: &str| line.split(':').next().unwrap_or_default().trim().to_owned();
            written.lines().map(head).collect()
        }
    }

    fn failure() -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }

    async fn pass(millis: u64) {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_begins_and_ends_with_one_line_each() {
        let lines = Lines::listen();
        let outage = Outage::new("writing");
        outage.watch(Ok(())).unwrap();
        assert!(!outage.is_on());
        for _ in 0..100 {
            outage.watch(failure()).unwrap_err();
            pass(100).await;
            assert!(outage.is_on() && outage.is_unproven());
        }
        // Nothing but a call that works ends it.
        pass(60_000).await;
        assert!(outage.is_on());
        outage.watch(Ok(())).unwrap();
        pass(1).await;
        assert!(!outage.is_on());
        assert_eq!(lines.heads(), ["ERROR writing has failed", "INFO writing works again"]);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_fail_and_work_by_turns_are_one_outage() {
        let lines = Lines::listen();
        let outage = Outage::new("writing");
        for _ in 0..100 {
            outage.watch(failure()).unwrap_err();
            pass(900).await;
            outage.watch(Ok(())).unwrap();
            assert!(outage.is_on() && !outage.is_unproven());
            pass(900).await;
        }
        pass(300).await;
        assert!(!outage.is_on(), "none has failed for two seconds, and the last one worked");
        assert_eq!(lines.heads(), ["ERROR writing has failed", "INFO writing works again"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_worked_and_one_that_failed_after_it_do_not_end_an_outage() {
        let outage = Outage::new("writing");
        outage.watch(failure()).unwrap_err();
        outage.watch(Ok(())).unwrap();
        pass(1_000).await;
        outage.watch(failure()).unwrap_err();
        pass(60_000).await;
        assert!(outage.is_on() && outage.is_unproven());
        outage.watch(Ok(())).unwrap();
        pass(1).await;
        assert!(!outage.is_on());
    }
}

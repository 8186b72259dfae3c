use tokio::sync::watch;

/// A gate that calls pass one after the other, and that a test can close. It starts open.
#[derive(Debug)]
pub struct Gate {
    state: watch::Sender<State>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    closed: bool,
    /// The number of calls that may pass although it is closed.
    passes: usize,
    waiting: usize,
}

impl Gate {
    pub(super) fn new() -> Self {
        Self { state: watch::Sender::new(State { closed: false, passes: 0, waiting: 0 }) }
    }

    /// Holds every call that comes from now on.
    pub fn close(&self) {
        self.state.send_modify(|state| state.closed = true);
    }

    /// Lets all calls pass, waiting ones and later ones.
    pub fn open(&self) {
        self.state.send_modify(|state| *state = State { closed: false, passes: 0, ..*state });
    }

    /// Lets `count` calls pass and stays closed for the others.
    pub fn let_through(&self, count: usize) {
        self.state.send_modify(|state| state.passes += count);
    }

    /// Returns when at least `count` calls wait here.
    pub async fn waiting(&self, count: usize) {
        // Cannot fail: the sender lives in `self`.
        let _ = self.state.subscribe().wait_for(|state| state.waiting >= count).await;
    }

    pub(super) async fn pass(&self) {
        let mut states = self.state.subscribe();
        let _counted = Waiting::new(self);
        while !self.try_pass() {
            // Cannot fail: the sender lives in `self`.
            let _ = states.changed().await;
        }
    }

    fn try_pass(&self) -> bool {
        let mut passed = false;
        self.state.send_if_modified(|state| {
            passed = !state.closed || state.passes > 0;
            let used = state.closed && passed;
            state.passes -= usize::from(used);
            used
        });
        passed
    }
}

/// Counts a call as waiting until it has passed or is dropped.
struct Waiting<'a>(&'a Gate);

impl<'a> Waiting<'a> {
    fn new(gate: &'a Gate) -> Self {
        gate.state.send_modify(|state| state.waiting += 1);
        Self(gate)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.state.send_modify(|state| state.waiting -= 1);
    }
}

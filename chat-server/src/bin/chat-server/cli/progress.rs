//! When long work says how far it is.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

/// The pause between two lines for somebody who watches, and between two that nobody waits for.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(10)];

/// The pace of the lines.
pub(super) struct Pace {
    pause: Duration,
    printed: Instant,
}

impl Pace {
    /// A line each second.
    pub(super) fn quick() -> Self {
        Self { pause: PAUSES[0], printed: Instant::now() }
    }

    /// A line each second on a terminal, and every ten seconds elsewhere.
    pub(super) fn for_reader() -> Self {
        let pause = if stderr().is_terminal() { PAUSES[0] } else { PAUSES[1] };
        Self { pause, ..Self::quick() }
    }

    /// Returns whether it is time for the next line.
    pub(super) fn is_due(&mut self) -> bool {
        let is_due = self.printed.elapsed() >= self.pause;
        if is_due {
            self.printed = Instant::now();
        }
        is_due
    }
}

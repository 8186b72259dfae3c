//! When long work says how far it is.

use std::io::{IsTerminal, Write, stderr};
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

/// Prints how much is done of what there is, how fast, and how long the rest takes.
pub(super) fn progress_of(what: &'static str) -> impl FnMut(u64, u64) + Send {
    let (mut pace, mut first) = (Pace::for_reader(), None);
    move |done, all| {
        let &mut (began, before) = first.get_or_insert((Instant::now(), done));
        if !pace.is_due() {
            return;
        }
        let rate = (done - before) as f64 / began.elapsed().as_secs_f64().max(0.001);
        let rest = all.saturating_sub(done) as f64 / rate.max(1.0);
        let rest = humantime::format_duration(Duration::from_secs(rest as u64));
        let line = format!("{done} of {all} {what}, {rate:.0} per second, {rest} left");
        // Nobody may read it.
        let _ = writeln!(stderr(), "{line}");
    }
}

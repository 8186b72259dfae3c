use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// Samples a second. No divisor of what programs and kernels do regularly.
const FREQUENCY: &str = "997";

/// How long `perf` may take to answer, and to write the last of its file.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where the time of a process goes while it is measured: Linux's `perf`, or nothing.
#[derive(Debug, Default)]
pub(crate) struct Profiler(Option<Perf>);

#[derive(Debug)]
struct Perf {
    child: Child,
    control: ChildStdin,
    answers: ChildStdout,
}

impl Profiler {
    /// Has `perf` write the stacks of a process into a file; of no moment yet.
    ///
    /// # Errors
    /// When there is no `perf`, or it may not look at the process.
    pub(crate) async fn attach(pid: u32, file: &Path) -> anyhow::Result<Self> {
        // Frame pointers: what is built without them shows up without its callers.
        let fixed = ["record", "--quiet", "--no-buildid-cache", "--call-graph", "fp"];
        let child = Command::new("perf")
            .args(fixed)
            .args(["--freq", FREQUENCY])
            // It begins and ends when it is told to, by its standard input, and confirms it.
            .args(["--delay", "-1", "--control", "fd:0,1"])
            .args(["--pid", &pid.to_string(), "--output"])
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut child =
            child.context("perf cannot start; on Debian, apt-get install linux-perf")?;
        let control = child.stdin.take().context("perf has no standard input")?;
        let answers = child.stdout.take().context("perf has no standard output")?;
        let mut perf = Perf { child, control, answers };
        perf.tell("ping").await?;
        Ok(Self(Some(perf)))
    }

    /// Samples from now on.
    pub(crate) async fn start(&mut self) -> anyhow::Result<()> {
        match &mut self.0 {
            Some(perf) => perf.tell("enable").await,
            None => Ok(()),
        }
    }

    /// Samples no more, and completes the file.
    pub(crate) async fn finish(&mut self) -> anyhow::Result<()> {
        let Some(mut perf) = self.0.take() else { return Ok(()) };
        perf.tell("disable").await?;
        perf.tell("stop").await?;
        let ended = timeout(PATIENCE, perf.child.wait()).await;
        let status = ended.context("perf does not end")??;
        ensure!(status.success(), "perf failed: {status}");
        Ok(())
    }
}

impl Perf {
    /// Gives an order, and waits until it is carried out.
    async fn tell(&mut self, order: &str) -> anyhow::Result<()> {
        let answer = async {
            self.control.write_all(format!("{order}\n").as_bytes()).await?;
            let mut answer = [0; 16];
            let count = self.answers.read(&mut answer).await?;
            anyhow::Ok(count > 0)
        };
        match timeout(PATIENCE, answer).await {
            Ok(Ok(true)) => Ok(()),
            _ => bail!("perf does not {order}; what it says about that is above"),
        }
    }
}

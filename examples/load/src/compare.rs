//! Runs scenarios against servers, in turns.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, ensure};

use crate::floors;
use crate::history;
use crate::measure::Profiler;
use crate::modes::Window;
use crate::report::{Measurement, Metric, Results};
use crate::scenarios::{self, Scenario};
use crate::servers::{Kind, Servers};

/// Measures each scenario with each of the servers it is meant for, `runs` times. The servers take
/// turns, so that what else goes on at the machine hits all of them alike. A profile is written of
/// a single measurement.
pub(crate) async fn compare(
    servers: &Servers,
    cache: &Path,
    scenarios: &[Scenario],
    kinds: &[Kind],
    runs: usize,
    window: Window,
    profile: Option<&Path>,
) -> anyhow::Result<Results> {
    let began = Instant::now();
    let of = |scenario: &Scenario| -> Vec<Kind> {
        let wanted = |kind: &&Kind| scenario.kinds.contains(kind) && servers.available(**kind);
        kinds.iter().filter(wanted).copied().collect()
    };
    let all = runs * scenarios.iter().map(|scenario| of(scenario).len()).sum::<usize>();
    ensure!(profile.is_none() || all == 1, "a profile is of one measurement, and there are {all}");
    let mut results = Results::default();
    let mut done = 0;
    for run in 1..=runs {
        for scenario in scenarios {
            for kind in of(scenario) {
                done += 1;
                let seconds = began.elapsed().as_secs();
                let Scenario { id, title, .. } = scenario;
                eprintln!("{seconds:4} s  {done}/{all}  run {run}: {title}: {} …", kind.name());
                let measured = measure(servers, cache, scenario, kind, window, profile).await;
                let measured =
                    measured.with_context(|| format!("{title}: {} failed", kind.name()))?;
                if !measured.counts.all_right() {
                    eprintln!("        {:?}", measured.counts);
                }
                results.add(id, title, kind, measured);
            }
        }
    }
    Ok(results)
}

async fn measure(
    servers: &Servers,
    cache: &Path,
    scenario: &Scenario,
    kind: Kind,
    window: Window,
    profile: Option<&Path>,
) -> anyhow::Result<Measurement> {
    let store = match (scenario.mode.history(), kind.table()) {
        (1.., Some(table)) => Some(history::prepare(cache, table, scenario.mode.history()).await?),
        _ => None,
    };
    // What a disk takes for a commit changes from minute to minute: measured at another time it
    // says nothing.
    let commit = match scenario.id == scenarios::ONE && kind == Kind::ChatServer {
        true => Some(floors::commit(cache, window.duration / 2)?),
        false => None,
    };
    let server = servers.start(kind, store.as_deref()).await?;
    let mut profiler = match profile {
        Some(file) => Profiler::attach(server.pid, file).await?,
        None => Profiler::default(),
    };
    let measured = scenario.mode.measure(&server, window, &mut profiler).await;
    server.stop().await?;
    let mut measured = measured?;
    if let Some(commit) = commit
        && let Some(&ack) = measured.figures.get(&Metric::AckP50)
    {
        measured.set(Metric::CommitP50, commit);
        measured.set(Metric::AckOverCommit, ack - commit);
    }
    Ok(measured)
}

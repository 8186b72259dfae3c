use std::time::Instant;

use anyhow::{Context, ensure};

use super::{Crowd, Pace, Rooms, Window};
use crate::measure::Profiler;
use crate::report::{Load, Measurement, SetupResults};
use crate::servers::{Adapter, Servers, Setup};

/// Two nodes, joined in one way after the other: what a message costs when those who receive it are
/// at the node of its sender, and when they are at the other one. One node alone stands beside them.
#[derive(Debug, Clone)]
pub(crate) struct Nodes {
    pub(crate) adapters: Vec<Adapter>,
    /// How many clients receive, beside the one that sends.
    pub(crate) receivers: usize,
    /// How many messages are on their way to everybody at once.
    pub(crate) in_flight: usize,
}

impl Nodes {
    /// Measures all of it `runs` times, in turns. What cannot be started here is left out, and told.
    pub(crate) async fn measure(
        &self,
        servers: &Servers,
        runs: usize,
        window: Window,
    ) -> anyhow::Result<Vec<SetupResults>> {
        let began = Instant::now();
        let mut results = Vec::new();
        for setup in self.setups(servers).await? {
            results.push(SetupResults::new(setup));
        }
        for run in 1..=runs {
            for result in &mut results {
                for load in Load::of(result.setup) {
                    let (seconds, name) = (began.elapsed().as_secs(), result.setup.name());
                    eprintln!("{seconds:4} s  run {run}: {name}: {} …", load.name());
                    let measured = self.measure_one(servers, result.setup, load, window).await;
                    let measured = measured.with_context(|| format!("{name} failed"))?;
                    if !measured.counts.all_right() {
                        eprintln!("        {:?}", measured.counts);
                    }
                    result.loads.entry(load).or_default().push(measured);
                }
            }
        }
        Ok(results)
    }

    /// What can be started, one node alone before those with the same store.
    async fn setups(&self, servers: &Servers) -> anyhow::Result<Vec<Setup>> {
        let mut setups = Vec::new();
        for &adapter in &self.adapters {
            let two = Setup::Two(adapter);
            match servers.start_group(two).await {
                Ok(group) => group.stop().await?,
                Err(reason) => {
                    eprintln!("{} is left out: {reason:#}", two.name());
                    continue;
                }
            }
            let one = Setup::One(two.store());
            if !setups.contains(&one) {
                setups.push(one);
            }
            setups.push(two);
        }
        ensure!(!setups.is_empty(), "none of the adapters can be measured here");
        Ok(setups)
    }

    async fn measure_one(
        &self,
        servers: &Servers,
        setup: Setup,
        load: Load,
        window: Window,
    ) -> anyhow::Result<Measurement> {
        let (remote, listeners) = match load {
            Load::Local => (false, self.receivers),
            Load::Remote => (true, self.receivers),
            Load::Single => (true, 1),
        };
        let crowd = Crowd {
            senders: 1,
            in_flight: self.in_flight,
            listeners,
            rooms: Rooms::Everybody,
            pace: Pace::Delivered,
            history: 0,
        };
        let group = servers.start_group(setup).await?;
        let mut no_profiler = Profiler::default();
        let measured = crowd.measure(&group.place(remote)?, window, &mut no_profiler).await;
        group.stop().await?;
        measured
    }
}

//! `kubeknock simulate`: one simulated API server, until Ctrl-C.

use std::io::Write as _;

use anyhow::{Context as _, anyhow};
use kubeknock::simulator::{self, Scenario};

use crate::args::SimulateArgs;
use crate::scan::runtime;
use crate::suggest::did_you_mean;
use crate::{say, signals};

/// Serves a profile, or lists them.
pub(crate) fn run(args: &SimulateArgs) -> anyhow::Result<u8> {
    if args.list {
        let mut out = std::io::stdout().lock();
        for scenario in simulator::scenarios() {
            let Scenario {
                name,
                about,
                expect,
                expect_deep,
                ..
            } = &**scenario;
            let deeper = if expect_deep == expect {
                String::new()
            } else {
                format!(" (with --deep: {expect_deep})")
            };
            // A reader that has gone away has read enough.
            let line = writeln!(out, "{name:24} {expect:16} {about}{deeper}");
            if line.is_err() {
                break;
            }
        }
        return Ok(0);
    }
    let name = args.profile.as_deref().unwrap_or_default();
    let scenario = simulator::scenario(name).ok_or_else(|| {
        let hint = did_you_mean(
            name,
            simulator::scenarios().map(|scenario| scenario.name.as_str()),
        );
        anyhow!("--profile {name:?} is not known; kubeknock simulate --list names them{hint}")
    })?;
    runtime()?.block_on(async {
        let server = simulator::start(scenario.clone(), args.listen)
            .await
            .with_context(|| format!("cannot listen on {}", args.listen))?;
        say::note(format_args!(
            "a simulation, not a cluster: {} ({})",
            scenario.about, scenario.source
        ));
        println!("listening on {}", server.address());
        signals::next().await;
        Ok(0)
    })
}

//! `kubeknock simulate`: one simulated API server, until Ctrl-C.

use anyhow::{Context as _, anyhow};
use kubeknock::simulator::{self, Scenario};

use crate::args::SimulateArgs;
use crate::runtime::runtime;
use crate::suggest::did_you_mean;
use crate::{say, signals, stdout};

/// Serves a profile, or lists all.
pub(crate) fn run(args: &SimulateArgs) -> anyhow::Result<u8> {
    if args.list {
        stdout::print(|out| {
            for scenario in simulator::scenarios() {
                let Scenario {
                    name,
                    about,
                    expect,
                    expect_deep,
                    ..
                } = &**scenario;
                write!(out, "{name:24} {expect:16} {about}")?;
                if expect_deep != expect {
                    write!(out, " (with --deep: {expect_deep})")?;
                }
                writeln!(out)?;
            }
            Ok(())
        })?;
        return Ok(0);
    }
    let name = args.profile.as_deref().unwrap_or_default();
    let scenario = simulator::scenario(name).ok_or_else(|| {
        let hint = did_you_mean(
            name,
            simulator::scenarios().map(|scenario| scenario.name.as_str()),
        );
        anyhow!("unknown --profile {name:?}; kubeknock simulate --list shows all{hint}")
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

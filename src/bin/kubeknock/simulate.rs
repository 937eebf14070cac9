//! `kubeknock simulate`: one simulated API server, until Ctrl-C.

use std::io::Write as _;

use anyhow::{Context as _, anyhow};
use kubeknock::simulator;

use crate::args::SimulateArgs;
use crate::scan::{runtime, signal};

/// Serves a profile, or lists them.
pub(crate) fn run(args: &SimulateArgs) -> anyhow::Result<u8> {
    if args.list {
        let mut out = std::io::stdout().lock();
        for scenario in simulator::scenarios() {
            // A reader that has gone away has read enough.
            let line = writeln!(out, "{:24} {:16} {}", scenario.name, scenario.expect, scenario.about);
            if line.is_err() {
                break;
            }
        }
        return Ok(0);
    }
    let name = args.profile.as_deref().unwrap_or_default();
    let scenario = simulator::scenario(name)
        .ok_or_else(|| anyhow!("--profile {name:?} is not known; kubeknock simulate --list names them"))?;
    runtime()?.block_on(async {
        let server = simulator::start(scenario.clone(), args.listen)
            .await
            .with_context(|| format!("cannot listen on {}", args.listen))?;
        eprintln!("A simulation, not a cluster: {} ({})", scenario.about, scenario.source);
        println!("listening on {}", server.address());
        signal().await;
        Ok(0)
    })
}

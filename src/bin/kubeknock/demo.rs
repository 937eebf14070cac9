//! `kubeknock demo`: scans simulated servers on loopback, with the same code as any scan.

use std::sync::Arc;

use kubeknock::config::{Order, ScanConfig};
use kubeknock::model::Verdict;
use kubeknock::policy::{FailOn, Gate, Policy};
use kubeknock::simulator;
use kubeknock::targets::{TargetOptions, TargetSetBuilder};

use crate::args::DemoArgs;
use crate::baseline::Baseline;
use crate::outputs::Outputs;
use crate::runtime::runtime;
use crate::scan::Job;
use crate::{say, stats};

/// Runs the demo and returns the exit code: 0 if every simulated server got its verdict.
pub(crate) fn run(args: &DemoArgs, quiet: bool, verbose: u8) -> anyhow::Result<u8> {
    let mut outputs = Outputs::open(&args.output, &[])?;
    outputs.targets_are_gone = true;
    runtime()?.block_on(async {
        let fleet = simulator::fleet().await?;
        let count = fleet.members().len();
        say::note(format_args!(
            "{count} simulated servers on this machine, over real TLS; no cluster is asked"
        ));
        for member in fleet.members().iter().filter(|_| verbose > 0) {
            say::note(format_args!(
                "  {:24} {:22} {}",
                member.name, member.address, member.source
            ));
        }
        let mut targets = TargetSetBuilder::new(TargetOptions::default());
        for member in fleet.members() {
            targets.argument(&format!(
                "{} name={} expect={}",
                member.address, member.name, member.expect
            ));
        }
        let job = Job {
            config: ScanConfig::default().with(|config| {
                config.order = Order::Sequential;
                config.scan_name.clone_from(&args.output.scan_name);
            }),
            targets: Arc::new(targets.build()?),
            checkpoint: None,
            outputs,
            // One server is exposed on purpose; expect= checks that each gets its verdict.
            gate: Gate {
                fail_on: FailOn::Verdict(Verdict::Exposed),
                require_coverage: 100,
            },
            is_demo: true,
            policy: Policy::default(),
            policies: None,
            baseline: Baseline::default(),
            notifier: None,
            no_progress: quiet || verbose > 0,
            stats_interval: None,
            stats_requests: stats::Requests::new(),
        };
        let code = job.run().await?;
        say::note("try next, with your own API server: kubeknock scan HOST:6443");
        Ok(code)
    })
}

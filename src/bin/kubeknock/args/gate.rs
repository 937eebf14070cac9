//! Section "Gate": what makes the exit code other than 0.

use std::path::PathBuf;

use clap::Args;
use kubeknock::policy::{FailOn, Gate};

use crate::units;

#[derive(Debug, Args)]
#[command(next_help_heading = "Gate")]
pub(crate) struct GateArgs {
    /// What makes the exit code 1
    ///
    /// This severity or worse (critical, high, medium, low, note), this verdict or worse (exposed, forbidden, limited), new
    /// (low or worse) or new:SEVERITY compared with the baseline, or never. With a verdict, a critical
    /// finding fails too unless it is accepted. An unmet expect= fails as well, except with never, or
    /// with new if the baseline has it. Coverage is separate: to turn off every failure, use
    /// --fail-on never --require-coverage 0.
    #[arg(long, value_name = "THRESHOLD", default_value = "exposed")]
    pub(crate) fail_on: FailOn,

    /// Exit 3 if fewer named targets got a verdict
    ///
    /// A named target is a specification other than a CIDR or range. It is covered if one of its ports
    /// and addresses got exposed, forbidden, limited or rejected, or the verdict that it expects.
    #[arg(long, value_name = "PERCENT", default_value_t = 100, value_parser = units::percent, hide_short_help = true)]
    pub(crate) require_coverage: u8,

    /// Settings file [default: kubeknock.toml of the repository]
    ///
    /// Outside of a repository, that of the working directory. Scan defaults, severities, accepted findings and expectations; see docs/settings.md. The command
    /// line overrides it. A file found without this option must belong to you or to root, and must
    /// not be writable by everybody.
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub(crate) config: Option<PathBuf>,
}

/// The policies that the gate counts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Gate")]
pub(crate) struct PolicyArgs {
    /// Judge the results by policies in Rego. Repeatable
    ///
    /// A policy, data for policies (.json, .yaml), or a folder of both, as conftest reads them: package main with the rules
    /// deny, violation and warn. What they say is findings: policy-denied, which fails unless --fail-on is
    /// never, and policy-warned (low). Only where kubeknock was built with the feature rego.
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub(crate) policy: Vec<PathBuf>,
}

impl GateArgs {
    /// The gate that these options describe.
    pub(crate) const fn gate(&self) -> Gate {
        Gate {
            fail_on: self.fail_on,
            require_coverage: self.require_coverage,
        }
    }
}

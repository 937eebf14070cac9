//! `kubeknock audit`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use kubeknock::model::{InvalidWord, Severity};

#[derive(Debug, Args)]
#[command(after_long_help = "\
Exit codes:
  0    the log has the requests of the scan, and nothing reaches --fail-on
  1    something reaches --fail-on
  2    could not run: bad input or configuration
  3    the log has no request of an endpoint, or does not reach over the time of the scan

Examples:
  kubeknock scan api.prod.example.com --audit-canary -o json=report.json
  kubeknock audit audit.log --report report.json
  kubeknock audit audit-1.log.gz audit.log --report report.json --endpoint prod -o json=audit.json
  kubeknock audit - --report report.json --audit-policy policy.yaml")]
pub(crate) struct AuditArgs {
    /// Audit logs of one cluster; - is standard input
    ///
    /// The events of Kubernetes, one a line or as a list, also behind a time or the name of a node; what EKS, GKE and
    /// AKS export; also packed with gzip or Zstandard. See docs/audit.md.
    #[arg(value_name = "LOG", required = true)]
    pub(crate) logs: Vec<PathBuf>,

    /// The saved report of the scan (json or jsonl)
    #[arg(long, value_name = "REPORT")]
    pub(crate) report: PathBuf,

    /// The endpoint of these logs, by target or name
    ///
    /// Repeatable. As in the settings file, * stands for any characters. Without it, the endpoints of which the log has a request
    /// count.
    #[arg(long, value_name = "NAME")]
    pub(crate) endpoint: Vec<String>,

    /// The audit policy of the cluster
    ///
    /// Tells a request that the policy does not log from one that is missing. Without it, the policy counts that the
    /// product is known to use.
    #[arg(long, value_name = "FILE")]
    pub(crate) audit_policy: Option<PathBuf>,

    /// Write table, json or markdown. Repeatable
    ///
    /// To standard output, or to a file. [default: table]
    #[arg(short, long, value_name = "FORMAT[=PATH]", help_heading = "Output")]
    pub(crate) output: Vec<String>,

    /// Another form of --output
    #[arg(long, value_name = "FORMAT", hide = true)]
    pub(crate) format: Option<String>,

    /// What makes the exit code 1
    ///
    /// A severity, or never. A missing request, and an anonymous request of others that a default cluster does not allow, are medium. A
    /// request that the policy does not log is low. Refused requests of others are a note.
    #[arg(
        long,
        value_name = "SEVERITY",
        default_value = "medium",
        help_heading = "Gate"
    )]
    pub(crate) fail_on: AuditFailOn,

    /// Settings file [default: kubeknock.toml of the repository]
    #[arg(
        long,
        value_name = "FILE",
        hide_short_help = true,
        help_heading = "Gate"
    )]
    pub(crate) config: Option<PathBuf>,
}

/// The severity from which on an audit fails.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AuditFailOn(pub(crate) Option<Severity>);

impl FromStr for AuditFailOn {
    type Err = InvalidWord;

    fn from_str(text: &str) -> Result<Self, InvalidWord> {
        match text {
            "never" => Ok(Self(None)),
            text => text.parse().map(|severity| Self(Some(severity))),
        }
    }
}

/// A format of `kubeknock audit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuditFormat {
    Table,
    Json,
    Markdown,
}

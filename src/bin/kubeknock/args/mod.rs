//! The command line as typed, one file for each section of the help. `settings` turns it into a scan configuration.

#![expect(
    clippy::doc_markdown,
    reason = "these doc comments are the help text that people read"
)]

mod audit;
mod commands;
mod connections;
mod exporter;
mod gate;
mod inspect;
mod notify;
mod output;
mod requests;
mod scan;
mod targets;

use clap::{ArgAction, CommandFactory as _, Parser, Subcommand};

pub(crate) use audit::{AuditArgs, AuditFormat};
pub(crate) use commands::{
    CompletionsArgs, DiffArgs, DiffFormat, IdentifyArgs, IdentifyFormat, ManArgs, ReportArgs,
    RulesArgs, TargetsArgs, TargetsFormat,
};
#[cfg(feature = "simulator")]
pub(crate) use commands::{DemoArgs, SimulateArgs};
pub(crate) use connections::ConnectionArgs;
pub(crate) use exporter::ExporterArgs;
pub(crate) use inspect::InspectArgs;
pub(crate) use notify::{AUTO, BaselineArg, NotifyArgs};
pub(crate) use output::{ColorWord, OutputArgs};
pub(crate) use requests::RequestArgs;
pub(crate) use scan::ScanArgs;
pub(crate) use targets::{OrderWord, PortArgs, SourceArgs, SpecOrFile};

/// Find out what anonymous callers may do on Kubernetes API servers
///
/// kubeknock asks without credentials and shows proof. Scan only what you are allowed to scan.
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    disable_help_flag = true,
    disable_version_flag = true,
    after_help = "All options and examples: kubeknock --help",
    max_term_width = 100,
    after_long_help = "\
Examples:
  kubeknock demo
  kubeknock scan api.prod.example.com
  kubeknock scan -f clusters.txt -o table -o json=report.json
  kubeknock identify api.prod.example.com"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Show only results, errors, and the reason for an exit code other than 0
    #[arg(short, long, global = true, hide_short_help = true)]
    pub(crate) quiet: bool,

    /// Log more to standard error: -v for each endpoint, -vv for libraries too
    #[arg(short, long, global = true, action = ArgAction::Count, hide_short_help = true)]
    pub(crate) verbose: u8,

    /// Print the usual options (-h), or all of them with examples (--help)
    #[arg(short, long, global = true, action = ArgAction::Help, hide_short_help = true)]
    help: Option<bool>,

    /// Print the version
    #[arg(short = 'V', long, global = true, action = ArgAction::Version, hide_short_help = true)]
    version: Option<bool>,
}

/// The command line for clap. An option that takes a number accepts one with a minus sign, so that the
/// error says what the option expects. Otherwise clap would propose to pass it as a target.
pub(crate) fn program() -> clap::Command {
    const NUMBERS: [&str; 5] = ["NUMBER", "TIME", "SIZE", "PERCENT", "PORTS"];
    Cli::command().mut_subcommands(|command| {
        let more = format!(
            "All options and examples: kubeknock {} --help",
            command.get_name()
        );
        command.after_help(more).mut_args(|arg| {
            let names = arg.get_value_names().unwrap_or_default();
            let number = names.iter().any(|name| NUMBERS.contains(&name.as_str()));
            arg.allow_hyphen_values(number)
        })
    })
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Scan API servers and report what anonymous callers may do on each
    Scan(Box<ScanArgs>),
    /// Explain one server: component, product, answers and evidence
    Identify(Box<IdentifyArgs>),
    /// Show the targets in lists and inventories; send nothing
    Targets(TargetsArgs),
    /// Predict from configuration files what a scan finds; send nothing
    Inspect(InspectArgs),
    /// Convert saved reports to other formats, or merge several into one
    Report(ReportArgs),
    /// Show what changed between two saved reports
    Diff(DiffArgs),
    /// Serve metrics for Prometheus; each scrape probes a listed target
    Exporter(Box<ExporterArgs>),
    /// Find a scan's requests, and those of others, in audit logs
    Audit(AuditArgs),
    /// List the rules behind findings, or explain some of them
    Rules(RulesArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
    /// Print the manual page, or write one page per command with --dir
    Man(ManArgs),
    /// Scan simulated API servers on this machine; no cluster needed
    #[cfg(feature = "simulator")]
    Demo(DemoArgs),
    /// Serve one simulated API server, to test a pipeline of your own
    #[cfg(feature = "simulator")]
    Simulate(SimulateArgs),
}

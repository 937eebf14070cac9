//! The `kubeknock` program: arguments in, reports and an exit code out.
//!
//! A thin layer over the library. Only this layer knows the command line, the terminal, files and exit
//! codes. Each command is one module.

mod args;
mod audit;
mod baseline;
mod ca;
mod carried;
mod conclusion;
#[cfg(feature = "simulator")]
mod demo;
mod diff;
mod dry_run;
mod evaluated_scan;
mod exporter;
mod fetch;
mod habits;
mod http;
mod identify;
mod input_checks;
mod inspect;
mod kept;
mod limits;
mod log;
mod manual;
mod notify;
mod outputs;
mod policies;
mod progress;
mod report;
mod rules;
mod runtime;
mod saved;
mod say;
mod scan;
mod settings;
mod settings_file;
mod signals;
#[cfg(feature = "simulator")]
mod simulate;
mod stats;
mod stdout;
mod suggest;
mod targets;
mod units;

use std::process::ExitCode;

use args::{Cli, Command};
use kubeknock::policy::COULD_NOT_RUN;
use settings_file::SettingsFile;

/// Every connection allocates and frees a few dozen blocks on changing cores. The system's allocator
/// would spend about a fifth of a scan's processor time on that (`cargo bench --bench cost`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match settings_file::arguments().and_then(|(cli, file)| run(cli, file)) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            say::error(&error);
            ExitCode::from(COULD_NOT_RUN)
        }
    }
}

fn run(cli: Cli, file: SettingsFile) -> anyhow::Result<u8> {
    log::start(cli.quiet, cli.verbose);
    match cli.command {
        Command::Scan(args) => scan::run(&args, file, cli.quiet, cli.verbose),
        Command::Identify(args) => identify::run(&args, cli.verbose),
        Command::Targets(args) => targets::run(&args, cli.verbose),
        Command::Inspect(args) => inspect::run(&args, &file),
        Command::Report(args) => report::run(&args, &file),
        Command::Diff(args) => diff::run(&args, &file),
        Command::Exporter(args) => exporter::run(*args, file, cli.verbose),
        Command::Audit(args) => audit::run(&args),
        Command::Completions(args) => manual::completions(args.shell),
        Command::Man(args) => manual::man(args.dir.as_deref()),
        Command::Rules(args) => rules::run(&args),
        #[cfg(feature = "simulator")]
        Command::Demo(args) => demo::run(&args, cli.quiet, cli.verbose),
        #[cfg(feature = "simulator")]
        Command::Simulate(args) => simulate::run(&args),
    }
}

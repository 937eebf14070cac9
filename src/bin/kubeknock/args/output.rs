//! Section "Output": what is written, and where.

use clap::{Args, ValueEnum};
use kubeknock::config::ScanConfig;
use kubeknock::error::Error;
use kubeknock::model::Severity;
use kubeknock::report::Format;

use crate::units;

/// The long help of `--output`, which lists every format.
fn output_help() -> String {
    let formats =
        Format::ALL.map(|format| format!("  {:13} {}", format.as_str(), format.purpose()));
    format!(
        "Write a report, such as html=PATH. Repeatable\n\n\
         FORMAT, to standard output, or FORMAT=PATH; auto chooses by the CI system. The formats:\n{}\n\n\
         Files appear whole or not at all, and keep their owner and mode. Links are followed; pipes and devices \
         work. [default: table]",
        formats.join("\n")
    )
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Write a report, such as html=PATH. Repeatable
    #[arg(short, long, value_name = "FORMAT[=PATH]", long_help = output_help())]
    pub(crate) output: Vec<String>,

    /// Another form of --output
    #[arg(long, value_name = "FORMAT", hide = true)]
    pub(crate) format: Option<String>,

    /// Show only findings of these severities in table, markdown and html
    ///
    /// A list such as critical,high. Other formats, the exit code and the coverage do not change. The reports
    /// say how many findings they do not show.
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = units::severity, hide_short_help = true)]
    pub(crate) severity: Vec<Severity>,

    /// Colours in the table; auto respects NO_COLOR and pipes
    #[arg(long, value_enum, default_value_t = ColorWord::Auto, hide_short_help = true)]
    pub(crate) color: ColorWord,

    /// Distinguishes this analysis from others of the same repository in code scanning (sarif)
    #[arg(long, value_name = "TEXT", hide_short_help = true)]
    pub(crate) category: Option<String>,

    /// Name of this scan in the metrics (prometheus) and in the report
    ///
    /// Every series has it as its label scan, so that several scans can have their metrics on one
    /// machine. By default, it is the name of the prometheus= file, without .prom.
    #[arg(long, value_name = "NAME", value_parser = scan_name, hide_short_help = true)]
    pub(crate) scan_name: Option<String>,
}

/// A name that a configuration accepts.
fn scan_name(text: &str) -> Result<String, String> {
    let name = text.to_owned();
    let config = ScanConfig::default().with(|config| config.scan_name = Some(name.clone()));
    match config.validate() {
        Err(Error::Config { problem, .. }) => Err(problem),
        _ => Ok(name),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWord {
    Auto,
    Always,
    Never,
}

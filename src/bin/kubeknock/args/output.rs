//! Section "Output": what is written, and where.

use clap::{Args, ValueEnum};
use kubeknock::report::Format;

/// The long help of `--output`, which lists every format.
fn output_help() -> String {
    let formats =
        Format::ALL.map(|format| format!("  {:13} {}", format.as_str(), format.purpose()));
    format!(
        "Write a report to standard output or to a file. Repeatable\n\n\
         FORMAT or FORMAT=PATH; auto chooses by the CI system. The formats:\n{}\n\n\
         Files appear whole or not at all, and keep their owner and mode. Links are followed; pipes and devices \
         work. [default: table]",
        formats.join("\n")
    )
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Write a report to standard output or to a file. Repeatable
    #[arg(short, long, value_name = "FORMAT[=PATH]", long_help = output_help())]
    pub(crate) output: Vec<String>,

    /// Colours in the table; auto respects NO_COLOR and pipes
    #[arg(long, value_enum, default_value_t = ColorWord::Auto)]
    pub(crate) color: ColorWord,

    /// Distinguishes this analysis from others of the same repository in code scanning (sarif)
    #[arg(long, value_name = "TEXT")]
    pub(crate) category: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWord {
    Auto,
    Always,
    Never,
}

//! Section "Output": what is written, and where.

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Write a report to standard output or to a file. Repeatable
    ///
    /// FORMAT or FORMAT=PATH: table, json, jsonl, sarif, markdown, html, github, gitlab, csv,
    /// junit, prometheus, shadowserver; auto chooses by the CI system. Files appear whole or not at
    /// all, and keep their owner and mode. Links are followed; pipes and devices work.
    /// [default: table]
    #[arg(short, long, value_name = "FORMAT[=PATH]")]
    pub(crate) output: Vec<String>,

    /// Colours in the table; auto respects NO_COLOR and pipes
    #[arg(long, value_enum, default_value_t = ColorWord::Auto)]
    pub(crate) color: ColorWord,

    /// Tells this analysis from others of the same repository in code scanning (sarif)
    #[arg(long, value_name = "TEXT")]
    pub(crate) category: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWord {
    Auto,
    Always,
    Never,
}

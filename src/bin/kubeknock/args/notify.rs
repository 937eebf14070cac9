//! Section "Gate": the earlier scan to compare with, and who is told what changed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser as _};

/// The report to compare with.
#[derive(Debug, Clone)]
pub(crate) enum BaselineArg {
    /// A saved report.
    Report(PathBuf),
    /// The last good report of the scheduled scan with this folder.
    Auto(PathBuf),
}

/// What stands before the folder of a scheduled scan.
pub(crate) const AUTO: &str = "auto:";

impl BaselineArg {
    fn of(text: OsString) -> Self {
        match text.to_str().and_then(|text| text.strip_prefix(AUTO)) {
            Some(folder) => Self::Auto(folder.into()),
            None => Self::Report(text.into()),
        }
    }

    /// The parser of an argument.
    pub(crate) fn parser() -> impl clap::builder::TypedValueParser<Value = Self> {
        OsStringValueParser::new().map(Self::of)
    }
}

/// Who is told.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Gate")]
pub(crate) struct NotifyArgs {
    /// Tell what is new, worse, fixed or lost since the baseline. Repeatable
    ///
    /// KIND is alertmanager, webhook (JSON) or slack. DESTINATION is @FILE or env:NAME, a file or variable with a URL; for
    /// alertmanager also the http(s):// URL itself, if nothing in it is secret. Nothing is sent when nothing changed; only alertmanager is
    /// sent its open alerts again, as it forgets them when it restarts. With --baseline auto:DIR, a notification is kept until its
    /// receiver has it.
    #[arg(long, value_name = "KIND=DESTINATION", hide_short_help = true)]
    pub(crate) notify: Vec<String>,

    /// Exit 2 if a receiver of --notify was not reached
    #[arg(long, requires = "notify", hide_short_help = true)]
    pub(crate) notify_required: bool,
}

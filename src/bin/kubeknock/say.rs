//! Standard error: every line that the program writes there.
//!
//! File names and texts of servers may look like commands to a terminal or a CI server: GitHub Actions
//! obeys `::warning::` at the beginning of a line, and `##[error]` anywhere. So every line is
//! escaped and begins with a fixed prefix.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use kubeknock::report::escape;
use kubeknock::targets::TargetErrors;

/// Whether `--quiet` was given.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Sets whether notes are hidden.
pub(crate) fn set_quiet(quiet: bool) {
    QUIET.store(quiet, Ordering::Relaxed);
}

/// Prints a note, which is not an error. `--quiet` hides notes.
pub(crate) fn note(text: impl Display) {
    if !QUIET.load(Ordering::Relaxed) {
        reason(text);
    }
}

/// Prints the reason for the exit code, even with `--quiet`. Used if no report shows it.
pub(crate) fn reason(text: impl Display) {
    line(&format!("kubeknock: {text}"));
}

/// Prints why the program could not run. Every line begins with `error: `, like the errors of clap,
/// so that one search finds both in a log.
pub(crate) fn error(error: &anyhow::Error) {
    match error.downcast_ref::<TargetErrors>() {
        Some(errors) => errors
            .0
            .iter()
            .for_each(|error| line(&format!("error: {error}"))),
        None => line(&format!("error: {error:#}")),
    }
}

/// Prints one line. A write error does not stop the program: the terminal may be closed.
pub(crate) fn line(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", escape(text, usize::MAX));
}

/// The writer of the log. Every event is one line, whatever its values contain.
pub(crate) struct Log;

impl Write for Log {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        line(text.strip_suffix('\n').unwrap_or(&text));
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

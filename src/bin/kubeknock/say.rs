//! Standard error: every line that the program writes there.
//!
//! File names and texts of servers may look like commands to a terminal or a CI server: GitHub Actions
//! obeys `::warning::` at the beginning of a line, and `##[error]` anywhere. So every line is escaped and
//! begins with a word of ours.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use kubeknock::report::escape;
use kubeknock::targets::TargetErrors;

/// Whether `--quiet` was given.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Turns notes off or on.
pub(crate) fn be_quiet(quiet: bool) {
    QUIET.store(quiet, Ordering::Relaxed);
}

/// Something to know that is no error; left out with `--quiet`.
pub(crate) fn note(text: impl Display) {
    if !QUIET.load(Ordering::Relaxed) {
        reason(text);
    }
}

/// The reason for the exit code, if no report shows it. Not left out with `--quiet`.
pub(crate) fn reason(text: impl Display) {
    line(&format!("kubeknock: {text}"));
}

/// Why the program could not run. Every line begins with `error: `, as those of clap do, so that one
/// word finds them in a log.
pub(crate) fn error(error: &anyhow::Error) {
    match error.downcast_ref::<TargetErrors>() {
        Some(errors) => errors
            .0
            .iter()
            .for_each(|error| line(&format!("error: {error}"))),
        None => line(&format!("error: {error:#}")),
    }
}

/// One line. A write error is no reason to stop: the terminal may be gone.
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

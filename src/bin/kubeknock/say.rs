//! Standard error: every line that the program says there comes through here.
//!
//! File names and other people's words may hold what a terminal or a CI server takes for a command. So
//! every line is escaped, and begins with a word of ours: `::warning::` at the beginning of a line, or
//! `##[error]` anywhere, would be a command to GitHub Actions.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use kubeknock::report::escape;
use kubeknock::targets::TargetErrors;

/// Whether only errors are said.
static QUIET: AtomicBool = AtomicBool::new(false);

/// From now on notes are said, or not.
pub(crate) fn be_quiet(quiet: bool) {
    QUIET.store(quiet, Ordering::Relaxed);
}

/// What is worth knowing, and no error: not said with `--quiet`.
pub(crate) fn note(text: impl Display) {
    if !QUIET.load(Ordering::Relaxed) {
        reason(text);
    }
}

/// Why the exit code is what it is, where no report says it to people: said with `--quiet` too.
pub(crate) fn reason(text: impl Display) {
    line(&format!("kubeknock: {text}"));
}

/// Why the program could not run: what is wrong, line by line. Begins as clap's errors do: a log is
/// searched for one word.
pub(crate) fn error(error: &anyhow::Error) {
    match error.downcast_ref::<TargetErrors>() {
        Some(errors) => errors
            .0
            .iter()
            .for_each(|error| line(&format!("error: {error}"))),
        None => line(&format!("error: {error:#}")),
    }
}

/// One line, as it is. Whether anybody can read it is no reason to stop: the terminal may be gone.
pub(crate) fn line(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", escape(text, usize::MAX));
}

/// What the log writes to: an event is one line, whatever its values hold.
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

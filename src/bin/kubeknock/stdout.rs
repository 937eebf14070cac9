//! Standard output: every command that prints a text writes it through here.

use std::io::{self, BufWriter, Write};

use anyhow::Context as _;

/// Lets `write` print to standard output.
pub(crate) fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout());
    let written = write(&mut out).and_then(|()| out.flush());
    ignore_broken_pipe(written).context("cannot write standard output")
}

/// A closed pipe is not an error: the reader, such as `head`, has read enough.
pub(crate) fn ignore_broken_pipe(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

//! `kubeknock completions` and `kubeknock man`: what shells and manuals want, made from the arguments.

use std::io::{self, Write as _};
use std::path::Path;

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Cli;

/// Prints a completion script.
pub(crate) fn completions(shell: Shell) -> anyhow::Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "kubeknock", &mut script);
    print(&script)
}

/// Prints the manual page, or writes all of them into a folder.
pub(crate) fn man(folder: Option<&Path>) -> anyhow::Result<u8> {
    let Some(folder) = folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page)?;
        return print(&page);
    };
    let hint = || format!("--dir: cannot write to {}", folder.display());
    std::fs::create_dir_all(folder).with_context(hint)?;
    clap_mangen::generate_to(Cli::command(), folder).with_context(hint)?;
    Ok(0)
}

/// A reader that has gone away has read enough.
fn print(bytes: &[u8]) -> anyhow::Result<u8> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        outcome => Ok(outcome.map(|()| 0)?),
    }
}

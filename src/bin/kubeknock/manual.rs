//! `kubeknock completions` and `kubeknock man`, made from the command line.

use std::io;
use std::path::Path;

use anyhow::Context as _;
use clap::builder::PossibleValuesParser;
use clap::{Arg, Command, ValueHint};
use clap_complete::Shell;
use kubeknock::atomic_file;
use kubeknock::model::{Severity, Verdict};
use kubeknock::policy::{FailOn, RULES};
use kubeknock::report::Format;
use kubeknock::targets::ImportFormat;

use crate::args::{AuditFormat, DiffFormat, IdentifyFormat, TargetsFormat, program};
use crate::outputs::{AUTO, names};
use crate::stdout;

/// The section in which `clap_mangen` puts the end of a help text.
const REST: &str = ".SH EXTRA\n";

/// Prints a completion script.
pub(crate) fn completions(shell: Shell) -> anyhow::Result<u8> {
    let with_words = |command: Command| {
        let name = command.get_name().to_owned();
        command.mut_args(|arg| with_words(arg, &name, shell))
    };
    let mut script = Vec::new();
    clap_complete::generate(
        shell,
        &mut program().mut_subcommands(with_words),
        "kubeknock",
        &mut script,
    );
    if shell == Shell::Fish {
        // clap proposes no words for positional arguments to fish.
        for rule in RULES {
            script.extend(
                format!(
                    "complete -c kubeknock -n \"__fish_kubeknock_using_subcommand rules\" -f -a \"{}\" -d '{}'\n",
                    rule.id,
                    rule.title.replace('\'', "\\'")
                )
                .into_bytes(),
            );
        }
    }
    print(&script)
}

/// Adds the values that a shell proposes for an argument. Only for completions: the program accepts
/// more (`json=PATH`), and the help explains it better.
fn with_words(arg: Arg, command: &str, shell: Shell) -> Arg {
    let formats = Format::ALL.map(Format::as_str).into_iter().chain([AUTO]);
    let few = match (arg.get_id().as_str(), command) {
        ("output", "diff") => Some(names::<DiffFormat>()),
        ("output", "targets") => Some(names::<TargetsFormat>()),
        ("output", "identify") => Some(names::<IdentifyFormat>()),
        ("output", "audit") => Some(names::<AuditFormat>()),
        _ => None,
    };
    if let Some(words) = few {
        return arg.value_parser(PossibleValuesParser::new(words));
    }
    let words: Vec<&'static str> = match (arg.get_id().as_str(), command) {
        ("output", _) => formats.collect(),
        ("severity", _) => Severity::ALL.map(Severity::as_str).to_vec(),
        ("fail_on", "audit") => Severity::ALL
            .map(Severity::as_str)
            .into_iter()
            .chain(["never"])
            .collect(),
        // Not new:SEVERITY: shells begin a new word after a colon.
        ("fail_on", _) => {
            let verdicts = FailOn::VERDICTS.map(Verdict::as_str);
            Severity::ALL
                .map(Severity::as_str)
                .into_iter()
                .chain(verdicts)
                .chain(["new", "never"])
                .collect()
        }
        ("ids", _) => RULES.iter().map(|rule| rule.id).collect(),
        #[cfg(feature = "simulator")]
        ("profile", _) => kubeknock::simulator::scenarios()
            .map(|scenario| scenario.name.as_str())
            .collect(),
        // Other shells would propose no files then.
        ("words", _) if shell == Shell::Bash => formats.collect(),
        ("words", _) => return arg.value_hint(ValueHint::FilePath),
        ("from", _) if shell == Shell::Bash => ImportFormat::ALL.map(ImportFormat::as_str).to_vec(),
        _ => return arg,
    };
    arg.value_parser(PossibleValuesParser::new(words))
}

/// Prints the manual page, or writes one per command into a directory.
pub(crate) fn man(directory: Option<&Path>) -> anyhow::Result<u8> {
    // `kubeknock help` has no page.
    let mut program = program().disable_help_subcommand(true);
    program.build();
    let Some(directory) = directory else {
        return print(page(program)?.1.as_bytes());
    };
    let hint = || format!("--dir: cannot write to {}", directory.display());
    match atomic_file::make(directory, |_| std::fs::create_dir(directory)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => made.with_context(hint)?,
    }
    let commands: Vec<Command> = program.get_subcommands().cloned().collect();
    for command in commands.into_iter().chain([program]) {
        let (name, page) = page(command)?;
        std::fs::write(directory.join(name), page).with_context(hint)?;
    }
    Ok(0)
}

/// The name of a command's page, and the page. The end of the help text becomes sections.
fn page(command: Command) -> anyhow::Result<(String, String)> {
    let man = clap_mangen::Man::new(command);
    let mut page = Vec::new();
    man.render(&mut page)?;
    let page = String::from_utf8(page)?;
    let Some((before, rest)) = page.split_once(REST) else {
        return Ok((man.get_filename(), page));
    };
    let rest = rest
        .replace("Verdicts:\n", ".SH VERDICTS\n")
        .replace("Exit codes:\n", ".SH \"EXIT STATUS\"\n")
        .replace("Examples:\n", ".SH EXAMPLES\n");
    Ok((man.get_filename(), format!("{before}{rest}")))
}

fn print(bytes: &[u8]) -> anyhow::Result<u8> {
    stdout::print(|out| out.write_all(bytes)).map(|()| 0)
}

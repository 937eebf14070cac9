//! What people type out of habit, because other tools have it: an option of ours where the meaning is the same,
//! or else an error with our tip. The nearest spelling, which clap would propose, is seldom what they mean.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};

use anyhow::bail;
use clap::Command;

use crate::args::program;
use crate::suggest::did_you_mean;

/// What a word of another tool is here.
#[derive(Clone, Copy)]
enum Meaning {
    /// These options. A value of the word is the value of the last one.
    Options(&'static [&'static str]),
    /// Nothing: the value after it is a target.
    Target,
    /// An error with this tip.
    Tip(&'static str),
}

use Meaning::{Options, Target, Tip};

/// The words of other tools. A word that is an option of the command keeps its own meaning.
const HABITS: &[(&[&str], Meaning)] = &[
    (&["-t", "-u", "--target", "--url", "--host"], Target),
    (
        &["-l", "-iL", "-list", "--list", "--input-file"],
        Options(&["--targets-file"]),
    ),
    (&["--port"], Options(&["--ports"])),
    (&["-eh", "--exclude-hosts"], Options(&["--exclude"])),
    (
        &["-ef", "--excludefile", "--exclude-targets"],
        Options(&["--exclude-file"]),
    ),
    (&["--json", "-json", "-oj"], Options(&["--format=json"])),
    (&["--jsonl", "-jsonl"], Options(&["--format=jsonl"])),
    (&["--sarif"], Options(&["--format=sarif"])),
    (&["--html"], Options(&["--format=html"])),
    (&["--csv", "-csv"], Options(&["--format=csv"])),
    (&["--markdown"], Options(&["--format=markdown"])),
    (&["--junit"], Options(&["--format=junit"])),
    (
        &["--threads", "-threads", "--workers", "--parallelism"],
        Options(&["--concurrency"]),
    ),
    (
        &["--max-rate", "--rate-limit", "-rl", "-rate"],
        Options(&["--rate"]),
    ),
    (&["--silent", "-silent"], Options(&["--quiet"])),
    (&["--debug", "-debug"], Options(&["--verbose", "--verbose"])),
    (
        &["--no-color", "--no-colour", "-nc"],
        Options(&["--color=never"]),
    ),
    (&["--config-file"], Options(&["--config"])),
    (
        &["--source-ip", "--adapter-ip", "-S"],
        Options(&["--source-address"]),
    ),
    (&["-e", "--iface", "--adapter"], Options(&["--interface"])),
    (&["-H"], Options(&["--header"])),
    (
        &[
            "-oX",
            "-oN",
            "-oG",
            "-oA",
            "-oJ",
            "-oL",
            "-oD",
            "--output-file",
            "--outfile",
            "--out",
        ],
        Tip(
            "reports are written with -o FORMAT=PATH, such as -o json=report.json or -o junit=report.xml",
        ),
    ),
    (
        &["--exit-code", "--exit-on-error", "--fail", "--fail-level"],
        Tip(
            "--fail-on THRESHOLD decides when the exit code is 1: exposed (the default), high, new, never …",
        ),
    ),
    (
        &["--min-severity"],
        Tip("--severity critical,high shows only these; --fail-on high decides the exit code"),
    ),
    (
        &[
            "--ignorefile",
            "--ignore-file",
            "--ignore",
            "--skip",
            "--suppress",
        ],
        Tip("findings are accepted in kubeknock.toml, in [[accept]] tables: see docs/settings.md"),
    ),
    (
        &["--kubeconfig", "--context", "--cluster"],
        Tip(
            "its servers are read with --from kubeconfig FILE; kubeknock reads none of its credentials",
        ),
    ),
    (
        &[
            "--token",
            "--username",
            "--user",
            "--password",
            "--cert",
            "--key",
            "--client-certificate",
            "--client-key",
            "--as",
        ],
        Tip("kubeknock never sends a credential; leave it out"),
    ),
    (
        &[
            "-k",
            "--insecure",
            "--insecure-skip-tls-verify",
            "--tls-skip-verify",
            "--no-check-certificate",
        ],
        Tip("not needed: a certificate stops nothing; --ca-file FILE checks it"),
    ),
    (
        &["--namespace", "--all-namespaces", "-A"],
        Tip("kubeknock asks from outside, for the whole cluster; leave it out"),
    ),
    (
        &["-sV", "-sS", "-sT", "-Pn", "-sn", "-O", "-T4", "-T5", "-n"],
        Tip(
            "not needed: kubeknock connects to every target and looks at what answers; leave it out",
        ),
    ),
    (
        &["--open", "-open"],
        Tip(
            "not needed: silent and refused addresses of ranges are only counted; --all lists them",
        ),
    ),
    (
        &["--top-ports", "-top-ports", "-tp"],
        Tip("name the ports: -p 6443,443,8443 is the default"),
    ),
    (
        &["-r", "--resolvers", "--dns-server", "--dns-servers"],
        Tip("--resolver ADDRESS uses one name server instead of the system's"),
    ),
    (
        &["-fr", "-L", "--follow-redirects", "--location"],
        Tip("kubeknock never follows a redirect; it reports where the redirect leads"),
    ),
];

/// The arguments with the words of other tools replaced.
///
/// # Errors
/// A word has no equivalent here.
pub(crate) fn translated(given: Vec<OsString>) -> anyhow::Result<Vec<OsString>> {
    let mut all = program();
    all.build();
    let at = given
        .iter()
        .skip(1)
        .position(|word| !word.to_string_lossy().starts_with('-'));
    let word = at.and_then(|at| given.get(at + 1)?.to_str());
    let own = word.and_then(|word| all.find_subcommand(word));
    let Some((own, at)) = own.zip(at) else {
        check_command(&all, &given, word)?;
        return Ok(given);
    };
    let mut words: VecDeque<OsString> = given.into();
    let mut translated: Vec<OsString> = words.drain(..at + 2).collect();
    while let Some(word) = words.pop_front() {
        if word == "--" {
            translated.push(word);
            break;
        }
        let (name, value) = split(&word);
        match meaning(own, name) {
            None => translated.push(word),
            Some(Tip(tip)) => bail!("unexpected argument {name}: {tip}"),
            Some(Target) => {
                let value = value.map(OsString::from).or_else(|| words.pop_front());
                let is_number = |value: &OsString| {
                    let value = value.to_string_lossy();
                    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit())
                };
                if value.as_ref().is_none_or(is_number) {
                    bail!(
                        "unexpected argument {name}: it means a target here; connections at once are -c NUMBER"
                    );
                }
                translated.extend(value);
            }
            Some(Options(options)) => {
                let name_of = |option: &&str| option.split('=').next().map(str::to_owned);
                let missing = options
                    .iter()
                    .find(|option| !name_of(option).is_some_and(|name| has(own, &name)));
                if let Some(missing) = missing {
                    bail!(
                        "unexpected argument {name}: it means {missing}, which kubeknock {} does not have",
                        own.get_name()
                    );
                }
                translated.extend(options.iter().map(OsString::from));
                if let (Some(value), Some(last)) = (value, translated.last_mut()) {
                    last.push("=");
                    last.push(value);
                }
            }
        }
    }
    translated.extend(words);
    Ok(translated)
}

/// Fails if the first word is a target or an option of a command, not a command.
fn check_command(all: &Command, given: &[OsString], word: Option<&str>) -> anyhow::Result<()> {
    let commands = all.get_subcommands().map(Command::get_name);
    let asks_for_help = |word: &OsString| word == "-h" || word == "--help";
    let is_misspelt = |word: &str| word == "help" || !did_you_mean(word, commands).is_empty();
    let others = given.iter().skip(1);
    let mut foreign = others.clone().filter(|word| {
        !has(all, split(word).0) || word.to_str().is_some_and(|word| !word.starts_with('-'))
    });
    if foreign.next().is_none()
        || others.clone().any(asks_for_help)
        || word.is_some_and(is_misspelt)
    {
        return Ok(());
    }
    bail!("a command is missing; to scan, write kubeknock scan TARGET, or kubeknock scan -f FILE");
}

/// What a word of another tool is here; `None` if it is an option of this command or not known.
fn meaning(own: &Command, name: &str) -> Option<Meaning> {
    if !name.starts_with('-') || has(own, name) {
        return None;
    }
    let mut habits = HABITS.iter();
    habits
        .find(|(words, _)| words.contains(&name))
        .map(|(_, meaning)| *meaning)
}

/// Splits `--option=value`.
fn split(word: &OsStr) -> (&str, Option<&str>) {
    match word.to_str() {
        None => ("", None),
        Some(word) => match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        },
    }
}

/// Whether a command has an option with this name.
fn has(command: &Command, name: &str) -> bool {
    command.get_arguments().any(|arg| {
        let long = arg
            .get_long()
            .is_some_and(|long| name.strip_prefix("--") == Some(long));
        let mut short = name.strip_prefix('-').unwrap_or_default().chars();
        long || (arg.get_short().is_some()
            && short.next() == arg.get_short()
            && short.next().is_none())
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn translation(words: &[&str]) -> Result<String, String> {
        let given = ["kubeknock"].iter().chain(words).map(OsString::from);
        let words = translated(given.collect()).map_err(|error| error.to_string())?;
        let words = words.iter().skip(1).map(|word| word.to_string_lossy());
        Ok(words.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn every_habit_is_no_option_of_scan_and_leads_to_some() {
        let mut all = program();
        all.build();
        let scan = all.find_subcommand("scan").unwrap();
        let mut seen = HashSet::new();
        for (words, meaning) in HABITS {
            for word in *words {
                assert!(seen.insert(word), "{word} twice");
                assert!(!has(scan, word), "{word} is an option of scan");
            }
            if let Options(options) = meaning {
                for option in *options {
                    assert!(has(scan, split(OsStr::new(option)).0), "{option}");
                }
            }
        }
    }

    #[test]
    fn words_are_translated_in_their_place() {
        for (given, expected) in [
            (&["scan", "-t", "a", "-u=b"][..], "scan a b"),
            (&["scan", "--threads=9", "a"], "scan --concurrency=9 a"),
            (&["-q", "scan", "-iL", "f"], "-q scan --targets-file f"),
            (&["scan", "--", "-t", "a"], "scan -- -t a"),
            // Options of the command itself.
            (&["simulate", "--list"], "simulate --list"),
            (&["scan", "-c", "9", "-4"], "scan -c 9 -4"),
            (&["scna", "a"], "scna a"),
            (&["--help"], "--help"),
            (&["-V"], "-V"),
            (&[], ""),
        ] {
            assert_eq!(translation(given).as_deref(), Ok(expected));
        }
        let said = translation(&["rules", "--threads", "9"]).unwrap_err();
        assert!(
            said.contains("means --concurrency, which kubeknock rules does not have"),
            "{said}"
        );
        assert!(
            translation(&["scan", "-t", "50"])
                .unwrap_err()
                .contains("-c NUMBER")
        );
    }
}

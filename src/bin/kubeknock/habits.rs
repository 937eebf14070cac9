//! Options of other tools that people type out of habit. If kubeknock has an option with the same meaning, it replaces
//! the word; otherwise an error gives a tip. The nearest spelling, which clap would propose, is seldom what they mean.

// The fuzz target includes this file by its path, where the folder would be another.
#[path = "habits/words.rs"]
mod words;

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use anyhow::bail;
use clap::{Arg, Command};
use kubeknock::report::Format;

use crate::suggest::did_you_mean;
use words::{HABITS, Meaning};

/// Endings of files that people give where a target is expected. None is a top-level domain.
const FILES: [&str; 10] = [
    "txt", "list", "json", "jsonl", "csv", "xml", "html", "sarif", "yaml", "yml",
];

/// The arguments with the words of other tools replaced. `all` must be a built clap command.
///
/// # Errors
/// A word has no equivalent here.
pub(crate) fn translated(all: &Command, given: Vec<OsString>) -> anyhow::Result<Vec<OsString>> {
    let at = given
        .iter()
        .skip(1)
        .position(|word| !word.to_string_lossy().starts_with('-'));
    let word = at.and_then(|at| given.get(at + 1)?.to_str());
    let own = word.and_then(|word| all.find_subcommand(word));
    let Some((own, at)) = own.zip(at) else {
        let given: Vec<OsString> = given
            .iter()
            .map(|word| two_hyphens(all, word.clone()))
            .collect();
        check_command(all, &given, word)?;
        return Ok(given);
    };
    let mut words: VecDeque<OsString> = given.into();
    let before: Vec<OsString> = words.drain(..at + 2).collect();
    // Options of the subcommand may be written before it. They move behind it, because clap reads them only there.
    let (mut translated, moved): (Vec<_>, Vec<_>) = (before.into_iter())
        .map(|word| two_hyphens(all, word))
        .partition(|word| {
            let (name, _) = split(word);
            !name.starts_with('-') || has(all, name) || is_cluster(all, name)
        });
    for word in moved.into_iter().rev() {
        words.push_front(word);
    }
    while let Some(word) = words.pop_front() {
        if word == "--" {
            translated.push(word);
            break;
        }
        let (name, value) = split(&word);
        let Some(meaning) = meaning(own, name) else {
            let word = two_hyphens(own, word);
            let (name, value) = split(&word);
            let option = option(own, name);
            check_known(own, name)?;
            let values = option.filter(|_| value.is_none()).map_or(0, values);
            translated.push(word);
            translated.extend(words.drain(..values.min(words.len())));
            continue;
        };
        match meaning {
            Meaning::Tip(tip) => bail!("unexpected argument {name}: {tip}"),
            Meaning::Target => {
                let value = value.map(OsString::from).or_else(|| words.pop_front());
                translated.extend([target(name, value)?]);
            }
            Meaning::Options(options) => {
                let name_of = |option: &&str| option.split('=').next().map(str::to_owned);
                let missing = options
                    .iter()
                    .find(|option| !name_of(option).is_some_and(|name| has(own, &name)));
                if let Some(missing) = missing {
                    let meant = missing
                        .replace("--format=", "-o ")
                        .replace("--format", "-o");
                    bail!(
                        "unexpected argument {name}: it means {meant}, which kubeknock {} does not have",
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

/// The value of another tool's option for a target, such as `--host` or `-t`.
fn target(name: &str, value: Option<OsString>) -> anyhow::Result<OsString> {
    let is_number = |value: &OsString| {
        let value = value.to_string_lossy();
        !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit())
    };
    match value.filter(|value| !is_number(value)) {
        None => bail!(
            "unexpected argument {name}: it means a target here; connections at once are -c NUMBER"
        ),
        Some(value) if Path::new(&value).is_file() => bail!(
            "unexpected argument {name}: it means a target here, and this is a file: \
             -f FILE reads targets from it"
        ),
        Some(value) => Ok(value),
    }
}

/// Fails if a target is the name of a file.
///
/// # Errors
/// A target ends like the name of a target list or of a report.
pub(crate) fn check_targets(targets: &[String]) -> anyhow::Result<()> {
    let is_file = |target: &&String| {
        let ending = Path::new(target.as_str()).extension();
        let ending = ending.map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        !target.contains("://") && ending.is_some_and(|ending| FILES.contains(&&*ending))
    };
    let Some(at) = targets.iter().position(|target| is_file(&target)) else {
        return Ok(());
    };
    let (number, target) = (at + 1, Path::new(&targets[at]));
    if target.is_file() {
        bail!("argument {number} is a file, not a target: -f FILE reads targets from it");
    }
    let format = Format::ALL.into_iter().find(|format| {
        (target.extension()).is_some_and(|ending| ending.eq_ignore_ascii_case(format.extension()))
    });
    let format = format.unwrap_or(Format::Json);
    bail!(
        "argument {number} is the name of a file, not a target: a report is written with -o {format}=FILE, \
         a list of targets is read with -f FILE"
    );
}

/// Fails if the first word is a target or an option of a command, not a command.
fn check_command(all: &Command, given: &[OsString], word: Option<&str>) -> anyhow::Result<()> {
    let commands = || all.get_subcommands().map(Command::get_name);
    let asks_for_help = |word: &OsString| word == "-h" || word == "--help";
    let is_misspelt = |word: &str| word == "help" || !did_you_mean(word, commands()).is_empty();
    let others = given.iter().skip(1);
    let mut foreign = others.clone().filter(|word| {
        let (name, _) = split(word);
        !(has(all, name) || is_cluster(all, name))
            || word.to_str().is_some_and(|word| !word.starts_with('-'))
    });
    if foreign.next().is_none()
        || others.clone().any(asks_for_help)
        || word.is_some_and(is_misspelt)
    {
        return Ok(());
    }
    let later = commands().find(|command| others.clone().any(|word| word == command));
    if let Some(command) = later {
        bail!("the command comes first: kubeknock {command}, then its options");
    }
    bail!("a command is missing; to scan, write kubeknock scan TARGET, or kubeknock scan -f FILE");
}

/// Fails if a command has no such option. If one letter was added, left out or exchanged, clap reports the error,
/// because it names the right option.
fn check_known(own: &Command, name: &str) -> anyhow::Result<()> {
    let bare = name.trim_start_matches('-');
    let begins_as_a_word = bare.starts_with(|c: char| c.is_ascii_alphabetic());
    let is_misspelt = |option: &&str| {
        name.starts_with("--") && option.len() > 3 && strsim::damerau_levenshtein(option, bare) <= 1
    };
    if !name.starts_with('-')
        || !begins_as_a_word
        || has(own, name)
        || is_cluster(own, name)
        || longs(own).any(|option| is_misspelt(&option))
    {
        return Ok(());
    }
    // Other text may be a secret.
    let is_plain = bare.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let shown = if is_plain {
        format!(" {name}")
    } else {
        String::new()
    };
    bail!(
        "unexpected argument{shown}: kubeknock {command} has no such option; kubeknock {command} --help lists them",
        command = own.get_name()
    );
}

/// What a word of another tool is here, with one hyphen or two; `None` if it is an option of this command or not known.
fn meaning(own: &Command, name: &str) -> Option<Meaning> {
    if !name.starts_with('-') || has(own, name) {
        return None;
    }
    let find = |name: &str| {
        let mut habits = HABITS.iter();
        let found = habits.find(|(words, _)| words.split(' ').any(|word| word == name));
        found.map(|(_, meaning)| *meaning)
    };
    let bare = name.trim_start_matches('-');
    find(name).or_else(|| match name.strip_prefix("--") {
        Some(_) if bare.len() == 1 => find(&format!("-{bare}")),
        None if bare.len() > 2 && !longs(own).any(|long| long == bare) => {
            find(&format!("--{bare}"))
        }
        _ => None,
    })
}

/// An option of this command as it is written here, if other tools write it with one hyphen more or less: `-severity`,
/// `--c`.
fn two_hyphens(own: &Command, word: OsString) -> OsString {
    let (name, _) = split(&word);
    let bare = name.trim_start_matches('-');
    let text = word.to_string_lossy();
    if name.starts_with("--") && bare.chars().count() == 1 && has(own, &format!("-{bare}")) {
        return text.replacen("--", "-", 1).into();
    }
    if !name.starts_with("--") && name.starts_with('-') && longs(own).any(|long| long == bare) {
        return format!("-{text}").into();
    }
    word
}

/// Whether these are short options of the command without space between them, or one with its value.
fn is_cluster(own: &Command, name: &str) -> bool {
    let mut letters = name.chars().skip(1);
    !name.starts_with("--")
        && letters
            .next()
            .is_some_and(|first| has(own, &format!("-{first}")))
}

/// The long options of a command that have more than one letter.
fn longs(own: &Command) -> impl Iterator<Item = &str> {
    own.get_arguments().filter_map(Arg::get_long)
}

/// How many of the words after an option are its values.
fn values(arg: &Arg) -> usize {
    if arg.get_action().takes_values() {
        arg.get_num_args().map_or(1, |range| range.min_values())
    } else {
        0
    }
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
    option(command, name).is_some()
}

/// The option of a command with this name.
fn option<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|arg| {
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
    use crate::args::program;

    fn built() -> Command {
        let mut all = program();
        all.build();
        all
    }

    fn translation(words: &[&str]) -> Result<String, String> {
        let given = ["kubeknock"].iter().chain(words).map(OsString::from);
        let words = translated(&built(), given.collect()).map_err(|error| error.to_string())?;
        let words = words.iter().skip(1).map(|word| word.to_string_lossy());
        Ok(words.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn every_habit_is_no_option_of_scan_and_leads_to_some() {
        let all = built();
        let scan = all.find_subcommand("scan").unwrap();
        let mut seen = HashSet::new();
        for (words, meaning) in HABITS {
            for word in words.split(' ') {
                assert!(seen.insert(word), "{word} twice");
                assert!(!has(scan, word), "{word} is an option of scan");
            }
            if let Meaning::Options(options) = meaning {
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
            // One hyphen or two.
            (
                &["scan", "-severity", "high", "a"],
                "scan --severity high a",
            ),
            (
                &["scan", "-format=json", "--c", "9", "a"],
                "scan --format=json -c 9 a",
            ),
            (&["scan", "--u", "a", "--silent"], "scan a --quiet"),
            (
                &["-silent", "-json", "scan", "a"],
                "scan --quiet --format=json a",
            ),
            (&["-version"], "--version"),
            // Values that look like options.
            (&["scan", "--contact", "-t", "a"], "scan --contact -t a"),
            (&["scan", "--rate", "-5", "-"], "scan --rate -5 -"),
            (&["scan", "-qv", "-p443", "-ojson"], "scan -qv -p443 -ojson"),
            // Misspelt: clap names the option.
            (&["scan", "--fail-onn", "new"], "scan --fail-onn new"),
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
    #[test]
    fn files_are_no_targets() {
        let check = |target: &str| check_targets(&["a".to_owned(), target.to_owned()]);
        for target in [
            "api.example.com",
            "a.txt:6443",
            "https://a.example/b.json",
            "10.0.0.7",
        ] {
            assert!(check(target).is_ok(), "{target}");
        }
        for (target, tip) in [
            ("out2.json", "-o json=FILE"),
            ("page.HTML", "-o html=FILE"),
            ("targets.example.txt", "is a file, not a target: -f FILE"),
        ] {
            let said = check(target).unwrap_err().to_string();
            assert!(said.contains(tip) && said.contains("argument 2"), "{said}");
        }
    }
}

//! The command line over the settings file: an option of `[scan]` counts where the command line
//! does not give it. Both are checked by the same parser, so every option of the one is a key of
//! the other. Commands that have some of these options too take those.

use std::any::TypeId;
use std::error::Error as _;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches as _};
use kubeknock::report::escape;

use super::{Setting, SettingsFile, Value};
use crate::args::{Cli, program};
use crate::say;
use crate::suggest::did_you_mean;

/// Options that only make sense on a command line.
const NOT_IN_A_FILE: [&str; 6] = ["config", "dry-run", "help", "quiet", "verbose", "version"];
/// Options that name targets: somebody who names others on the command line means those alone.
const NAME_TARGETS: [&str; 2] = ["targets-file", "from"];

/// The arguments of the program, with the settings file under them. Ends the program, as clap does,
/// for help and for arguments that mean nothing.
pub(crate) fn arguments() -> anyhow::Result<(Cli, SettingsFile)> {
    let given: Vec<OsString> = std::env::args_os().collect();
    let matches = parsed(&given);
    say::be_quiet(matches.get_flag("quiet"));
    let Some((name, sub)) = matches.subcommand() else {
        return Ok((cli(&matches)?, SettingsFile::default()));
    };
    // Commands without --config know nothing of the file.
    let Ok(named) = sub.try_get_one::<PathBuf>("config") else {
        return Ok((cli(&matches)?, SettingsFile::default()));
    };
    let file = SettingsFile::load(named.map(PathBuf::as_path))?;
    if let Some(path) = &file.path {
        say::note(format_args!("settings from {}", path.display()));
    }
    if file.scan.is_empty() {
        return Ok((cli(&matches)?, file));
    }
    let under = under(&file, name, sub)?;
    // No option before the command takes a value, so the first such word is the command.
    let at = given
        .iter()
        .position(|word| word == name)
        .map_or(given.len(), |at| at + 1);
    let (before, after) = given.split_at(at);
    let all: Vec<OsString> = before.iter().chain(&under).chain(after).cloned().collect();
    Ok((cli(&parsed(&all))?, file))
}

/// The arguments as clap understands them. An error of clap's repeats arguments: it is made of them as
/// they may be shown.
fn parsed(given: &[OsString]) -> ArgMatches {
    program()
        .try_get_matches_from(given)
        .unwrap_or_else(|error| {
            match program().try_get_matches_from(given.iter().map(|word| shown(word))) {
                Err(shown) => shown.exit(),
                Ok(_) => error.exit(),
            }
        })
}

/// An argument without what may be a password, and without what acts on a terminal.
fn shown(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let Some((before, host)) = word.rsplit_once('@') else {
        return escape(&word, usize::MAX);
    };
    let option = before
        .split_once('=')
        .filter(|_| before.starts_with('-'))
        .map_or(0, |(key, _)| key.len() + 1);
    let scheme = before.find("://").map_or(0, |at| at + 3);
    let kept = before.get(..option.max(scheme)).unwrap_or_default();
    escape(&format!("{kept}…@{host}"), usize::MAX)
}

fn cli(matches: &ArgMatches) -> anyhow::Result<Cli> {
    Cli::from_arg_matches(matches).context("a defect in kubeknock, please report it")
}

/// The options of `[scan]` that this command has and its line leaves open, as arguments. All are
/// checked, whatever the command.
pub(super) fn under(
    file: &SettingsFile,
    command: &str,
    given: &ArgMatches,
) -> anyhow::Result<Vec<OsString>> {
    let mut all = program();
    all.build();
    let scan = all
        .find_subcommand("scan")
        .context("there is no scan command")?;
    let own = all
        .find_subcommand(command)
        .context("there is no such command")?;
    let on_line =
        |arg: &Arg| given.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
    let names_targets = |arg: &Arg| {
        arg.get_long()
            .map_or(arg.is_positional(), |key| NAME_TARGETS.contains(&key))
    };
    let targets_named = own
        .get_arguments()
        .any(|arg| names_targets(arg) && on_line(arg));
    let mut under = Vec::new();
    for Setting { place, key, value } in &file.scan {
        let arg = option(scan, key).with_context(|| {
            let hint = did_you_mean(key, keys(scan));
            format!(
                "{place}: [scan]: unknown key; keys are the long options of kubeknock scan{hint}"
            )
        })?;
        let place = format!("{place}: [scan] {key}");
        let words = words(key, value, arg, file.folder()).with_context(|| place.clone())?;
        // Alone first, so that an error is about the file.
        let alone = ["kubeknock", "scan"]
            .map(OsString::from)
            .into_iter()
            .chain(words.iter().cloned());
        if let Err(error) = program().try_get_matches_from(alone) {
            bail!("{place}: {}", problem(&error));
        }
        let Some(arg) = option(own, key) else {
            continue;
        };
        let beaten = on_line(arg)
            || own.get_arg_conflicts_with(arg).into_iter().any(on_line)
            || (targets_named && names_targets(arg));
        if !beaten {
            under.extend(words);
        }
    }
    Ok(under)
}

/// What clap finds wrong with a value, without the value.
fn problem(error: &clap::Error) -> String {
    match (error.source(), error.get(ContextKind::ValidValue)) {
        (Some(said), _) => said.to_string(),
        (None, Some(ContextValue::Strings(words))) => format!("use one of {}", words.join(", ")),
        _ => "this is not what the option takes".to_owned(),
    }
}

fn option<'a>(command: &'a Command, key: &str) -> Option<&'a Arg> {
    command
        .get_arguments()
        .find(|arg| arg.get_long() == Some(key) && !NOT_IN_A_FILE.contains(&key))
}

fn keys(scan: &Command) -> impl Iterator<Item = &str> {
    scan.get_arguments()
        .filter_map(Arg::get_long)
        .filter(|key| !NOT_IN_A_FILE.contains(key))
}

/// A value as one would write it on the command line.
fn words(key: &str, value: &Value, arg: &Arg, folder: &Path) -> anyhow::Result<Vec<OsString>> {
    let flag = matches!(arg.get_action(), ArgAction::SetTrue);
    match value {
        Value::Switch(set) if flag => {
            return Ok(set
                .then(|| OsString::from(format!("--{key}")))
                .into_iter()
                .collect());
        }
        _ if flag => bail!("true or false is expected"),
        // Of two words, as --from: a list of pairs.
        _ if arg.get_num_args() == Some(2.into()) => return pairs(key, value, folder),
        Value::List(values) if matches!(arg.get_action(), ArgAction::Append) => {
            return values
                .iter()
                .map(|value| word(key, value, arg, folder))
                .collect();
        }
        Value::List(_) => bail!("one value is expected, not several"),
        _ => {}
    }
    Ok(vec![word(key, value, arg, folder)?])
}

fn word(key: &str, value: &Value, arg: &Arg, folder: &Path) -> anyhow::Result<OsString> {
    let text = match value {
        Value::Text(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => bail!("text in quotes or a whole number is expected"),
    };
    let mut word = OsString::from(format!("--{key}="));
    if arg.get_value_parser().type_id() == TypeId::of::<PathBuf>() {
        word.push(from_folder(&text, folder));
    } else if let Some((format, path)) = text.split_once('=').filter(|_| key == "output") {
        word.push(format!("{format}="));
        word.push(from_folder(path, folder));
    } else {
        word.push(text);
    }
    Ok(word)
}

/// `[["zmap", "open.txt"]]` as `--from zmap open.txt`.
fn pairs(key: &str, value: &Value, folder: &Path) -> anyhow::Result<Vec<OsString>> {
    let expected = "a list of pairs in quotes is expected, as [[\"FORMAT\", \"FILE\"]]";
    let Value::List(list) = value else {
        bail!(expected)
    };
    let mut words = Vec::new();
    for pair in list {
        let Value::List(pair) = pair else {
            bail!(expected)
        };
        let [Value::Text(format), Value::Text(file)] = &pair[..] else {
            bail!(expected)
        };
        words.extend([
            format!("--{key}").into(),
            format.into(),
            from_folder(file, folder),
        ]);
    }
    Ok(words)
}

/// The file's paths start where the file is; standard input and output have none.
fn from_folder(path: &str, folder: &Path) -> OsString {
    if matches!(path, "" | "-") {
        path.into()
    } else {
        folder.join(path).into_os_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_shown_without_its_password() {
        for (word, expected) in [
            ("https://user:hunter2@api.example", "https://…@api.example"),
            ("user:hunter2@api.example:6443", "…@api.example:6443"),
            (
                "--proxy=http://user:hun@ter2@bastion:3128",
                "--proxy=http://…@bastion:3128",
            ),
            ("--proxy=hunter2@bastion", "--proxy=…@bastion"),
            ("--contact", "--contact"),
            ("a\u{1b}[31m\n::error::", "a\\u{1b}[31m\\n::error::"),
        ] {
            assert_eq!(shown(OsStr::new(word)), expected);
        }
    }
}

//! Merges the settings file into the command line: an option of `[scan]` applies if the command
//! line does not set it. One parser checks both, so every option is also a key of the file. Other
//! commands use the options that they share with `scan`.

use std::any::TypeId;
use std::error::Error as _;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches as _};
use kubeknock::model::InvalidWord;
use kubeknock::report::escape;

use super::file::{Setting, SettingsFile, Value};
use crate::args::{AUTO, BaselineArg, Cli, SpecOrFile, program};
use crate::suggest::did_you_mean;
use crate::{habits, say};

/// Options that make sense only on a command line.
const NOT_IN_A_FILE: [&str; 10] = [
    "config",
    "dry-run",
    "fetch",
    "format",
    "help",
    // A scan by hand with the same file must not tell anybody.
    "notify",
    "notify-required",
    "quiet",
    "verbose",
    "version",
];
/// Options that name targets. The file's are ignored if the command line names targets.
const TARGET_OPTIONS: [&str; 2] = ["targets-file", "from"];
/// Options whose value in the file is for `scan` only: other commands write reports of their own, and a saved report
/// has its name and its targets.
const OF_SCAN_ONLY: [&str; 3] = ["output", "scan-name", "where"];
/// Options that mean something else in `audit`, which has no verdicts.
const NOT_OF_AUDIT: [&str; 1] = ["fail-on"];
/// Options that the exporter has in another form, or not at all.
const NOT_OF_EXPORTER: [&str; 4] = ["deep", "max-duration", "output", "scan-name"];

/// The arguments of the program merged with the settings file. Exits, as clap does, for help and for
/// invalid arguments.
pub(crate) fn arguments() -> anyhow::Result<(Cli, SettingsFile)> {
    let mut all = program();
    all.build();
    let given = habits::translated(&all, std::env::args_os().collect())?;
    let matches = parse(&mut all, &given).unwrap_or_else(|error| error.exit());
    say::set_quiet(matches.get_flag("quiet"));
    let (merged, file) = merged(&mut all, &given, matches)?;
    if let Some(path) = &file.path {
        say::note(format_args!("settings from {}", path.display()));
    }
    let matches = merged.unwrap_or_else(|error| error.exit());
    Ok((cli(&matches)?, file))
}

/// The arguments of the program merged with the settings file as it is now, for a program that runs and must not exit.
pub(crate) fn arguments_again() -> anyhow::Result<(Cli, SettingsFile)> {
    let mut all = program();
    all.build();
    let given = habits::translated(&all, std::env::args_os().collect())?;
    let matches =
        parse(&mut all, &given).map_err(|error| anyhow::anyhow!("{}", problem(&error)))?;
    let (merged, file) = merged(&mut all, &given, matches)?;
    let matches = merged.map_err(|_| {
        let path = file.path.as_deref().unwrap_or(Path::new(""));
        anyhow::anyhow!(
            "{}: [scan] has options that exclude each other",
            path.display()
        )
    })?;
    Ok((cli(&matches)?, file))
}

/// Merges the settings file into parsed arguments. The inner result is clap's, of the command line and the file together.
fn merged(
    all: &mut Command,
    given: &[OsString],
    matches: ArgMatches,
) -> anyhow::Result<(Result<ArgMatches, clap::Error>, SettingsFile)> {
    let Some((name, sub)) = matches.subcommand() else {
        return Ok((Ok(matches), SettingsFile::default()));
    };
    // Commands without --config do not use the file.
    let Ok(named) = sub.try_get_one::<PathBuf>("config") else {
        return Ok((Ok(matches), SettingsFile::default()));
    };
    let file = SettingsFile::load(named.map(PathBuf::as_path))?;
    if file.scan.is_empty() {
        return Ok((Ok(matches), file));
    }
    let from_file = options_from_file(all, &file, name, sub)?;
    // No option before the command takes a value, so the first such word is the command.
    let at = given
        .iter()
        .position(|word| word == name)
        .map_or(given.len(), |at| at + 1);
    let (before, after) = given.split_at(at);
    let words: Vec<OsString> = before
        .iter()
        .chain(&from_file)
        .chain(after)
        .cloned()
        .collect();
    Ok((parse(all, &words), file))
}

/// Parses the arguments. Errors of clap repeat arguments, so they are made from masked ones.
fn parse(all: &mut Command, given: &[OsString]) -> Result<ArgMatches, clap::Error> {
    all.try_get_matches_from_mut(given).map_err(|error| {
        let masked = given.iter().map(|word| masked(word));
        all.try_get_matches_from_mut(masked).err().unwrap_or(error)
    })
}

/// An argument without a possible credential, and with control characters escaped.
fn masked(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    if let Some(header) = masked_header(&word) {
        return header;
    }
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

/// A header of another tool's command line, such as `Authorization: Bearer …`, without its value.
fn masked_header(word: &str) -> Option<String> {
    let (before, value) = word.split_once(':')?;
    let name = before.rsplit('=').next()?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let is_header = !name.is_empty() && name.chars().all(is_name);
    // Not `new:high`, a port or a URL.
    let is_credential = ["authorization", "cookie"].contains(&name.to_ascii_lowercase().as_str())
        || name.starts_with(|c: char| c.is_ascii_uppercase())
        || value.starts_with(' ');
    let is_address = value.starts_with(|c: char| c.is_ascii_digit() || c == '/');
    (is_header && is_credential && !is_address).then(|| format!("{before}: …"))
}

fn cli(matches: &ArgMatches) -> anyhow::Result<Cli> {
    Cli::from_arg_matches(matches).context("a bug in kubeknock, please report it")
}

/// The options of `[scan]` that this command has and the command line does not set, as arguments. All
/// options are checked, whatever the command. The command line must be built.
pub(super) fn options_from_file(
    all: &Command,
    file: &SettingsFile,
    command: &str,
    given: &ArgMatches,
) -> anyhow::Result<Vec<OsString>> {
    let scan = all
        .find_subcommand("scan")
        .context("there is no scan command")?;
    let own = all
        .find_subcommand(command)
        .context("there is no such command")?;
    let on_command_line =
        |arg: &Arg| given.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
    let names_targets = |arg: &Arg| {
        arg.get_long()
            .map_or(arg.is_positional(), |key| TARGET_OPTIONS.contains(&key))
    };
    let targets_named = own
        .get_arguments()
        .any(|arg| names_targets(arg) && on_command_line(arg));
    let mut merged = Vec::new();
    for Setting { place, key, value } in &file.scan {
        let arg = option(scan, key).with_context(|| {
            let hint = did_you_mean(key, keys(scan));
            format!("{place}: [scan]: unknown key: expected a long option of kubeknock scan{hint}")
        })?;
        let place = format!("{place}: [scan] {key}");
        let words = words(key, value, arg, file.directory()).with_context(|| place.clone())?;
        // Parsed alone first, so that an error is about the file.
        let alone = ["kubeknock", "scan"]
            .map(OsString::from)
            .into_iter()
            .chain(words.iter().cloned());
        if let Err(error) = all.clone().try_get_matches_from(alone) {
            bail!("{place}: {}", problem(&error));
        }
        let key = key.as_str();
        let is_for_others = match command {
            "scan" => false,
            // It reads lists as scan does.
            "exporter" => NOT_OF_EXPORTER.contains(&key),
            "audit" => OF_SCAN_ONLY.contains(&key) || NOT_OF_AUDIT.contains(&key),
            _ => OF_SCAN_ONLY.contains(&key),
        };
        let Some(arg) = option(own, key).filter(|_| !is_for_others) else {
            continue;
        };
        let overridden = on_command_line(arg)
            || own
                .get_arg_conflicts_with(arg)
                .into_iter()
                .any(on_command_line)
            || (targets_named && names_targets(arg));
        if !overridden {
            merged.extend(words);
        }
    }
    Ok(merged)
}

/// The problem that clap found with a value, without the value itself.
fn problem(error: &clap::Error) -> String {
    match (error.source(), error.get(ContextKind::ValidValue)) {
        (Some(source), _) => match source.downcast_ref::<InvalidWord>() {
            Some(error) => error.clone().without_word().to_string(),
            None => source.to_string(),
        },
        (None, Some(ContextValue::Strings(words))) => {
            format!("invalid value: expected one of {}", words.join(", "))
        }
        _ => "invalid value".to_owned(),
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

/// A value as arguments of the command line.
fn words(key: &str, value: &Value, arg: &Arg, directory: &Path) -> anyhow::Result<Vec<OsString>> {
    let flag = matches!(arg.get_action(), ArgAction::SetTrue);
    match value {
        Value::Bool(set) if flag => {
            return Ok(set
                .then(|| OsString::from(format!("--{key}")))
                .into_iter()
                .collect());
        }
        _ if flag => bail!("invalid value: expected true or false"),
        // An option with two values, such as --from.
        _ if arg.get_num_args() == Some(2.into()) => return pairs(key, value, directory),
        Value::List(values) if matches!(arg.get_action(), ArgAction::Append) => {
            return values
                .iter()
                .map(|value| word(key, value, arg, directory))
                .collect();
        }
        Value::List(_) => bail!("invalid value: expected one value, not several"),
        _ => {}
    }
    Ok(vec![word(key, value, arg, directory)?])
}

fn word(key: &str, value: &Value, arg: &Arg, directory: &Path) -> anyhow::Result<OsString> {
    let text = match value {
        Value::Text(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => bail!("invalid value: expected text in quotes or a whole number"),
    };
    let mut word = OsString::from(format!("--{key}="));
    let type_id = arg.get_value_parser().type_id();
    let is_baseline = type_id == TypeId::of::<BaselineArg>();
    if is_baseline && text.starts_with(AUTO) {
        bail!(
            "auto:DIR belongs on the command line of the scheduled scan: in this file, it would also be for scans by hand"
        );
    }
    if is_baseline || type_id == TypeId::of::<PathBuf>() {
        word.push(from_directory(&text, directory));
    } else if let Some(file) = text
        .strip_prefix('@')
        .filter(|_| type_id == TypeId::of::<SpecOrFile>())
    {
        word.push("@");
        word.push(from_directory(file, directory));
    } else if let Some((format, path)) = text.split_once('=').filter(|_| key == "output") {
        word.push(format!("{format}="));
        word.push(from_directory(path, directory));
    } else {
        word.push(text);
    }
    Ok(word)
}

/// `[["zmap", "open.txt"]]` as `--from zmap open.txt`.
fn pairs(key: &str, value: &Value, directory: &Path) -> anyhow::Result<Vec<OsString>> {
    let expected = "invalid value: expected a list of pairs, such as [[\"FORMAT\", \"FILE\"]]";
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
            from_directory(file, directory),
        ]);
    }
    Ok(words)
}

/// A relative path starts at the directory of the settings file. - stays standard input or output.
fn from_directory(path: &str, directory: &Path) -> OsString {
    if matches!(path, "" | "-") {
        path.into()
    } else {
        directory.join(path).into_os_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_masked() {
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
            assert_eq!(masked(OsStr::new(word)), expected);
        }
    }
}

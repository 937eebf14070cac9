//! The body of the fuzz target `settings` (`fuzz/`): reads a whole settings file and opens nothing.

use clap::FromArgMatches as _;

use super::file::SettingsFile;
use super::merge::options_from_file;
use crate::args::{Cli, program};

/// Merges the text of a settings file into `kubeknock scan`.
pub(crate) fn settings(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let file = match SettingsFile::parse("kubeknock.toml", &text) {
        Ok(file) => SettingsFile {
            path: Some("kubeknock.toml".into()),
            ..file
        },
        Err(error) => return check(&error),
    };
    let mut program = program();
    program.build();
    let matches = program.clone().get_matches_from(["kubeknock", "scan"]);
    let (name, given) = matches.subcommand().expect("scan");
    let words = match options_from_file(&program, &file, name, given) {
        Ok(words) => words,
        Err(error) => return check(&error),
    };
    let all = ["kubeknock", name].map(Into::into).into_iter().chain(words);
    if let Ok(matches) = program.try_get_matches_from(all) {
        Cli::from_arg_matches(&matches).expect("parsed arguments are a command");
    }
}

fn check(error: &anyhow::Error) {
    let message = format!("{error:#}");
    assert!(
        !message.chars().any(|c| c.is_control() && c != '\n'),
        "a control character in {message:?}"
    );
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn every_seed_is_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/settings");
        let seeds: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert!(seeds.len() >= 3, "{} seeds", seeds.len());
        for seed in seeds {
            println!("{}", seed.display());
            super::settings(&std::fs::read(&seed).unwrap());
        }
    }
}

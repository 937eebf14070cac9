//! The body of the fuzz target `settings` (`fuzz/`): everything is read of the text, nothing is opened.

use clap::FromArgMatches as _;

use super::SettingsFile;
use super::over::under;
use crate::args::{Cli, program};

/// The text of a settings file, laid under `kubeknock scan`.
pub(crate) fn settings(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let file = match SettingsFile::parse("kubeknock.toml", &text) {
        Ok(file) => SettingsFile {
            path: Some("kubeknock.toml".into()),
            ..file
        },
        Err(error) => return shown(&error),
    };
    let matches = program().get_matches_from(["kubeknock", "scan"]);
    let (name, given) = matches.subcommand().expect("scan");
    let words = match under(&file, name, given) {
        Ok(words) => words,
        Err(error) => return shown(&error),
    };
    let all = ["kubeknock", name].map(Into::into).into_iter().chain(words);
    if let Ok(matches) = program().try_get_matches_from(all) {
        Cli::from_arg_matches(&matches).expect("what the parser took is a command");
    }
}

fn shown(error: &anyhow::Error) {
    let said = format!("{error:#}");
    assert!(
        !said.chars().any(|c| c.is_control() && c != '\n'),
        "a control character in {said:?}"
    );
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn every_seed_is_replayed() {
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

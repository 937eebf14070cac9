//! `kubeknock.toml`: settings that a team keeps in a file. The command line overrides them.

mod file;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzed;
mod merge;
mod search;
mod source;
mod tables;

pub(crate) use file::SettingsFile;
pub(crate) use merge::{arguments, arguments_again};

//! Notices that files changed, and waits until they are whole.

use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

/// What tells one version of a file from another.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    length: u64,
    modified: Option<SystemTime>,
    /// Another file may have taken its place, as with the volumes of Kubernetes.
    number: u64,
}

/// Files, and the versions that are in use.
#[derive(Clone)]
pub(super) struct Files {
    paths: Vec<PathBuf>,
    used: Vec<Option<Version>>,
    /// The versions of the last look.
    seen: Vec<Option<Version>>,
}

impl Files {
    /// Files whose present versions are in use.
    pub(super) fn new(paths: Vec<PathBuf>) -> Self {
        let used = versions(&paths);
        Self {
            seen: used.clone(),
            used,
            paths,
        }
    }

    /// Whether other versions are there than those in use. They count as used from then on. While they still change,
    /// somebody is writing them, so they do not count.
    pub(super) fn have_changed(&mut self) -> bool {
        let now = versions(&self.paths);
        let is_settled = now == self.seen;
        self.seen = now;
        let changed = is_settled && self.seen != self.used;
        if changed {
            self.used.clone_from(&self.seen);
        }
        changed
    }
}

fn versions(paths: &[PathBuf]) -> Vec<Option<Version>> {
    let version = |path: &PathBuf| {
        let found = fs::metadata(path).ok()?;
        Some(Version {
            length: found.len(),
            modified: found.modified().ok(),
            number: number(&found),
        })
    };
    paths.iter().map(version).collect()
}

#[cfg(unix)]
fn number(found: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(found)
}

#[cfg(not(unix))]
fn number(_: &fs::Metadata) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_counts_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("targets.txt");
        fs::write(&path, "a").unwrap();
        let mut files = Files::new(vec![path.clone()]);
        assert!(!files.have_changed() && !files.have_changed());
        fs::write(&path, "ab").unwrap();
        assert!(!files.have_changed(), "it may still be written");
        fs::write(&path, "abc").unwrap();
        assert!(!files.have_changed(), "it was");
        assert!(files.have_changed());
        assert!(!files.have_changed(), "it is in use");
        fs::remove_file(&path).unwrap();
        assert!(!files.have_changed());
        assert!(files.have_changed(), "a missing file is a change");
    }
}

//! The file and line that name a target, as code hosts expect them: a path relative to the repository's root.

use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use crate::model::{Finding, Origin, Source, without_annotations};

/// The repository that targets files belong to.
#[derive(Debug, Clone, Copy)]
pub struct Repository<'a> {
    /// Relative paths start here.
    pub working_directory: &'a Path,
    /// The root of the repository; without a repository, the working directory.
    pub root: &'a Path,
    /// Whether the platform that reads the report merges the findings of one rule on one line, as GitLab does.
    pub one_finding_per_line: bool,
}

/// A relative path with forward slashes, a line and, in a configuration, a column; both from 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SourceLocation {
    pub(super) path: String,
    pub(super) line: u32,
    pub(super) column: Option<u32>,
    /// Whether it is a file of the repository.
    pub(super) in_repository: bool,
}

impl Default for Repository<'_> {
    /// For a scan without a repository.
    fn default() -> Self {
        Self {
            working_directory: Path::new(""),
            root: Path::new(""),
            one_finding_per_line: false,
        }
    }
}

impl SourceLocation {
    /// The location of a target specification. If it comes from no file, or from one outside the repository, it
    /// gets a path below `kubeknock/` that is the same in every scan.
    pub(super) fn of(origin: &Origin, repository: Repository<'_>) -> Self {
        let path_in_repository = match &origin.source {
            Source::File(path) => relative(Path::new(&**path), repository),
            Source::Argument | Source::Url(_) | Source::Stdin => None,
        };
        let in_repository = path_in_repository.is_some();
        let path = path_in_repository.unwrap_or_else(|| match &origin.source {
            Source::File(path) => {
                let name = Path::new(&**path).file_name().unwrap_or_default();
                format!("kubeknock/outside/{}", with_slashes(Path::new(name)))
            }
            Source::Argument => "kubeknock/arguments".to_owned(),
            Source::Url(_) => "kubeknock/url".to_owned(),
            Source::Stdin => "kubeknock/stdin".to_owned(),
        });
        Self {
            path,
            line: origin.line.max(1),
            column: origin.column,
            in_repository,
        }
    }

    /// The location of a finding. If the platform would merge the findings at several targets of one line, the path also
    /// names the target, unless the line names only this target.
    pub(super) fn of_finding(finding: &Finding, repository: Repository<'_>) -> Self {
        let mut location = Self::of(&finding.origin, repository);
        let about = finding.about.as_str();
        let specification = without_annotations(&finding.origin.text);
        let is_whole_line =
            finding.index.is_none() || without_scheme(about) == without_scheme(specification);
        if repository.one_finding_per_line && !is_whole_line {
            let target = about.strip_prefix("https://").unwrap_or(about);
            location.path = format!("{}/{}", location.path, target.replace("://", "/"));
        }
        location
    }

    /// The path as a relative URI.
    pub(super) fn uri(&self) -> String {
        let mut out = String::new();
        for byte in self.path.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                    out.push(char::from(byte));
                }
                byte => {
                    let _ = write!(out, "%{byte:02X}");
                }
            }
        }
        out
    }
}

fn without_scheme(target: &str) -> &str {
    target.split_once("://").map_or(target, |(_, rest)| rest)
}

/// The path of a file relative to the root; `None` if it is outside.
fn relative(path: &Path, repository: Repository<'_>) -> Option<String> {
    let path = repository.working_directory.join(path);
    below(&path, repository.root)
        .or_else(|| below(&real_path(&path)?, &repository.root.canonicalize().ok()?))
        .map(|path| with_slashes(&path))
}

/// The part of a path below the root, by comparing the text.
fn below(path: &Path, root: &Path) -> Option<PathBuf> {
    let relative = without_dots(path)
        .strip_prefix(without_dots(root))
        .ok()?
        .to_owned();
    (relative != Path::new("")).then_some(relative)
}

/// The path with all symbolic links in its folder resolved. The path of the working directory has no symbolic links,
/// but a path that the user writes may have them.
fn real_path(path: &Path) -> Option<PathBuf> {
    Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?))
}

/// The path without `.` and `..`.
fn without_dots(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}

fn with_slashes(path: &Path) -> String {
    let parts: Vec<_> = path
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(source: Source) -> String {
        let repository = Repository {
            working_directory: Path::new("/repo/ci"),
            root: Path::new("/repo"),
            one_finding_per_line: false,
        };
        SourceLocation::of(
            &Origin {
                source,
                line: 3,
                column: None,
                text: "x".into(),
            },
            repository,
        )
        .uri()
    }

    #[test]
    fn paths_are_relative_to_the_root() {
        for (path, expected) in [
            ("targets.txt", "ci/targets.txt"),
            ("./a/../targets.txt", "ci/targets.txt"),
            ("../clusters/prod eu.txt", "clusters/prod%20eu.txt"),
            ("/repo/targets.txt", "targets.txt"),
            ("/etc/targets.txt", "kubeknock/outside/targets.txt"),
            ("../../other/targets.txt", "kubeknock/outside/targets.txt"),
            ("https://evil.example/x", "ci/https%3A/evil.example/x"),
        ] {
            assert_eq!(at(Source::File(path.into())), expected, "{path}");
        }
        assert_eq!(at(Source::Argument), "kubeknock/arguments");
        assert_eq!(at(Source::Stdin), "kubeknock/stdin");
        let url = Source::Url("https://inventory.example/../targets".into());
        assert_eq!(at(url), "kubeknock/url");
    }

    /// The workspace of a CI server can be a symbolic link, while the working directory has its real name.
    #[cfg(unix)]
    #[test]
    fn a_file_behind_a_symbolic_link_is_in_the_repository() {
        let folder = tempfile::tempdir().unwrap();
        let [real, link] = ["real", "link"].map(|name| folder.path().join(name));
        std::fs::create_dir_all(real.join("ci")).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let path_from = |root: &Path, file: &Path| {
            let origin = Origin {
                source: Source::File(file.to_str().unwrap().into()),
                line: 1,
                column: None,
                text: "x".into(),
            };
            SourceLocation::of(
                &origin,
                Repository {
                    working_directory: root,
                    root,
                    one_finding_per_line: false,
                },
            )
            .path
        };
        assert_eq!(
            path_from(&real, &link.join("ci/clusters.txt")),
            "ci/clusters.txt"
        );
        assert_eq!(
            path_from(&link, &real.join("ci/clusters.txt")),
            "ci/clusters.txt"
        );
        assert_eq!(
            path_from(&link.join("ci"), &real.join("clusters.txt")),
            "kubeknock/outside/clusters.txt"
        );
    }
}

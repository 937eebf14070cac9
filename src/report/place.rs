//! Where a target was written, as code hosts want to hear it: a path relative to the repository's root.

use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use crate::model::{Origin, Source};

/// Where the paths of targets files start from, and the root that they are told from.
#[derive(Debug, Clone, Copy)]
pub struct Files<'a> {
    /// The working directory: relative paths start here.
    pub here: &'a Path,
    /// The repository's root; the working directory where there is none.
    pub root: &'a Path,
}

/// A relative path with forward slashes, and a line from 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) path: String,
    pub(super) line: u32,
    /// Whether it is a file of the repository.
    pub(super) exists: bool,
}

impl Default for Files<'_> {
    /// No repository is known.
    fn default() -> Self {
        Self {
            here: Path::new(""),
            root: Path::new(""),
        }
    }
}

impl Place {
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

/// The place of a target specification. What was read from no file, or from one outside the
/// repository, gets a path below `kubeknock/` that stays the same from scan to scan.
pub(super) fn place(origin: &Origin, files: Files<'_>) -> Place {
    let known = match &origin.source {
        Source::File(path) => relative(Path::new(&**path), files),
        Source::Argument | Source::Stdin => None,
    };
    let exists = known.is_some();
    let path = known.unwrap_or_else(|| match &origin.source {
        Source::File(path) => {
            let name = Path::new(&**path)
                .file_name()
                .map(PathBuf::from)
                .unwrap_or_default();
            format!("kubeknock/outside/{}", slashed(&name))
        }
        Source::Argument => "kubeknock/arguments".to_owned(),
        Source::Stdin => "kubeknock/stdin".to_owned(),
    });
    Place {
        path,
        line: origin.line.max(1),
        exists,
    }
}

/// The path of a file of the repository, from its root.
fn relative(path: &Path, files: Files<'_>) -> Option<String> {
    let whole = files.here.join(path);
    let place = inside(&whole, files.root)
        .or_else(|| inside(&real(&whole)?, &files.root.canonicalize().ok()?));
    place.as_deref().map(slashed)
}

/// What of the path lies below the root, by the words alone.
fn inside(path: &Path, root: &Path) -> Option<PathBuf> {
    let place = resolved(path).strip_prefix(resolved(root)).ok()?.to_owned();
    (place != Path::new("")).then_some(place)
}

/// With its folder as the file system knows it, where this machine has one: the working directory, and
/// so the root, is known without symbolic links, and the path may have been typed with them.
fn real(path: &Path) -> Option<PathBuf> {
    Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?))
}

/// Without `.` and `..`, by the words alone.
fn resolved(path: &Path) -> PathBuf {
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

fn slashed(path: &Path) -> String {
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
        let files = Files {
            here: Path::new("/repo/ci"),
            root: Path::new("/repo"),
        };
        place(
            &Origin {
                source,
                line: 3,
                text: "x".into(),
            },
            files,
        )
        .uri()
    }

    #[test]
    fn relative_to_the_root_and_never_absolute() {
        for (path, told) in [
            ("targets.txt", "ci/targets.txt"),
            ("./a/../targets.txt", "ci/targets.txt"),
            ("../clusters/prod eu.txt", "clusters/prod%20eu.txt"),
            ("/repo/targets.txt", "targets.txt"),
            ("/etc/targets.txt", "kubeknock/outside/targets.txt"),
            ("../../other/targets.txt", "kubeknock/outside/targets.txt"),
            ("https://evil.example/x", "ci/https%3A/evil.example/x"),
        ] {
            assert_eq!(at(Source::File(path.into())), told, "{path}");
        }
        assert_eq!(at(Source::Argument), "kubeknock/arguments");
        assert_eq!(at(Source::Stdin), "kubeknock/stdin");
    }

    /// As on a runner whose workspace is a link: the working directory is known by its real name.
    #[cfg(unix)]
    #[test]
    fn a_way_through_a_link_is_inside_too() {
        let folder = tempfile::tempdir().unwrap();
        let [real, link] = ["real", "link"].map(|name| folder.path().join(name));
        std::fs::create_dir_all(real.join("ci")).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let told = |root: &Path, file: &Path| {
            let origin = Origin {
                source: Source::File(file.to_str().unwrap().into()),
                line: 1,
                text: "x".into(),
            };
            place(&origin, Files { here: root, root }).path
        };
        assert_eq!(
            told(&real, &link.join("ci/clusters.txt")),
            "ci/clusters.txt"
        );
        assert_eq!(
            told(&link, &real.join("ci/clusters.txt")),
            "ci/clusters.txt"
        );
        assert_eq!(
            told(&link.join("ci"), &real.join("clusters.txt")),
            "kubeknock/outside/clusters.txt"
        );
    }
}

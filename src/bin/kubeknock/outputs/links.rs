//! Where a path leads that a report is to be written to.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

/// Links that are followed, one after the other.
const MAX_LINKS: u32 = 40;

/// What a path leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Something that a process has open, as `/dev/stdout`: of our own process by its number.
    Descriptor(Option<u32>, PathBuf),
    /// A file that is there, or is to be made.
    File(PathBuf),
}

/// Follows links to their end.
///
/// # Errors
/// A link cannot be read or must not be followed, or there are too many.
pub(super) fn end(path: &Path) -> io::Result<End> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        if let Some(end) = descriptor(&path) {
            return Ok(end);
        }
        match path.symlink_metadata() {
            Ok(found) if found.is_symlink() => {
                may_be_followed(&path, &found)?;
                // An absolute one replaces what stands before it.
                path = folder(&path).join(fs::read_link(&path)?);
            }
            _ => return Ok(End::File(path)),
        }
    }
    Err(io::Error::other("too many links behind each other"))
}

/// The folder of a path.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Whether a path is an entry of `/proc/PID/fd`: such a link has no name to be followed by. With its
/// number if it is of this process.
fn descriptor(path: &Path) -> Option<End> {
    let number: u32 = path.file_name()?.to_str()?.parse().ok()?;
    let folder = folder(path).canonicalize().ok()?;
    if !folder.starts_with("/proc") || !folder.ends_with("fd") {
        return None;
    }
    let ours = Path::new("/proc").join(std::process::id().to_string());
    Some(End::Descriptor(
        folder.starts_with(ours).then_some(number),
        path.to_owned(),
    ))
}

/// In a folder where everybody may make files, as `/tmp`, a link may be somebody's trap: it is followed
/// if it is ours, or that of the folder's owner, as Linux does by itself (`fs.protected_symlinks`).
#[cfg(unix)]
fn may_be_followed(link: &Path, found: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;

    const STICKY_AND_OPEN: u32 = 0o1002;
    let around = folder(link).metadata()?;
    let shared = around.mode() & STICKY_AND_OPEN == STICKY_AND_OPEN;
    let owners = [around.uid(), nix::unistd::geteuid().as_raw()];
    if shared && !owners.contains(&found.uid()) {
        let problem = "it is another user's link in a folder that everybody may write";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, problem));
    }
    Ok(())
}

#[cfg(not(unix))]
fn may_be_followed(_: &Path, _: &Metadata) -> io::Result<()> {
    Ok(())
}

/// What tells one file from another, by whatever path: it is the file itself where it is there, and its
/// place where it is to be made.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) enum Identity {
    #[cfg(unix)]
    File(u64, u64),
    Place(PathBuf),
}

/// What the file at a path is.
pub(super) fn identity(path: &Path) -> Option<Identity> {
    #[cfg(unix)]
    if let Ok(found) = path.metadata() {
        use std::os::unix::fs::MetadataExt as _;

        return Some(Identity::File(found.dev(), found.ino()));
    }
    let place = path.canonicalize().or_else(|_| {
        Ok::<_, io::Error>(
            folder(path)
                .canonicalize()?
                .join(path.file_name().unwrap_or_default()),
        )
    });
    place.ok().map(Identity::Place)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_to_their_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("store")).unwrap();
        symlink("store/new.json", path("latest.json")).unwrap();
        symlink(path("latest.json"), path("absolute.json")).unwrap();
        for name in ["latest.json", "absolute.json", "store/new.json"] {
            assert_eq!(
                end(&path(name)).unwrap(),
                End::File(path("store/new.json")),
                "{name}"
            );
        }
        symlink("round", path("round")).unwrap();
        assert!(
            end(&path("round"))
                .unwrap_err()
                .to_string()
                .contains("too many links")
        );
        assert_eq!(
            end(Path::new("a.json")).unwrap(),
            End::File("a.json".into())
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_open_is_known_by_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("out");
        symlink("/proc/self/fd/1", &link).unwrap();
        for path in [
            link.as_path(),
            Path::new("/proc/self/fd/1"),
            Path::new("/proc/thread-self/fd/1"),
        ] {
            assert!(
                matches!(end(path).unwrap(), End::Descriptor(Some(1), _)),
                "{}",
                path.display()
            );
        }
        let other = Path::new("/proc/1/fd/1");
        if other.symlink_metadata().is_ok() {
            assert_eq!(end(other).unwrap(), End::Descriptor(None, other.to_owned()));
        }
    }

    #[test]
    fn a_file_is_itself_by_any_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a"), "").unwrap();
        symlink("a", path("link")).unwrap();
        fs::hard_link(path("a"), path("hard")).unwrap();
        for name in ["link", "hard"] {
            assert_eq!(identity(&path(name)), identity(&path("a")));
        }
        fs::create_dir(path("sub")).unwrap();
        assert_eq!(identity(&path("sub/../new")), identity(&path("new")));
        assert_ne!(identity(&path("new")), identity(&path("other")));
        assert_eq!(identity(&path("no/new")), None);
    }
}

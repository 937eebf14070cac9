//! Follows the links of an output path, and finds out whether two paths lead to the same file.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use kubeknock::atomic_file::directory;

/// Links that are followed in a row.
const MAX_LINKS: u32 = 40;

/// The destination of a path after all links are followed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LinkTarget {
    /// An open descriptor of a process, such as `/dev/stdout`; has its number if it belongs to this process.
    Descriptor(Option<u32>, PathBuf),
    /// A file that exists or can be created.
    File(PathBuf),
}

/// Follows all links.
pub(super) fn follow(path: &Path) -> io::Result<LinkTarget> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        if let Some(end) = descriptor(&path) {
            return Ok(end);
        }
        match path.symlink_metadata() {
            Ok(found) if found.is_symlink() => {
                check_link(&path, &found)?;
                // `join` drops the folder if the link is absolute.
                path = directory(&path).join(fs::read_link(&path)?);
            }
            _ => return Ok(LinkTarget::File(path)),
        }
    }
    Err(io::Error::other("too many links in a row"))
}

/// Recognises an entry of `/proc/PID/fd`, whose link target is not always a path.
fn descriptor(path: &Path) -> Option<LinkTarget> {
    let number: u32 = path.file_name()?.to_str()?.parse().ok()?;
    let folder = directory(path).canonicalize().ok()?;
    if !folder.starts_with("/proc") || !folder.ends_with("fd") {
        return None;
    }
    let ours = Path::new("/proc").join(std::process::id().to_string());
    Some(LinkTarget::Descriptor(
        folder.starts_with(ours).then_some(number),
        path.to_owned(),
    ))
}

/// Refuses links of other users in a shared folder such as `/tmp`, where a link may be a trap. Linux does the
/// same with `fs.protected_symlinks`.
#[cfg(unix)]
fn check_link(link: &Path, found: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;

    const STICKY_AND_OPEN: u32 = 0o1002;
    let folder = directory(link).metadata()?;
    let shared = folder.mode() & STICKY_AND_OPEN == STICKY_AND_OPEN;
    let owners = [folder.uid(), nix::unistd::geteuid().as_raw()];
    if shared && !owners.contains(&found.uid()) {
        let problem = "it is another user's link, in a folder that everybody can write to";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, problem));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_link(_: &Path, _: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Identifies a file, independent of the path to it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) enum FileIdentity {
    /// The device and inode of an existing file.
    #[cfg(unix)]
    Inode(u64, u64),
    /// The absolute path of a file that does not exist yet.
    Path(PathBuf),
}

/// The identity of the file at a path; `None` if its folder does not exist.
pub(super) fn identity(path: &Path) -> Option<FileIdentity> {
    #[cfg(unix)]
    if let Ok(found) = path.metadata() {
        use std::os::unix::fs::MetadataExt as _;

        return Some(FileIdentity::Inode(found.dev(), found.ino()));
    }
    let existing = path.canonicalize().ok();
    let new = || Some(directory(path).canonicalize().ok()?.join(path.file_name()?));
    existing.or_else(new).map(FileIdentity::Path)
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
                follow(&path(name)).unwrap(),
                LinkTarget::File(path("store/new.json")),
                "{name}"
            );
        }
        symlink("round", path("round")).unwrap();
        assert!(
            follow(&path("round"))
                .unwrap_err()
                .to_string()
                .contains("too many links")
        );
        assert_eq!(
            follow(Path::new("a.json")).unwrap(),
            LinkTarget::File("a.json".into())
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_open_descriptor_of_this_process_has_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("out");
        symlink("/proc/self/fd/1", &link).unwrap();
        for path in [
            link.as_path(),
            Path::new("/proc/self/fd/1"),
            Path::new("/proc/thread-self/fd/1"),
        ] {
            assert!(
                matches!(follow(path).unwrap(), LinkTarget::Descriptor(Some(1), _)),
                "{}",
                path.display()
            );
        }
        let other = Path::new("/proc/1/fd/1");
        if other.symlink_metadata().is_ok() {
            assert_eq!(
                follow(other).unwrap(),
                LinkTarget::Descriptor(None, other.to_owned())
            );
        }
    }

    #[test]
    fn every_path_to_a_file_gives_the_same_identity() {
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

//! Finds the settings file if none is named, and decides whether to trust it. Settings exclude targets,
//! name proxies and write files, so a file of another user is an error.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// The name of the settings file.
const NAME: &str = "kubeknock.toml";

/// The nearest file from the working directory upward, up to the root of the repository; folders
/// above may belong to somebody else. Outside a repository, only the working directory is searched.
///
/// # Errors
/// The file cannot be read or is not trusted. Ignoring the file could scan targets that it excludes.
pub(super) fn nearest() -> anyhow::Result<Option<(PathBuf, File)>> {
    let here = std::env::current_dir().context("cannot find the working directory")?;
    let to_root = here
        .ancestors()
        .position(|directory| directory.join(".git").exists())
        .unwrap_or(0);
    // A relative path keeps this machine's directories out of reports.
    let mut path = PathBuf::from(NAME);
    for directory in here.ancestors().take(to_root + 1) {
        let found = directory.join(NAME).symlink_metadata();
        let missing = match &found {
            Ok(metadata) => metadata.is_dir(),
            Err(error) => matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ),
        };
        if !missing {
            let shown = path.display();
            let opened = found.and_then(|link| {
                let file = open(&path)?;
                let metadata = file.metadata()?;
                Ok((link, file, metadata))
            });
            let (link, file, metadata) = opened.with_context(|| format!("cannot read {shown}"))?;
            if let Some(reason) = distrust(&link).or_else(|| distrust(&metadata)) {
                bail!(
                    "{shown}: {reason}; use it with --config {shown}, or ignore it with --config /dev/null"
                );
            }
            return Ok(Some((path, file)));
        }
        path = Path::new("..").join(path);
    }
    Ok(None)
}

/// Opens a file. Does not wait for a writer if it is a pipe.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    options.open(path)
}

/// Why a file, or the link to it, is not trusted. Its group may write it: many systems give each user a
/// group and make files writable by it, and other groups exist to share files.
#[cfg(unix)]
fn distrust(found: &Metadata) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;

    use nix::unistd::{Uid, User};

    let owner = Uid::from_raw(found.uid());
    let name = User::from_uid(owner).ok().flatten().map(|user| user.name);
    let shown = name.map_or_else(
        || format!("uid {owner}"),
        |name| format!("{name} (uid {owner})"),
    );
    if !owner.is_root() && owner != Uid::effective() {
        return Some(format!("not trusted: owned by {shown}, not by you or root"));
    }
    // The mode of a link has no effect.
    if !found.is_symlink() && found.mode() & 0o002 != 0 {
        return Some(format!(
            "not trusted: everybody may write it (owner: {shown})"
        ));
    }
    (!found.is_symlink() && !found.is_file())
        .then(|| format!("not a regular file (owner: {shown})"))
}

#[cfg(not(unix))]
fn distrust(_: &Metadata) -> Option<String> {
    None
}

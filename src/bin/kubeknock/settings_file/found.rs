//! Which settings file is taken without being named, and whether it may be: settings leave out targets,
//! name proxies and write files, so what another user of the machine wrote must not count.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::NAME;

/// The nearest file from the working directory upward, up to the root of the repository: what lies above
/// that is somebody else's. Outside a repository it is looked for in the working directory alone.
///
/// # Errors
/// There is one, and it is not to be trusted, or cannot be read. To go on without it would lose what it
/// excludes.
pub(super) fn nearest() -> anyhow::Result<Option<(PathBuf, File)>> {
    let here = std::env::current_dir().context("cannot tell the working directory")?;
    let above = here
        .ancestors()
        .take_while(|folder| !folder.join(".git").exists())
        .count();
    let in_repository = above < here.ancestors().count();
    // Relative, so that paths in reports do not begin with this machine's folders.
    let mut up = PathBuf::new();
    for folder in here
        .ancestors()
        .take(if in_repository { above + 1 } else { 1 })
    {
        match folder.join(NAME).symlink_metadata() {
            Ok(found) if found.is_dir() => {}
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) => {}
            found => {
                let path = up.join(NAME);
                let shown = path.display();
                let found = found.with_context(|| format!("cannot read {shown}"))?;
                let file = open(&path).with_context(|| format!("cannot read {shown}"))?;
                let metadata = file
                    .metadata()
                    .with_context(|| format!("cannot read {shown}"))?;
                if let Some(why) = distrust(&found).or_else(|| distrust(&metadata)) {
                    bail!(
                        "{shown}: {why}; it is not taken unasked: --config {shown} takes it, --config /dev/null \
                         leaves it out"
                    );
                }
                return Ok(Some((path, file)));
            }
        }
        up.push("..");
    }
    Ok(None)
}

/// Opens a file, and does not wait for somebody to write it where it is a pipe.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    options.open(path)
}

/// Why a file, or the link to it, is not to be trusted. Its group may write it: many systems make files
/// so, each user having a group, and who is in another group was put there to share its files.
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
        return Some(format!(
            "it is owned by {shown}, neither by you nor by root"
        ));
    }
    // Whoever may follow a link may not change it.
    if !found.is_symlink() && found.mode() & 0o002 != 0 {
        return Some(format!("everybody may write it (it is owned by {shown})"));
    }
    (!found.is_symlink() && !found.is_file())
        .then(|| format!("it is no regular file (it is owned by {shown})"))
}

#[cfg(not(unix))]
fn distrust(_: &Metadata) -> Option<String> {
    None
}

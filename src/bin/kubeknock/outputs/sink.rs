//! The destination of one report. It is opened before the scan, so that an unwritable path is an
//! early error. If possible, the report appears there only when it is complete.
//!
//! The report goes to a temporary file in the same folder, which is renamed at the end. If renaming would
//! change the owner or mode of an existing file or cut its hard links, or if the folder is read-only, the
//! existing file gets the finished content instead. A pipe or device gets the report as it is written.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use kubeknock::atomic_file::{self, directory};
use tempfile::{NamedTempFile, SpooledTempFile};

use super::links::{self, FileIdentity, LinkTarget};
use crate::stdout::ignore_broken_pipe;

/// Bytes of a report that stay in memory before a temporary file is used.
const IN_MEMORY: usize = 16 * 1024 * 1024;

/// The destination of one report.
pub(super) struct Sink {
    /// The path as the user wrote it.
    name: String,
    destination: Destination,
}

enum Destination {
    Stdout(BufWriter<io::Stdout>),
    Stderr(BufWriter<io::Stderr>),
    /// A temporary file in the same folder, renamed at the end.
    Rename {
        out: BufWriter<NamedTempFile>,
        path: PathBuf,
        existing: Option<File>,
    },
    /// A temporary file elsewhere, copied into the existing file at the end.
    Copy {
        out: BufWriter<SpooledTempFile>,
        path: PathBuf,
        existing: File,
    },
    /// A pipe or device, or a file that other programs write to.
    Direct(BufWriter<File>),
}

impl Sink {
    pub(super) fn stdout() -> Self {
        Self {
            name: "standard output".to_owned(),
            destination: Destination::Stdout(BufWriter::new(io::stdout())),
        }
    }

    /// A file that the report is appended to.
    pub(super) fn append(path: &Path) -> anyhow::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.with_context(|| format!("-o auto: cannot write {}", path.display()))?;
        Ok(Self {
            name: path.display().to_string(),
            destination: Destination::Direct(BufWriter::new(file)),
        })
    }

    /// Opens the file, pipe or device at a path.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let problem = || format!("-o: cannot write {name}");
        let destination = match links::follow(path).with_context(problem)? {
            LinkTarget::Descriptor(Some(1), _) => return Ok(Self::stdout()),
            LinkTarget::Descriptor(Some(2), _) => Destination::Stderr(BufWriter::new(io::stderr())),
            LinkTarget::Descriptor(_, path) => Destination::Direct(BufWriter::new(
                open_descriptor(&path).with_context(problem)?,
            )),
            LinkTarget::File(path) => match path.metadata() {
                Ok(found) if found.is_dir() => bail!("{}: it is a folder", problem()),
                Ok(found) if found.is_file() => replace(path, &found).with_context(problem)?,
                Ok(_) => {
                    let device = OpenOptions::new().write(true).open(&path);
                    Destination::Direct(BufWriter::new(device.with_context(problem)?))
                }
                Err(_) => {
                    let out = atomic_file::make(&path, |folder| builder().tempfile_in(folder));
                    Destination::Rename {
                        out: BufWriter::new(out.with_context(problem)?),
                        path,
                        existing: None,
                    }
                }
            },
        };
        Ok(Self { name, destination })
    }

    pub(super) fn writer(&mut self) -> &mut dyn Write {
        match &mut self.destination {
            Destination::Stdout(out) => out,
            Destination::Stderr(out) => out,
            Destination::Rename { out, .. } => out,
            Destination::Copy { out, .. } => out,
            Destination::Direct(out) => out,
        }
    }

    pub(super) const fn is_stdout(&self) -> bool {
        matches!(self.destination, Destination::Stdout(_))
    }

    /// The file whose content the report replaces, if it replaces one.
    pub(super) fn replaced_file(&self) -> Option<FileIdentity> {
        match &self.destination {
            Destination::Rename { path, .. } | Destination::Copy { path, .. } => {
                links::identity(path)
            }
            Destination::Stdout(_) | Destination::Stderr(_) | Destination::Direct(_) => None,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The name of the file as the user wrote it, without its folder and extension; `None` for a stream.
    pub(super) fn file_stem(&self) -> Option<String> {
        match self.destination {
            Destination::Rename { .. } | Destination::Copy { .. } => {
                let stem = Path::new(&self.name).file_stem()?;
                Some(stem.to_string_lossy().into_owned())
            }
            Destination::Stdout(_) | Destination::Stderr(_) | Destination::Direct(_) => None,
        }
    }

    /// Names the destination in a write error. A closed pipe is not an error.
    pub(super) fn check(&self, written: io::Result<()>) -> anyhow::Result<()> {
        ignore_broken_pipe(written).with_context(|| format!("cannot write {}", self.name))
    }

    /// Puts the finished report in place.
    pub(super) fn close(mut self) -> anyhow::Result<()> {
        let flushed = self.writer().flush();
        self.check(flushed)?;
        let Self { name, destination } = self;
        let placed = match destination {
            Destination::Stdout(_) | Destination::Stderr(_) | Destination::Direct(_) => Ok(()),
            Destination::Rename {
                out,
                path,
                existing,
            } => rename(out, &path, existing),
            Destination::Copy { out, existing, .. } => out
                .into_inner()
                .map_err(io::IntoInnerError::into_error)
                .and_then(|out| copy(out, &existing)),
        };
        placed.with_context(|| format!("cannot write {name}"))
    }
}

/// Makes the temporary file that becomes a new report. As for any new file, the umask decides its mode.
fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".kubeknock-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder
}

/// Opens a descriptor of a process. A file is appended to, because the process may have written to it.
fn open_descriptor(path: &Path) -> io::Result<File> {
    let is_file = path.metadata()?.is_file();
    OpenOptions::new().append(is_file).write(true).open(path)
}

/// Prepares to replace the content of an existing file.
fn replace(path: PathBuf, found: &Metadata) -> io::Result<Destination> {
    // Renaming would replace even a file that its owner made read-only.
    let existing = OpenOptions::new().write(true).open(&path)?;
    Ok(match same_owner_and_mode(&path, found) {
        Some(out) => Destination::Rename {
            out: BufWriter::new(out),
            path,
            existing: Some(existing),
        },
        None => Destination::Copy {
            out: BufWriter::new(SpooledTempFile::new(IN_MEMORY)),
            path,
            existing,
        },
    })
}

/// A temporary file in the same folder with the owner and mode of an existing file; `None` if that
/// fails, or if the existing file has hard links.
#[cfg(unix)]
fn same_owner_and_mode(path: &Path, found: &Metadata) -> Option<NamedTempFile> {
    use std::os::unix::fs::{MetadataExt as _, fchown};

    if found.nlink() > 1 {
        return None;
    }
    // The default mode keeps other users out until the right mode is set.
    let twin = tempfile::Builder::new()
        .prefix(".kubeknock-")
        .tempfile_in(directory(path))
        .ok()?;
    let own = twin.as_file().metadata().ok()?;
    if (own.uid(), own.gid()) != (found.uid(), found.gid()) {
        fchown(twin.as_file(), Some(found.uid()), Some(found.gid())).ok()?;
    }
    twin.as_file().set_permissions(found.permissions()).ok()?;
    Some(twin)
}

#[cfg(not(unix))]
fn same_owner_and_mode(path: &Path, _: &Metadata) -> Option<NamedTempFile> {
    builder().tempfile_in(directory(path)).ok()
}

/// Renames the finished file. If the existing file cannot be replaced (it is a mount point, or the folder is
/// sticky and has another owner), the finished content is copied into it.
fn rename(out: BufWriter<NamedTempFile>, path: &Path, existing: Option<File>) -> io::Result<()> {
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    match (file.persist(path), existing) {
        (Ok(_), _) => Ok(()),
        (Err(error), Some(existing)) => copy(error.file, &existing),
        (Err(error), None) => Err(error.error),
    }
}

/// Replaces the content of a file.
fn copy(mut from: impl Read + Seek, mut to: &File) -> io::Result<()> {
    from.rewind()?;
    let length = io::copy(&mut from, &mut to)?;
    to.set_len(length)?;
    to.sync_all()
}

//! Where one report goes: opened before the scan, so that what cannot be written is known then, and put
//! in place whole where that can be.
//!
//! A file is written beside its place and renamed. Not so one that is there and would lose its owner,
//! mode or other names, or stands in a folder where nothing can be made: its content is replaced when
//! the report is whole. What is no file (a pipe, a device) gets the report as it is made.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use kubeknock::atomic_file;
use tempfile::{NamedTempFile, SpooledTempFile};

use super::links::{self, End, Identity};
use crate::stdout::ignore_broken_pipe;

/// Bytes of a report that are kept in memory before a temporary file takes them.
const IN_MEMORY: usize = 16 * 1024 * 1024;

/// Where one report goes.
pub(super) struct Sink {
    /// As the user named it.
    name: String,
    way: Way,
}

enum Way {
    Stdout(BufWriter<io::Stdout>),
    Stderr(BufWriter<io::Stderr>),
    /// Written beside its place and renamed at the end; with the file that is there.
    Beside {
        out: BufWriter<NamedTempFile>,
        at: PathBuf,
        there: Option<File>,
    },
    /// Written elsewhere, and at the end into the file that is there.
    Into {
        out: BufWriter<SpooledTempFile>,
        at: PathBuf,
        there: File,
    },
    /// A pipe or device, or a file that others write too.
    Direct(BufWriter<File>),
}

impl Sink {
    pub(super) fn stdout() -> Self {
        Self {
            name: "standard output".to_owned(),
            way: Way::Stdout(BufWriter::new(io::stdout())),
        }
    }

    /// Behind what others have written there.
    pub(super) fn append(path: &Path) -> anyhow::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.with_context(|| format!("-o auto: cannot write {}", path.display()))?;
        Ok(Self {
            name: path.display().to_string(),
            way: Way::Direct(BufWriter::new(file)),
        })
    }

    /// Opens the place that a path leads to.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let hint = || format!("-o: cannot write {name}");
        let way = match links::end(path).with_context(hint)? {
            End::Descriptor(Some(1), _) => return Ok(Self::stdout()),
            End::Descriptor(Some(2), _) => Way::Stderr(BufWriter::new(io::stderr())),
            End::Descriptor(_, path) => {
                Way::Direct(BufWriter::new(descriptor(&path).with_context(hint)?))
            }
            End::File(at) => match at.metadata() {
                Ok(found) if found.is_dir() => bail!("{}: it is a folder", hint()),
                Ok(found) if !found.is_file() => {
                    let file = OpenOptions::new()
                        .write(true)
                        .open(&at)
                        .with_context(hint)?;
                    Way::Direct(BufWriter::new(file))
                }
                Ok(found) => existing(at, &found).with_context(hint)?,
                Err(_) => {
                    let out = atomic_file::make(&at, |folder| builder().tempfile_in(folder))
                        .with_context(hint)?;
                    Way::Beside {
                        out: BufWriter::new(out),
                        at,
                        there: None,
                    }
                }
            },
        };
        Ok(Self { name, way })
    }

    pub(super) fn writer(&mut self) -> &mut dyn Write {
        match &mut self.way {
            Way::Stdout(out) => out,
            Way::Stderr(out) => out,
            Way::Beside { out, .. } => out,
            Way::Into { out, .. } => out,
            Way::Direct(out) => out,
        }
    }

    pub(super) const fn is_stdout(&self) -> bool {
        matches!(self.way, Way::Stdout(_))
    }

    /// The file that will have other content, where it is one.
    pub(super) fn replaced(&self) -> Option<Identity> {
        match &self.way {
            Way::Beside { at, .. } | Way::Into { at, .. } => links::identity(at),
            Way::Stdout(_) | Way::Stderr(_) | Way::Direct(_) => None,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Puts the report in place.
    pub(super) fn close(mut self) -> anyhow::Result<()> {
        ignore_broken_pipe(self.writer().flush())
            .with_context(|| format!("cannot write {}", self.name))?;
        let Self { name, way } = self;
        let placed = match way {
            Way::Stdout(_) | Way::Stderr(_) | Way::Direct(_) => Ok(()),
            Way::Beside { out, at, there } => rename(out, &at, there),
            Way::Into { out, there, .. } => out
                .into_inner()
                .map_err(io::IntoInnerError::into_error)
                .and_then(|out| copy(out, &there)),
        };
        placed.with_context(|| format!("cannot write {name}"))
    }
}

/// How a file is made that is renamed at the end.
fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".kubeknock-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // As any new file: the umask decides.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder
}

/// Opens what a process has open. Behind what it has written, where that is a file.
fn descriptor(path: &Path) -> io::Result<File> {
    let file = path.metadata()?.is_file();
    OpenOptions::new().append(file).write(true).open(path)
}

/// How a file that is there gets another content.
fn existing(at: PathBuf, found: &Metadata) -> io::Result<Way> {
    // Replacing a file needs no right to write it; having none still means "leave it".
    let there = OpenOptions::new().write(true).open(&at)?;
    Ok(match twin(&at, found) {
        Some(out) => Way::Beside {
            out: BufWriter::new(out),
            at,
            there: Some(there),
        },
        None => Way::Into {
            out: BufWriter::new(SpooledTempFile::new(IN_MEMORY)),
            at,
            there,
        },
    })
}

/// A file beside one that is there, of the same owner and mode; `None` where that cannot be had.
#[cfg(unix)]
fn twin(at: &Path, found: &Metadata) -> Option<NamedTempFile> {
    use std::os::unix::fs::{MetadataExt as _, fchown};

    if found.nlink() > 1 {
        return None;
    }
    // Readable by nobody else until it is known who may.
    let twin = tempfile::Builder::new()
        .prefix(".kubeknock-")
        .tempfile_in(links::folder(at))
        .ok()?;
    let own = twin.as_file().metadata().ok()?;
    if (own.uid(), own.gid()) != (found.uid(), found.gid()) {
        fchown(twin.as_file(), Some(found.uid()), Some(found.gid())).ok()?;
    }
    twin.as_file().set_permissions(found.permissions()).ok()?;
    Some(twin)
}

#[cfg(not(unix))]
fn twin(at: &Path, _: &Metadata) -> Option<NamedTempFile> {
    builder().tempfile_in(links::folder(at)).ok()
}

/// Puts a whole file in its place. Where that cannot be replaced (something is mounted there, or the
/// folder lets nobody but the owner), the file that is there gets the content.
fn rename(out: BufWriter<NamedTempFile>, at: &Path, there: Option<File>) -> io::Result<()> {
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    match (file.persist(at), there) {
        (Ok(_), _) => Ok(()),
        (Err(kept), Some(there)) => copy(kept.file, &there),
        (Err(error), None) => Err(error.error),
    }
}

/// Gives a file this content.
fn copy(mut from: impl Read + Seek, mut to: &File) -> io::Result<()> {
    from.rewind()?;
    let length = io::copy(&mut from, &mut to)?;
    to.set_len(length)?;
    to.sync_all()
}

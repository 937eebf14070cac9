//! `--baseline auto:DIR`: the folder of a scheduled scan. It has the last good reports and the notifications that were not
//! delivered yet.
//!
//! ```text
//! lock                        held while a scan runs
//! report-000042.json          the last good report: the baseline of the next scan; some earlier ones stay
//! alerts-000042.json          the alerts that are open at each Alertmanager after that scan
//! notification-000042-1.json  a notification about that scan, removed when its receiver has it
//! ```
//!
//! Every file appears whole. The report comes last, so it is the moment at which a scan counts: without it, the other
//! files of its number are removed, and the next scan finds the same changes again. With it, they are sent until the
//! receiver has them.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use kubeknock::atomic_file;
use kubeknock::report::notification::alertmanager::OpenAlert;
use serde::de::DeserializeOwned;

use crate::notify::Message;
use crate::say;

/// Reports that stay: a week of daily scans.
const MAX_REPORTS: u64 = 7;
/// Notifications that wait for their receivers.
const MAX_WAITING: usize = 1000;
/// The beginning of the names of unfinished files.
const UNFINISHED: &str = ".kubeknock-";

/// The open alerts of each Alertmanager, by the destination as it is written.
pub(crate) type Told = BTreeMap<String, Vec<OpenAlert>>;

/// The folder of a scheduled scan.
pub(crate) struct Kept {
    /// As it is written, without slashes that change nothing.
    pub(crate) folder: PathBuf,
    /// Closing it ends the lock.
    _lock: File,
    /// The number of the last report.
    latest: Option<u64>,
}

/// A notification that waits for its receiver.
pub(crate) struct Waiting {
    pub(crate) path: PathBuf,
    pub(crate) message: Message,
}

/// The kinds of files, by the beginning of their names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Report,
    Alerts,
    Notification,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Report, Self::Alerts, Self::Notification];

    const fn prefix(self) -> &'static str {
        match self {
            Self::Report => "report-",
            Self::Alerts => "alerts-",
            Self::Notification => "notification-",
        }
    }

    /// The kind and number of a file of this folder.
    fn of(name: &str) -> Option<(Self, u64)> {
        let stem = name.strip_suffix(".json")?;
        Self::ALL.into_iter().find_map(|kind| {
            let rest = stem.strip_prefix(kind.prefix())?;
            let digits = match kind {
                Self::Notification => rest.split_once('-')?.0,
                Self::Report | Self::Alerts => rest,
            };
            let number: u32 = digits.parse().ok()?;
            // A copy that somebody made has another name.
            (format!("{number:06}") == digits).then_some((kind, number.into()))
        })
    }
}

impl Kept {
    /// Opens the folder, and makes it if only the last part of its path is missing.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Self> {
        ensure!(
            !folder.as_os_str().is_empty(),
            "--baseline auto: name a folder: auto:DIR"
        );
        let shown = folder.display();
        match make(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(error)
                    .with_context(|| format!("--baseline auto: cannot make the folder {shown}"));
            }
            _ => {}
        }
        let lock = (OpenOptions::new().create(true).truncate(false).write(true))
            .open(folder.join("lock"))
            .and_then(|file| Ok((atomic_file::lock(&file)?, file)));
        let (is_ours, lock) =
            lock.with_context(|| format!("--baseline auto: cannot write into {shown}"))?;
        ensure!(is_ours, "--baseline auto: another scan uses {shown} now");
        let mut kept = Self {
            folder: folder.components().collect(),
            _lock: lock,
            latest: None,
        };
        let files = kept.files()?;
        let reports = files.iter().filter(|(kind, ..)| *kind == Kind::Report);
        kept.latest = reports.map(|(_, number, _)| *number).max();
        for (_, number, path) in files {
            if Some(number) > kept.latest {
                remove(&path)?;
            }
        }
        Ok(kept)
    }

    /// The last good report.
    pub(crate) fn report(&self) -> Option<PathBuf> {
        let number = self.latest?;
        Some(self.path(Kind::Report, number, ""))
    }

    /// The alerts that are open after the last good report.
    pub(crate) fn told(&self) -> anyhow::Result<Told> {
        let Some(number) = self.latest else {
            return Ok(Told::default());
        };
        let path = self.path(Kind::Alerts, number, "");
        if path.exists() {
            read(&path)
        } else {
            Ok(Told::default())
        }
    }

    /// Keeps a report as the last good one, with what has to be told about it.
    pub(crate) fn keep(
        &mut self,
        report: impl FnOnce(&mut dyn Write) -> io::Result<()>,
        told: &Told,
        messages: &[Message],
    ) -> anyhow::Result<()> {
        let number = self.latest.map_or(1, |latest| latest + 1);
        for (index, message) in (1..).zip(messages) {
            let path = self.path(Kind::Notification, number, &format!("-{index}"));
            self.write(&path, |out| Ok(serde_json::to_writer(out, message)?))?;
        }
        if !told.is_empty() {
            let path = self.path(Kind::Alerts, number, "");
            self.write(&path, |out| Ok(serde_json::to_writer(out, told)?))?;
        }
        self.write(&self.path(Kind::Report, number, ""), report)?;
        self.latest = Some(number);
        self.rotate(number)
    }

    /// The notifications that wait, the oldest first.
    pub(crate) fn waiting(&self) -> anyhow::Result<Vec<Waiting>> {
        let mut files: Vec<(u64, PathBuf)> = (self.files()?.into_iter())
            .filter(|(kind, number, _)| *kind == Kind::Notification && Some(*number) <= self.latest)
            .map(|(_, number, path)| (number, path))
            .collect();
        files.sort();
        let waiting = files.into_iter().map(|(_, path)| {
            let message = read(&path)?;
            Ok(Waiting { path, message })
        });
        waiting.collect()
    }

    /// Removes a notification that its receiver has.
    pub(crate) fn delivered(waiting: &Waiting) -> anyhow::Result<()> {
        remove(&waiting.path)
    }

    /// Removes what is too old.
    fn rotate(&self, latest: u64) -> anyhow::Result<()> {
        let mut waiting = Vec::new();
        for (kind, number, path) in self.files()? {
            if kind == Kind::Notification {
                waiting.push((number, path));
            } else if number + MAX_REPORTS <= latest {
                remove(&path)?;
            }
        }
        waiting.sort();
        let dropped = waiting.len().saturating_sub(MAX_WAITING);
        if dropped > 0 {
            say::reason(format_args!(
                "{}: more than {MAX_WAITING} notifications wait; the {dropped} oldest are lost",
                self.folder.display()
            ));
        }
        for (_, path) in waiting.iter().take(dropped) {
            remove(path)?;
        }
        Ok(())
    }

    /// The files of the folder. Removes those that a killed scan did not finish.
    fn files(&self) -> anyhow::Result<Vec<(Kind, u64, PathBuf)>> {
        let list = || -> io::Result<Vec<_>> {
            let mut files = Vec::new();
            for entry in fs::read_dir(&self.folder)? {
                let entry = entry?;
                let name = entry.file_name();
                let name = name.to_string_lossy();
                if name.starts_with(UNFINISHED) {
                    fs::remove_file(entry.path())?;
                } else if let Some((kind, number)) = Kind::of(&name) {
                    files.push((kind, number, entry.path()));
                }
            }
            Ok(files)
        };
        list().with_context(|| format!("--baseline auto: cannot use {}", self.folder.display()))
    }

    fn path(&self, kind: Kind, number: u64, rest: &str) -> PathBuf {
        self.folder
            .join(format!("{}{number:06}{rest}.json", kind.prefix()))
    }

    /// Writes a file that appears whole and stays, even if the machine loses power.
    fn write(
        &self,
        path: &Path,
        content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        let write = || -> io::Result<()> {
            let file = tempfile::Builder::new()
                .prefix(UNFINISHED)
                .tempfile_in(&self.folder)?;
            let mut out = BufWriter::new(file);
            content(&mut out)?;
            let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.as_file().sync_all()?;
            file.persist(path)?;
            sync(&self.folder)
        };
        write().with_context(|| format!("--baseline auto: cannot write {}", path.display()))
    }
}

fn remove(path: &Path) -> anyhow::Result<()> {
    fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))
}

/// Reads a file of the folder. Errors do not show what is in it.
fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let shown = path.display();
    let bytes = fs::read(path).with_context(|| format!("cannot read {shown}"))?;
    let Ok(value) = serde_json::from_slice(&bytes) else {
        bail!("{shown} is damaged: remove it to go on without it");
    };
    Ok(value)
}

/// Makes a folder that nobody else may read.
fn make(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder)
}

/// Makes the names in a folder last.
#[cfg(unix)]
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &str) -> Message {
        serde_json::from_str(&format!(
            r#"{{"receiver": "slack=env:X", "id": "1", "body": "{body}"}}"#
        ))
        .unwrap()
    }

    fn keep(kept: &mut Kept, messages: &[Message]) {
        let report = |out: &mut dyn Write| out.write_all(b"{}");
        kept.keep(report, &Told::default(), messages).unwrap();
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_week_of_reports_stays_and_every_notification_waits() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("kept");
        let mut kept = Kept::open(&place).unwrap();
        assert_eq!(kept.report(), None);
        for number in 0..10 {
            keep(&mut kept, &[message(&number.to_string())]);
        }
        assert_eq!(kept.report(), Some(place.join("report-000010.json")));
        let reports = names(&place)
            .into_iter()
            .filter(|name| name.starts_with("report-"));
        assert_eq!(reports.count(), 7);
        let waiting = kept.waiting().unwrap();
        let bodies: Vec<&str> = waiting
            .iter()
            .map(|waiting| waiting.message.body())
            .collect();
        assert_eq!(bodies, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
        Kept::delivered(&waiting[0]).unwrap();
        drop(kept);
        assert_eq!(Kept::open(&place).unwrap().waiting().unwrap().len(), 9);
    }

    #[test]
    fn what_a_killed_scan_left_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path();
        let mut kept = Kept::open(place).unwrap();
        keep(&mut kept, &[message("1")]);
        drop(kept);
        let before = names(place);
        for name in [
            "notification-000002-1.json",
            "alerts-000002.json",
            ".kubeknock-x",
        ] {
            fs::write(place.join(name), "half").unwrap();
        }
        let others = [
            "notes.txt",
            "report-000009-copy.json",
            "report-7.json",
            "report-18446744073709551615.json",
        ];
        for name in others {
            fs::write(place.join(name), "not ours").unwrap();
        }
        let kept = Kept::open(place).unwrap();
        assert_eq!(kept.waiting().unwrap().len(), 1);
        assert_eq!(kept.report(), Some(place.join("report-000001.json")));
        let mut after = names(place);
        after.retain(|name| !others.contains(&&**name));
        assert_eq!(after, before);
        let second = Kept::open(place).err().unwrap().to_string();
        assert!(second.contains("another scan uses"), "{second}");
    }

    #[test]
    fn a_report_that_cannot_be_written_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = Kept::open(folder.path()).unwrap();
        keep(&mut kept, &[]);
        let fails = |_: &mut dyn Write| Err(io::Error::other("full"));
        let error = kept
            .keep(fails, &Told::default(), &[message("2")])
            .unwrap_err();
        assert!(format!("{error:#}").contains("full"), "{error:#}");
        assert_eq!(
            kept.report(),
            Some(folder.path().join("report-000001.json"))
        );
        assert!(kept.waiting().unwrap().is_empty());
        drop(kept);
        assert!(
            Kept::open(folder.path())
                .unwrap()
                .waiting()
                .unwrap()
                .is_empty()
        );
    }
}

//! Files that stay whole: written as a temporary file in the same directory and renamed when complete, and locked against
//! other processes.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// Calls `make` with the directory of `path`, to make a temporary file there. Errors do not show
/// the temporary name, which would only confuse users.
///
/// # Errors
/// There is no such directory, or `make` failed.
pub fn make<T>(path: &Path, make: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let directory = directory(path);
    match directory.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let problem = format!(
                "the directory {} does not exist; make it first",
                directory.display()
            );
            return Err(io::Error::new(error.kind(), problem));
        }
        Ok(found) if !found.is_dir() => {
            let problem = format!("{} is not a directory", directory.display());
            return Err(io::Error::new(io::ErrorKind::NotADirectory, problem));
        }
        _ => {}
    }
    make(directory).map_err(without_name)
}

/// Locks a file until it is closed. Returns whether nobody else has the lock.
///
/// # Errors
/// The file cannot be locked. Some file systems have no locks, which is no error.
pub fn lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The directory of a path, `.` for a file name alone.
pub fn directory(path: &Path) -> &Path {
    path.parent()
        .filter(|directory| !directory.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Removes the name that `tempfile` adds to an error, and keeps the system's message.
fn without_name(error: io::Error) -> io::Error {
    if error.raw_os_error().is_some() {
        return error;
    }
    match error.to_string().split_once(" at path ") {
        Some((words, _)) => io::Error::new(error.kind(), words),
        None => error.kind().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_show_the_names_that_the_user_gave() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        drop(make(&file, |_| std::fs::File::create(&file)).unwrap());
        let hidden = |directory: &Path| {
            Err::<(), _>(io::Error::other(format!("{}/.hidden", directory.display())))
        };
        for (path, said) in [
            (
                directory.path().join("no/report"),
                "no does not exist; make it first",
            ),
            (file.join("report"), "file is not a directory"),
            (file.clone(), "other error"),
        ] {
            let error = make(&path, hidden).unwrap_err().to_string();
            assert!(error.ends_with(said), "{error}");
        }
    }

    #[test]
    fn the_systems_message_stays_and_the_temporary_name_goes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report");
        let long = ".kubeknock-".repeat(30);
        let error = make(&path, |directory| {
            tempfile::Builder::new()
                .prefix(&long)
                .tempfile_in(directory)
        })
        .unwrap_err();
        let taken = make(&path, |directory| std::fs::create_dir(directory)).unwrap_err();
        let (taken, kind) = (taken.to_string(), taken.kind());
        assert!(
            taken.contains("os error") && kind == io::ErrorKind::AlreadyExists,
            "{taken}"
        );
        let error = error.to_string();
        assert!(error.contains("os error"), "{error}");
        assert!(
            !error.contains(".kubeknock-") && !error.contains("at path"),
            "{error}"
        );
    }
}

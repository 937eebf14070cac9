//! Files that appear whole: written beside their place, and renamed when they are done.

use std::io;
use std::path::Path;

/// Makes a file in the folder in which `path` is to be. What fails is told without the name that it had
/// for the time being, which nobody knows.
///
/// # Errors
/// There is no such folder, or `make` failed.
pub fn make<T>(path: &Path, make: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    match folder.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let problem = format!(
                "the folder {} does not exist; make it first",
                folder.display()
            );
            return Err(io::Error::new(error.kind(), problem));
        }
        Ok(found) if !found.is_dir() => {
            let problem = format!("{} is no folder", folder.display());
            return Err(io::Error::new(io::ErrorKind::NotADirectory, problem));
        }
        _ => {}
    }
    make(folder).map_err(nameless)
}

/// The system's own words, which may be the only ones that say what is wrong, without the name that
/// `tempfile` puts behind them.
fn nameless(error: io::Error) -> io::Error {
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
    fn what_is_wrong_is_told_by_the_names_that_were_given() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        drop(make(&file, |_| std::fs::File::create(&file)).unwrap());
        let hidden =
            |folder: &Path| Err::<(), _>(io::Error::other(format!("{}/.hidden", folder.display())));
        for (path, said) in [
            (
                folder.path().join("no/report"),
                "no does not exist; make it first",
            ),
            (file.join("report"), "file is no folder"),
            (file.clone(), "other error"),
        ] {
            let error = make(&path, hidden).unwrap_err().to_string();
            assert!(error.ends_with(said), "{error}");
        }
    }

    #[test]
    fn the_systems_words_stay_and_the_name_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report");
        let long = ".kubeknock-".repeat(30);
        let error = make(&path, |folder| {
            tempfile::Builder::new().prefix(&long).tempfile_in(folder)
        })
        .unwrap_err();
        let taken = make(&path, |folder| std::fs::create_dir(folder)).unwrap_err();
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

//! Files that appear whole: written beside their place, and renamed when they are done.

use std::io;
use std::path::Path;

/// Makes a file in the folder in which `path` is to be. What fails is told without the name that it had
/// for the time being, which nobody knows.
///
/// # Errors
/// There is no such folder, or `make` failed.
pub fn beside<T>(path: &Path, make: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match folder.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let problem = format!("the folder {} does not exist; make it first", folder.display());
            return Err(io::Error::new(error.kind(), problem));
        }
        Ok(found) if !found.is_dir() => {
            let problem = format!("{} is no folder", folder.display());
            return Err(io::Error::new(io::ErrorKind::NotADirectory, problem));
        }
        _ => {}
    }
    make(folder).map_err(|error| error.kind().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_by_the_names_that_were_given() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        drop(beside(&file, |_| std::fs::File::create(&file)).unwrap());
        let hidden = |folder: &Path| Err::<(), _>(io::Error::other(format!("{}/.hidden", folder.display())));
        for (path, said) in [
            (folder.path().join("no/report"), "no does not exist; make it first"),
            (file.join("report"), "file is no folder"),
            (file.clone(), "other error"),
        ] {
            let error = beside(&path, hidden).unwrap_err().to_string();
            assert!(error.ends_with(said), "{error}");
        }
    }
}

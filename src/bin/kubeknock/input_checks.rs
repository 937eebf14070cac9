//! Checks of where targets come from: standard input is read once, and a list of clusters has some to ask.

use std::path::Path;

use anyhow::bail;
use kubeknock::report::escape;
use kubeknock::targets::TargetSet;

/// Refuses a second `-` among the lists and the pairs of `--from`: it would find nothing left to read.
pub(crate) fn check_standard_input<'a>(
    files: impl Iterator<Item = &'a Path>,
    from: &'a [String],
) -> anyhow::Result<()> {
    let from = from.chunks_exact(2).map(|pair| Path::new(&pair[1]));
    if files
        .chain(from)
        .filter(|file| *file == Path::new("-"))
        .count()
        > 1
    {
        bail!("standard input (-) is given twice, and can be read only once");
    }
    Ok(())
}

/// The clusters that an error names.
const MAX_NOT_ASKED_SHOWN: usize = 20;

/// Refuses a set without targets, unless something else says why.
pub(crate) fn check_asked(set: &TargetSet) -> anyhow::Result<()> {
    if set.is_empty() && set.outside_allow() == 0 && set.unread().is_empty() {
        let clusters = set.not_asked();
        if clusters.is_empty() {
            bail!("no targets: there is nothing to ask in what --from reads");
        }
        let shown = clusters.iter().take(MAX_NOT_ASKED_SHOWN);
        let mut shown: Vec<String> = shown
            .map(|cluster| escape(&format!("{} ({})", cluster.name(), cluster.text()), 200))
            .collect();
        let more = clusters.len().saturating_sub(shown.len());
        if more > 0 {
            shown.push(format!("and {more} more; kubeknock targets lists them all"));
        }
        bail!(
            "no targets: no cluster of the inventories is asked: {}",
            shown.join(", ")
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_input_is_given_once() {
        let check = |files: &[&str], from: &[&str]| {
            let from: Vec<String> = from.iter().map(|one| (*one).to_owned()).collect();
            check_standard_input(files.iter().map(Path::new), &from).is_ok()
        };
        assert!(check(&["-", "a"], &["aks", "b"]));
        assert!(check(&["a"], &["aks", "-"]));
        assert!(!check(&["-"], &["aks", "-"]));
        assert!(!check(&[], &["aks", "-", "gke", "-"]));
        assert!(!check(&["-", "-"], &[]));
    }
}

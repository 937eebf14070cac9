//! "Did you mean …?"

/// How alike two words must be, 1 being the same.
const ALIKE: f64 = 0.75;

/// The known word that `word` most likely stands for, as an addition to an error.
pub(crate) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let likeness = |known: &'a str| (strsim::jaro_winkler(word, known), known);
    let best = known
        .into_iter()
        .map(likeness)
        .max_by(|one, other| one.0.total_cmp(&other.0));
    match best.filter(|(alike, _)| *alike >= ALIKE) {
        Some((_, known)) => format!("; did you mean {known}?"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn only_what_is_alike() {
        let known = ["version-disclosed", "health-endpoints-open"];
        assert_eq!(
            did_you_mean("version-discloses", known),
            "; did you mean version-disclosed?"
        );
        assert_eq!(did_you_mean("xyz", known), "");
        assert_eq!(did_you_mean("version", []), "");
    }
}

//! "Did you mean …?" for misspelt words.

/// The minimum similarity of a suggestion; 1 means equal.
const MIN_SIMILARITY: f64 = 0.75;

/// The known word that is most similar to `word`, as the end of an error message.
pub(crate) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let scored = |known: &'a str| (strsim::jaro_winkler(word, known), known);
    let best = known
        .into_iter()
        .map(scored)
        .max_by(|one, other| one.0.total_cmp(&other.0));
    match best.filter(|(similarity, _)| *similarity >= MIN_SIMILARITY) {
        Some((_, known)) => format!("; did you mean {known}?"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn only_similar_words_are_suggested() {
        let known = ["unsupported-version", "target-not-covered"];
        assert_eq!(
            did_you_mean("unsupported-versions", known),
            "; did you mean unsupported-version?"
        );
        assert_eq!(did_you_mean("xyz", known), "");
        assert_eq!(did_you_mean("unsupported", []), "");
    }
}

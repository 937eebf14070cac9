//! Counts and lists in sentences.

use std::fmt::Display;

/// `1 target`, `2 targets`.
pub(crate) fn plural(count: u64, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

/// `3 exposed, 2 forbidden`: the counts above zero.
pub(crate) fn counts<C: Display + Default + PartialEq, W: Display>(
    counts: impl IntoIterator<Item = (C, W)>,
) -> String {
    let present = counts
        .into_iter()
        .filter(|(count, _)| *count != C::default());
    let texts: Vec<String> = present
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    texts.join(", ")
}

/// `a, b and c`.
pub(crate) fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut words = words.into_iter().peekable();
    let mut text = words.next().unwrap_or_default().to_owned();
    while let Some(word) = words.next() {
        let is_last = words.peek().is_none();
        text.push_str(if is_last { " and " } else { ", " });
        text.push_str(word);
    }
    text
}

/// `/a and /b were accepted and stopped by authorization (403)`; `None` without paths.
pub(crate) fn accepted_and_stopped(paths: &[&str]) -> Option<String> {
    const SHOWN: usize = 6;
    let text = if paths.len() <= SHOWN {
        listed(paths.iter().copied())
    } else {
        joined_at_most(SHOWN, paths)
    };
    let verb = if paths.len() == 1 { "was" } else { "were" };
    (!paths.is_empty())
        .then(|| format!("{text} {verb} accepted and stopped by authorization (403)"))
}

/// `a, b, c`; of a longer list the first `most` words and how many more there are.
pub(crate) fn joined_at_most<S: AsRef<str>>(most: usize, words: &[S]) -> String {
    let shown = &words[..words.len().min(most)];
    first_and_more(shown, (words.len() - shown.len()) as u64)
}

/// `a, b and 5 more`; without words `5`.
pub(crate) fn first_and_more<S: AsRef<str>>(shown: &[S], more: u64) -> String {
    let shown: Vec<&str> = shown.iter().map(AsRef::as_ref).collect();
    let shown = shown.join(", ");
    match more {
        0 => shown,
        more if shown.is_empty() => more.to_string(),
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        assert_eq!(plural(1, "address", "addresses"), "1 address");
        assert_eq!(plural(0, "address", "addresses"), "0 addresses");
    }

    #[test]
    fn the_last_word_of_a_list_follows_an_and() {
        let listed = |words: &[&str]| listed(words.iter().copied());
        assert_eq!(listed(&[]), "");
        assert_eq!(listed(&["a"]), "a");
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
    }

    #[test]
    fn a_long_list_ends_with_the_number_of_the_others() {
        assert_eq!(joined_at_most(3, &["a", "b", "c"]), "a, b, c");
        assert_eq!(joined_at_most(2, &["a", "b", "c", "d"]), "a, b and 2 more");
        assert_eq!(first_and_more(&["a"], 4), "a and 4 more");
        assert_eq!(first_and_more(&[] as &[&str], 4), "4");
    }
}

//! Enums that reports and settings write as words. `strum` derives the words, and this adds
//! [`as_str`](super::Verdict::as_str), the list of all values, and the error for any other word.

/// Adds `as_str` to an enum that derives `strum::VariantNames`; with `all` also the list of its values. With a third
/// argument, what a value is called, it also adds the error for other words.
macro_rules! words {
    ($name:ident) => {
        impl $name {
            /// The word in reports and settings.
            pub const fn as_str(self) -> &'static str {
                <Self as strum::VariantNames>::VARIANTS[self as usize]
            }
        }

        impl From<$name> for &'static str {
            fn from(value: $name) -> Self {
                value.as_str()
            }
        }
    };
    ($name:ident, all) => {
        $crate::model::words!($name);

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: [Self; <Self as strum::VariantArray>::VARIANTS.len()] =
                $crate::model::as_array(<Self as strum::VariantArray>::VARIANTS);
        }
    };
    ($name:ident, all, $what:literal) => {
        $crate::model::words!($name, all);

        impl $name {
            fn invalid(word: &str) -> $crate::model::InvalidWord {
                $crate::model::InvalidWord::new($what, word, &Self::ALL.map(Self::as_str))
            }
        }
    };
}
pub(crate) use words;

/// The first `N` values as an array.
pub(crate) const fn as_array<T: Copy, const N: usize>(values: &[T]) -> [T; N] {
    *values.first_chunk().expect("at least N values")
}

/// A word that is none of those expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {what}{word}: expected one of {}", expected.join(", "))]
pub struct InvalidWord {
    what: &'static str,
    /// In backticks, or empty.
    word: String,
    expected: Vec<&'static str>,
}

impl InvalidWord {
    /// Characters of the word that the message shows.
    const SHOWN: usize = 40;

    /// An error for `word`, which is no `what`.
    pub(crate) fn new(what: &'static str, word: &str, expected: &[&'static str]) -> Self {
        Self {
            what,
            word: format!(" `{}`", word.chars().take(Self::SHOWN).collect::<String>()),
            expected: expected.to_vec(),
        }
    }

    /// The same error without the word, for files that may hold secrets.
    #[must_use]
    pub fn without_word(self) -> Self {
        Self {
            word: String::new(),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use strum::VariantNames;

    use super::super::{
        BaselineState, ChangeKind, ClueKind, Component, Confidence, FailureKind, Grade,
        LeftOutReason, Method, PostureStatus, Provenance, Scheme, Severity, Specificity, Stage,
        Unclear, Verdict,
    };

    fn same_words<T: Serialize + DeserializeOwned + VariantNames>() {
        for word in T::VARIANTS {
            let value: T = serde_json::from_value((*word).into()).unwrap();
            assert_eq!(serde_json::to_value(value).unwrap(), *word);
        }
    }

    #[test]
    fn serde_and_strum_use_the_same_words() {
        same_words::<BaselineState>();
        same_words::<ChangeKind>();
        same_words::<ClueKind>();
        same_words::<Component>();
        same_words::<Confidence>();
        same_words::<FailureKind>();
        same_words::<LeftOutReason>();
        same_words::<Grade>();
        same_words::<Method>();
        same_words::<PostureStatus>();
        same_words::<Provenance>();
        same_words::<Scheme>();
        same_words::<Severity>();
        same_words::<Specificity>();
        same_words::<Stage>();
        same_words::<Unclear>();
        same_words::<Verdict>();
    }
}

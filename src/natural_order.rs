//! The order in which people expect names: `node-9` before `node-10`, `192.0.2.9` before `192.0.2.10`.

use std::cmp::Ordering;

/// A name that sorts in natural order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Natural<T>(pub(crate) T);

impl<T: AsRef<str> + Eq> Ord for Natural<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        natural_order(self.0.as_ref(), other.0.as_ref())
    }
}

impl<T: AsRef<str> + Eq> PartialOrd for Natural<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Compares two names. Digits next to each other are compared as one number, everything else as text.
pub(crate) fn natural_order(one: &str, other: &str) -> Ordering {
    let (mut left, mut right) = (one, other);
    while !left.is_empty() && !right.is_empty() {
        let (left_part, left_rest) = first_part(left);
        let (right_part, right_rest) = first_part(right);
        let order = match (number(left_part), number(right_part)) {
            (Some(one), Some(other)) => (one.len().cmp(&other.len())).then_with(|| one.cmp(other)),
            _ => left_part.cmp(right_part),
        };
        if order.is_ne() {
            return order;
        }
        (left, right) = (left_rest, right_rest);
    }
    // `1` and `01` are different names.
    (left.len().cmp(&right.len())).then_with(|| one.cmp(other))
}

/// The digits, or the other characters, that a text begins with, and the rest.
fn first_part(text: &str) -> (&str, &str) {
    let digits = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text.find(|c: char| c.is_ascii_digit() != digits);
    text.split_at(end.unwrap_or(text.len()))
}

/// The digits of a number without zeros in front; `None` for text.
fn number(part: &str) -> Option<&str> {
    part.starts_with(|c: char| c.is_ascii_digit())
        .then(|| part.trim_start_matches('0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_sort_as_numbers() {
        let sorted = [
            "10.0.0.9:6443",
            "10.0.0.10:443",
            "10.0.0.10:6443",
            "eks-a",
            "eks-b",
            "prod-fra",
            "prod-fra-2",
            "prod-fra-02b",
            "prod-fra-10",
            "prod-fra-99999999999999999999999",
            "prod-fra-100000000000000000000000",
            "prod-muc-1",
        ];
        for (index, one) in sorted.iter().enumerate() {
            for (other_index, other) in sorted.iter().enumerate() {
                let expected = index.cmp(&other_index);
                assert_eq!(natural_order(one, other), expected, "{one} {other}");
            }
        }
    }

    proptest! {
        #[test]
        fn it_is_an_order(mut names in proptest::collection::vec("[0-9a-b0.-]{0,6}", 3)) {
            names.sort_by(|one, other| natural_order(one, other));
            for pair in names.windows(2) {
                prop_assert_ne!(natural_order(&pair[0], &pair[1]), Ordering::Greater);
            }
            prop_assert_ne!(natural_order(&names[0], &names[2]), Ordering::Greater);
            prop_assert_eq!(natural_order(&names[0], &names[1]).is_eq(), names[0] == names[1]);
        }
    }
}

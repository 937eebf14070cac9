//! The natural order of names: numbers in them compare as numbers, so `node-9` comes before `node-10`.

use std::cmp::Ordering;

/// A text that compares in natural order. Texts that differ only in leading zeros compare as texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Natural<'a>(pub(crate) &'a str);

impl Ord for Natural<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        by_parts(self.0, other.0).then_with(|| self.0.cmp(other.0))
    }
}

impl PartialOrd for Natural<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Compares part by part; a part is a number or one other character.
fn by_parts(mut one: &str, mut other: &str) -> Ordering {
    loop {
        let ((number, rest), (other_number, other_rest)) = (split_number(one), split_number(other));
        let order = if number.is_empty() || other_number.is_empty() {
            let (mut chars, mut other_chars) = (one.chars(), other.chars());
            let (first, other_first) = (chars.next(), other_chars.next());
            if first.is_none() && other_first.is_none() {
                return Ordering::Equal;
            }
            (one, other) = (chars.as_str(), other_chars.as_str());
            first.cmp(&other_first)
        } else {
            (one, other) = (rest, other_rest);
            compare_numbers(number, other_number)
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// The digits at the beginning, and the rest.
fn split_number(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

/// Compares numbers of any length.
fn compare_numbers(one: &str, other: &str) -> Ordering {
    let (one, other) = (one.trim_start_matches('0'), other.trim_start_matches('0'));
    (one.len(), one).cmp(&(other.len(), other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_as_numbers() {
        let ordered = [
            "",
            "127.50.2.9:6443",
            "127.50.2.10:443",
            "127.50.2.10:6443",
            "eks",
            "eks-07",
            "eks-7",
            "eks-7a",
            "eks-10",
            "eks-99999999999999999999999999",
            "eks-100000000000000000000000000",
            "eks-a",
            "ümlaut-2",
        ];
        for (at, one) in ordered.iter().enumerate() {
            for (other_at, other) in ordered.iter().enumerate() {
                assert_eq!(
                    Natural(one).cmp(&Natural(other)),
                    at.cmp(&other_at),
                    "{one} {other}"
                );
            }
        }
    }
}
